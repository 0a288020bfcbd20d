#include "policy/nearest_name.h"

#include <algorithm>

#include "policy/value_text.h"

namespace superslab {
namespace {

// Longer than any right name; a longer wrong one is compared by its beginning.
constexpr std::size_t kMaxLetters = 48;

// With fewer letters in common a beginning says nothing.
constexpr std::size_t kShortestBeginning = 3;

struct Letters {
  char at[kMaxLetters];
  std::size_t count = 0;

  explicit Letters(std::string_view name) {
    for (const char raw : name) {
      const char c = to_lower(raw);
      if (count < kMaxLetters && (is_digit(c) || (c >= 'a' && c <= 'z'))) at[count++] = c;
    }
  }
  std::string_view view() const { return {at, count}; }
};

unsigned alignment_distance(std::string_view a, std::string_view b) {
  // Rows i-2, i-1 and i of the usual table.
  unsigned rows[3][kMaxLetters + 1];
  unsigned* two_before = rows[0];
  unsigned* before = rows[1];
  unsigned* row = rows[2];
  for (std::size_t j = 0; j <= b.size(); ++j) before[j] = static_cast<unsigned>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = static_cast<unsigned>(i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const unsigned replace = before[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replace, before[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], two_before[j - 2] + 1);
      }
    }
    unsigned* const oldest = two_before;
    two_before = before;
    before = row;
    row = oldest;
  }
  return before[b.size()];
}

}  // namespace

unsigned name_distance(std::string_view a, std::string_view b) {
  const Letters left(a);
  const Letters right(b);
  const std::string_view longer =
      std::max(left.view(), right.view(), [](auto x, auto y) { return x.size() < y.size(); });
  const std::size_t shorter = std::min(left.count, right.count);
  if (shorter == 0) return kFarApart;
  const unsigned distance = alignment_distance(left.view(), right.view());
  if (distance <= longer.size() / 3) return distance;
  const bool beginning = first_part(left.view(), shorter) == first_part(right.view(), shorter);
  return beginning && shorter >= kShortestBeginning ? distance : kFarApart;
}

}  // namespace superslab

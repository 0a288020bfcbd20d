// Reads the text of a policy value. constexpr, so that a malformed row of policy/knobs.def does not
// compile.
//
//   whole  digits
//   size   digits [ k | m | g | t ] [ b | ib ]    in any case; k is always 1024 bytes, so 64k, 64KB
//                                                 and 64KiB are one size
// No sign, fraction, exponent, separator or white space.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

namespace superslab {

enum class TextFault : std::uint8_t {
  kNone,
  kMalformed,
  kFraction,    // well-formed but for a fraction
  kOutOfRange,  // negative, or more than the range or 64 bits hold
};

/// `value` counts only when `fault` is kNone.
struct Reading {
  std::uint64_t value = 0;
  TextFault fault = TextFault::kNone;
};

/// ASCII only, whatever the locale.
constexpr char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// string_view::substr throws, which a library without exceptions would carry around for nothing.
// `at` is at most text.size().
constexpr std::string_view first_part(std::string_view text, std::size_t at) {
  return {text.data(), at};
}
constexpr std::string_view rest_from(std::string_view text, std::size_t at) {
  return {text.data() + at, text.size() - at};
}

constexpr bool equal_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (to_lower(a[i]) != to_lower(b[i])) return false;
  }
  return true;
}

/// log2 of the unit that a size's suffix names; -1 when it names none.
constexpr int size_suffix_shift(std::string_view suffix) {
  if (suffix.empty() || equal_ignoring_case(suffix, "b")) return 0;
  int shift = 0;
  switch (to_lower(suffix[0])) {
    case 'k':
      shift = 10;
      break;
    case 'm':
      shift = 20;
      break;
    case 'g':
      shift = 30;
      break;
    case 't':
      shift = 40;
      break;
    default:
      return -1;
  }
  const std::string_view rest = rest_from(suffix, 1);
  const bool known =
      rest.empty() || equal_ignoring_case(rest, "b") || equal_ignoring_case(rest, "ib");
  return known ? shift : -1;
}

constexpr Reading read_number(std::string_view text, bool with_suffix) {
  const bool negative = !text.empty() && text[0] == '-';
  std::size_t at = negative ? 1 : 0;
  const std::size_t first_digit = at;
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t value = 0;
  bool overflow = false;
  for (; at < text.size() && is_digit(text[at]); ++at) {
    const std::uint64_t digit = static_cast<std::uint64_t>(text[at] - '0');
    if (value > (kMax - digit) / 10) overflow = true;
    if (!overflow) value = value * 10 + digit;
  }
  if (at == first_digit) return {0, TextFault::kMalformed};

  bool fraction = false;
  if (at < text.size() && text[at] == '.') {
    for (++at; at < text.size() && is_digit(text[at]); ++at) fraction = true;
    if (!fraction) return {0, TextFault::kMalformed};
  }

  const std::string_view suffix = rest_from(text, at);
  const int shift = with_suffix ? size_suffix_shift(suffix) : (suffix.empty() ? 0 : -1);
  if (shift < 0) return {0, TextFault::kMalformed};
  if (fraction) return {0, TextFault::kFraction};
  if (negative || overflow || value > (kMax >> shift)) return {0, TextFault::kOutOfRange};
  return {value << shift, TextFault::kNone};
}

constexpr Reading read_whole(std::string_view text) { return read_number(text, false); }
constexpr Reading read_size(std::string_view text) { return read_number(text, true); }

/// `words` is a list separated by |. Number `index` of them, counted from 0; empty past the end.
constexpr std::string_view word_at(std::string_view words, std::size_t index) {
  for (; index > 0; --index) {
    const std::size_t bar = words.find('|');
    if (bar == std::string_view::npos) return {};
    words.remove_prefix(bar + 1);
  }
  return first_part(words, std::min(words.find('|'), words.size()));
}

constexpr std::size_t word_count(std::string_view words) {
  std::size_t count = 0;
  while (!word_at(words, count).empty()) ++count;
  return count;
}

/// Case is ignored. kMalformed when `text` is none of `words`.
constexpr Reading read_word(std::string_view words, std::string_view text) {
  for (std::size_t i = 0; i < word_count(words); ++i) {
    if (equal_ignoring_case(word_at(words, i), text)) return {i, TextFault::kNone};
  }
  return {0, TextFault::kMalformed};
}

/// 0, off, false, no; 1, on, true, yes.
constexpr Reading read_flag(std::string_view text) {
  const Reading off = read_word("0|off|false|no", text);
  if (off.fault == TextFault::kNone) return {0, TextFault::kNone};
  const Reading on = read_word("1|on|true|yes", text);
  if (on.fault == TextFault::kNone) return {1, TextFault::kNone};
  return {0, TextFault::kMalformed};
}

}  // namespace superslab

// "Did you mean ...?"
#pragma once

#include <cstddef>
#include <string_view>

namespace superslab {

/// How far apart two names are, or kFarApart when one is no likely misspelling of the other. Case
/// and everything but letters and digits count for nothing, so hugepages, HUGE_PAGES and huge-pages
/// are 0 apart. Otherwise the optimal string alignment distance (insert, delete, replace, swap of
/// neighbours), likely up to a third of the longer name; or one is the beginning of the other.
unsigned name_distance(std::string_view a, std::string_view b);

inline constexpr unsigned kFarApart = ~0u;

/// Keeps the nearest of the names it is shown; the first of equals.
class NearestName {
 public:
  explicit NearestName(std::string_view wrong) : wrong_(wrong) {}

  /// `compared` is the part of `name` that counts.
  void offer(std::string_view name, std::string_view compared) {
    const unsigned distance = name_distance(wrong_, compared);
    if (distance >= best_) return;
    best_ = distance;
    name_ = name;
  }
  void offer(std::string_view name) { offer(name, name); }

  /// Empty when none was near.
  std::string_view name() const { return name_; }

 private:
  std::string_view wrong_;
  std::string_view name_;
  unsigned best_ = kFarApart;
};

}  // namespace superslab

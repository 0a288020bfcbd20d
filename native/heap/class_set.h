// A set of size classes: a bit for each place that a class can have.
#pragma once

#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>

#include "base/bits.h"
#include "base/types.h"

namespace superslab {

class ClassSet {
 public:
  constexpr void add(ClassIndex c) { word_of(c) |= bit_of(c); }
  constexpr void remove(ClassIndex c) { word_of(c) &= ~bit_of(c); }

  constexpr bool contains(ClassIndex c) const {
    return (words_[to_index(c) / kWordBits] & bit_of(c)) != 0;
  }
  constexpr bool is_empty() const {
    for (const std::uint64_t word : words_)
      if (word != 0) return false;
    return true;
  }

  /// Of a set that is not empty.
  constexpr ClassIndex first() const {
    assert(!is_empty());
    std::size_t at = 0;
    while (words_[at] == 0) ++at;
    return static_cast<ClassIndex>(at * kWordBits + std::countr_zero(words_[at]));
  }
  constexpr ClassIndex last() const {
    assert(!is_empty());
    std::size_t at = kWords - 1;
    while (words_[at] == 0) --at;
    return static_cast<ClassIndex>(at * kWordBits + std::bit_width(words_[at]) - 1);
  }

  /// Those that are in both.
  constexpr ClassSet operator&(const ClassSet& other) const {
    ClassSet both;
    for (std::size_t i = 0; i < kWords; ++i) both.words_[i] = words_[i] & other.words_[i];
    return both;
  }
  constexpr bool operator==(const ClassSet&) const = default;

  class Iterator;
  struct End {};
  /// In ascending order, those that are in the set now: it may change meanwhile.
  constexpr Iterator begin() const;
  constexpr End end() const { return {}; }

 private:
  static constexpr std::size_t kWordBits = 64;
  static constexpr std::size_t kWords = div_up(kClassSlots, kWordBits);

  static constexpr std::uint64_t bit_of(ClassIndex c) {
    assert(to_index(c) < kClassSlots);
    return std::uint64_t{1} << to_index(c) % kWordBits;
  }
  constexpr std::uint64_t& word_of(ClassIndex c) { return words_[to_index(c) / kWordBits]; }

  std::uint64_t words_[kWords] = {};
};

class ClassSet::Iterator {
 public:
  constexpr explicit Iterator(const ClassSet& rest) : rest_(rest) {}
  constexpr ClassIndex operator*() const { return rest_.first(); }
  constexpr Iterator& operator++() {
    rest_.remove(rest_.first());
    return *this;
  }
  constexpr bool operator!=(End) const { return !rest_.is_empty(); }

 private:
  ClassSet rest_;
};

constexpr ClassSet::Iterator ClassSet::begin() const { return Iterator(*this); }

}  // namespace superslab

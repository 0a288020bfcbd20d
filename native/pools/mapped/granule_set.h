// A set of places in the data. Of our own: libsuperslab.so has no C++ library to link to, whose
// hash tables need it.
#pragma once

#include <cstdint>
#include <vector>

namespace superslab::mapped {

/// Open addressing with linear probes; at most half of the places are in use.
class GranuleSet {
 public:
  bool empty() const { return count_ == 0; }
  std::size_t size() const { return count_; }

  bool contains(std::uint32_t granule) const {
    return count_ != 0 && places_[find(granule)] == stored(granule);
  }

  void insert(std::uint32_t granule) {
    if ((count_ + 1) * 2 > places_.size()) grow();
    std::uint64_t& place = places_[find(granule)];
    count_ += place == kNone;
    place = stored(granule);
  }

  void erase(std::uint32_t granule) {
    if (!contains(granule)) return;
    std::size_t hole = find(granule);
    // What comes behind moves up, so that no search ends too early.
    for (std::size_t next = after(hole); places_[next] != kNone; next = after(next)) {
      const std::size_t home = home_of(static_cast<std::uint32_t>(places_[next] - 1));
      if (((next - home) & mask()) < ((next - hole) & mask())) continue;
      places_[hole] = places_[next];
      hole = next;
    }
    places_[hole] = kNone;
    --count_;
  }

  void clear() {
    places_.clear();
    count_ = 0;
  }

 private:
  static constexpr std::uint64_t kNone = 0;
  static constexpr std::size_t kFirstPlaces = 64;

  static std::uint64_t stored(std::uint32_t granule) { return std::uint64_t{granule} + 1; }
  std::size_t mask() const { return places_.size() - 1; }
  std::size_t after(std::size_t place) const { return (place + 1) & mask(); }
  /// Fibonacci hashing: neighbours are freed together.
  std::size_t home_of(std::uint32_t granule) const { return granule * 0x9e3779b1u & mask(); }

  /// Where it is, or where it would go.
  std::size_t find(std::uint32_t granule) const {
    std::size_t place = home_of(granule);
    while (places_[place] != kNone && places_[place] != stored(granule)) place = after(place);
    return place;
  }

  void grow() {
    std::vector<std::uint64_t> before(places_.empty() ? kFirstPlaces : places_.size() * 2);
    before.swap(places_);
    for (const std::uint64_t place : before)
      if (place != kNone) places_[find(static_cast<std::uint32_t>(place - 1))] = place;
  }

  std::vector<std::uint64_t> places_;  // granule + 1; a power of two of them, or none
  std::size_t count_ = 0;
};

}  // namespace superslab::mapped

// Who has a cache open, and what they read just now.
#pragma once

#include <cstdint>

#include "os/file.h"
#include "pools/shared_cache/format.h"

namespace superslab::shared_cache {

/// Granules of the file.
struct PinnedRange {
  std::uint64_t from = 0;
  std::uint64_t to = 0;

  bool is_empty() const { return to == 0; }
};

/// The members of a cache as one of them sees them. One thread.
class Members {
 public:
  /// Over a mapping of the whole file, which outlives this, as `file` does.
  Members(std::uint8_t* mapping, File& file) : mapping_(mapping), file_(file) {}

  /// Takes the page of one that has left or died. kLocked when kMaxMembers have the cache open.
  FileError join(std::uint32_t pid);
  void leave();

  /// What a lock has that is held by this one.
  std::uint64_t own_word() const { return own_word_; }
  std::size_t own_index() const { return index_; }
  Member& own() const { return member(index_); }

  /// Whether whoever wrote `word` as its own_word() lives.
  bool is_alive(std::uint64_t word) const;

  /// The range that comes first of those that somebody has pinned of [from, to): no pin goes on
  /// behind it. Pins of members that died are given back on the way.
  PinnedRange first_pinned(std::uint64_t from, std::uint64_t to);

  /// Of all members that ever were.
  void sum_counters(double (&sums)[kCounters]) const;
  std::size_t count() const;

 private:
  Member& member(std::size_t index) const {
    return *reinterpret_cast<Member*>(mapping_ + Geometry::kMembersAt + index * sizeof(Member));
  }
  PinMarks& marks() const { return *reinterpret_cast<PinMarks*>(mapping_ + Geometry::kMarksAt); }
  Header& header() const { return *reinterpret_cast<Header*>(mapping_); }

  bool lives(std::size_t index) const {
    return index == index_ || file_.is_byte_locked(kFirstLock + index);
  }
  void empty(std::size_t index);
  template <class Visit>
  void for_each_pin(std::size_t index, std::uint64_t from, std::uint64_t to, Visit visit) const;
  /// Gives back what a member has that may have died; whether it has.
  bool reap(std::size_t index);

  static constexpr std::size_t kNone = kMaxMembers;

  std::uint8_t* const mapping_;
  File& file_;
  std::size_t index_ = kNone;
  std::uint64_t own_word_ = 0;
};

}  // namespace superslab::shared_cache

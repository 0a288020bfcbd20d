// A table of a space: an array at an address that was chosen for all of it, of which as much is
// mapped as was ever needed. It never moves, so that readers need no lock, and never shrinks.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bits.h"
#include "base/program_order.h"
#include "base/types.h"
#include "os/os.h"

namespace superslab {

template <class Entry>
class Table {
 public:
  /// Entries before `first`, whose addresses lie at multiples of any page, are never used.
  void place(std::byte* base, std::size_t first) {
    entries_ = reinterpret_cast<Entry*>(base);
    end_ = address_of(entries_ + first);
  }

  /// Makes every entry below `count` usable; those that were not read as zero.
  OsStatus grow(Os& os, std::size_t count) {
    const std::uintptr_t end = align_up(address_of(entries_ + count), os.page_bytes());
    if (end <= end_) return OsStatus::kOk;
    auto* const from = reinterpret_cast<std::byte*>(end_);
    growing_to_ = end;
    in_program_order();
    OsStatus status = os.reserve_at(from, end - end_);
    if (status == OsStatus::kOk) {
      status = os.commit(from, end - end_, HugePages::kOff);
      if (status == OsStatus::kOk) {
        end_ = end;
      } else {
        os.unreserve(from, end - end_);
      }
    }
    in_program_order();
    growing_to_ = 0;
    return status;
  }

  /// In the child of a fork, when a thread that is not there may have been in grow(): what it
  /// reserved would be in the way.
  void survive_fork(Os& os) {
    if (growing_to_ > end_) os.unreserve(reinterpret_cast<void*>(end_), growing_to_ - end_);
    growing_to_ = 0;
  }

  /// Gives it back. Only for tests.
  void close(Os& os, std::size_t first) {
    const std::uintptr_t from = address_of(entries_ + first);
    if (end_ != from) os.unreserve(reinterpret_cast<void*>(from), end_ - from);
    end_ = from;
  }

  Entry* entries() const { return entries_; }
  Entry& operator[](std::size_t i) const { return entries_[i]; }

 private:
  Entry* entries_ = nullptr;
  std::uintptr_t end_ = 0;         // of what is mapped
  std::uintptr_t growing_to_ = 0;  // its next value, while grow() runs
};

}  // namespace superslab

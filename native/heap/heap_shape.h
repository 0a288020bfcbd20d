// What a heap is made for, apart from the policy values that its owner may choose.
#pragma once

#include "base/types.h"
#include "heap/size_class.h"
#include "os/limits.h"
#include "space/space.h"

namespace superslab {

struct HeapShape {
  /// Who gets at the memory. A freed block beyond 2 MiB that views may show is kept whole, for the
  /// next request of about its length; the superslabs of others go back to the space, with their
  /// memory, for blocks of any size.
  Access access = Access::kViews;
  /// Transparent huge pages, if the policy asks for them, are for superslabs that are taken while
  /// at least this much is committed: a small heap would pay for memory it does not use. Many slabs
  /// of small blocks are used in part, so that they cost more.
  ByteCount thp_from_bytes_small = 0;
  ByteCount thp_from_bytes_large = 0;
  /// Whether the heap knows what is out also without a limit. One that stays for ever need not.
  bool is_always_charged = true;
  /// Whether the slabs' tables are purged with their superslab, for who is judged by its RSS alone.
  bool purges_tables = false;
  /// Most memory that all heaps of the space may have together before somebody is killed for it.
  ByteCount memory = kNoLimit;
  /// Told of each slab of a class that leases come from, before anybody has a block of it: where it
  /// was cut, in slices from the superslab's start and bytes into the first. Under the heap's lock.
  void (*slab_was_cut)(const Space& space, const Superslab& s, unsigned first_slice, ClassIndex c,
                       ByteCount colour) = nullptr;

  /// Whether memory is limited, so that what is cached beside what is needed may be missed.
  bool is_limited() const { return memory != kNoLimit; }
};

}  // namespace superslab

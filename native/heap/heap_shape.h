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
  /// What its memory is kept from, and whether blocks beyond 2 MiB end in a guard. Both are for
  /// memory behind views alone: what a program keeps in malloc's memory must survive a fork.
  Secrecy secrecy = Secrecy::kNone;
  bool has_guard_pages = false;
  /// Whether the heap knows what is out also without a limit. One that stays for ever need not.
  bool is_always_charged = true;
  /// Whether the slabs' tables are purged with their superslab, for who is judged by its RSS alone.
  bool purges_tables = false;
  /// Whether slabs of a class begin at different offsets, so that their blocks spread over the sets
  /// of a processor's cache.
  bool has_colours = true;
  /// Whether each owner has a node, and takes memory there as long as there is some; then the
  /// nearest node with memory serves it. Else the policy says where memory lies.
  bool has_nodes = false;
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

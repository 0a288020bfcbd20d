#include "malloc/checked.h"

#include <cstdio>

#include "base/bits.h"
#include "heap/slab_bits.h"
#include "malloc/fatal.h"

namespace superslab {
namespace {

[[noreturn]] void fail_in_class(const char* function, const void* block, ClassIndex c,
                                const char* what) {
  char why[128];
  std::snprintf(why, sizeof why, "%s; class %zu, blocks of %u bytes", what, to_index(c),
                size_class(c).block_bytes);
  fail_on_address(function, block, why);
}

/// Where in its block a request may begin: see heap/placement.h.
bool may_begin_at(ClassIndex c, ByteCount offset) {
  if (to_index(c) < kFirstLargeClass) return offset == 0;
  return offset % kGranuleBytes == 0 && offset < kSliceBytes;
}

void check_in_slab(ProcessHeap& heap, const char* function, const void* block) {
  const Slab& slab = *heap.space().slab_of(block);
  const ClassIndex c = slab.size_class;
  if (address_of(block) < address_of(slab.start))
    fail_in_class(function, block, c, "in front of a slab's first block");
  const std::uint32_t index = block_index(slab, block);
  if (index >= slab.carved) fail_in_class(function, block, c, "never allocated");
  const ByteCount offset = address_of(block) - address_of(block_address(slab, index));
  if (!may_begin_at(c, offset)) {
    char what[64];
    std::snprintf(what, sizeof what, "%zu bytes into a block", offset);
    fail_in_class(function, block, c, what);
  }
  if (slab_holds(slab, index)) fail_in_class(function, block, c, "freed already");
}

}  // namespace

void* allocate_checked(ThreadCache& cache, ByteCount bytes) {
  const ClassIndex c = class_for(bytes);
  void* block = nullptr;
  if (cache.owner().take(c, &block, 1) == 0) return nullptr;
  ClassCounters& counters = cache.owner().counters(c);
  counters.acquires.add(1);
  counters.refills.add(1);
  counters.refilled_blocks.add(1);
  return block;
}

void check_block(ProcessHeap& heap, const char* function, const void* block) {
  const SliceTag tag = heap.space().tag_at(block);
  if (tag == kTagNone) return;  // mapped, another allocator's, or caught there
  if (tag != kTagLarge) return check_in_slab(heap, function, block);
  const ByteCount offset = address_of(block) % kSuperslabBytes;
  if (offset % kGranuleBytes != 0)
    fail_on_address(function, block, "inside a block beyond 2 MiB, not at its start");
}

}  // namespace superslab

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

[[noreturn]] void fail_inside(const char* function, const void* block, ByteCount offset,
                              ByteCount block_bytes) {
  char why[128];
  std::snprintf(why, sizeof why, "%zu bytes into a block of %zu bytes", offset, block_bytes);
  fail_on_address(function, block, why);
}

void check_in_slab(ProcessHeap& heap, const char* function, const void* block) {
  const Slab& slab = *heap.space().slab_of(block);
  const ClassIndex c = slab.size_class;
  if (address_of(block) < address_of(slab.start))
    fail_in_class(function, block, c, "in front of a slab's first block");
  const std::uint32_t index = block_index(slab, block);
  if (index >= slab.carved) fail_in_class(function, block, c, "never allocated");
  const ByteCount offset = address_of(block) - address_of(block_address(slab, index));
  if (offset != 0) {
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
  counters.refills.add(1);
  counters.refilled_blocks.add(1);
  return block;
}

void check_block(ProcessHeap& heap, const char* function, const void* block) {
  const SliceTag tag = heap.space().tag_at(block);
  if (tag == kTagNone) return;  // mapped, another allocator's, or caught there
  if (tag != kTagHuge) return check_in_slab(heap, function, block);
  const Superslab& head = heap.space().superslab_of(block);
  const ByteCount offset = address_of(block) - address_of(head.base);
  if (offset != 0) fail_inside(function, block, offset, head.huge_bytes);
}

void check_foreign(ProcessHeap& heap, const char* function, const void* block) {
  if (address_of(block) % alignof(void*) != 0)
    fail_on_address(function, block, "not aligned as a block of any allocator is");
  if (!heap.space().os().is_mapped(block))
    fail_on_address(function, block, "no memory is there: freed already, or never allocated");
}

void check_size(const char* function, const void* block, ByteCount usable, ByteCount bytes) {
  if (bytes <= usable) return;
  char why[128];
  std::snprintf(why, sizeof why, "freed as one of %zu bytes, and has %zu", bytes, usable);
  fail_on_address(function, block, why);
}

void free_checked(ProcessHeap& heap, const char* function, void* block) {
  Superslab& superslab = heap.space().superslab_of(block);
  Heap& home = Heap::of(superslab);
  const bool is_huge = heap.space().tag_at(block) == kTagHuge;
  // As a remote free also of the thread's own blocks: it is atomic, and knows the second of two.
  const bool done =
      is_huge ? home.give_huge(&superslab) : SlabOwner::give_remote(home.slabs(), block, nullptr);
  if (!done) fail_on_address(function, block, "freed already, by two threads at once");
}

}  // namespace superslab

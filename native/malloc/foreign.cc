#include "malloc/foreign.h"

#include <dlfcn.h>

#include <algorithm>
#include <atomic>
#include <cstdio>

#include "base/bits.h"
#include "malloc/checked.h"
#include "malloc/fatal.h"
#include "malloc/process_heap.h"

namespace superslab {
namespace {

constexpr ByteCount kStartBytes = 64 * kKiB;
alignas(kSliceBytes) constinit std::byte start_memory[kStartBytes] = {};
constinit std::atomic<ByteCount> start_used{0};

/// The size stands in front of the block.
ByteCount& start_bytes(const void* block) {
  const auto offset = static_cast<ByteCount>(address_of(block) - address_of(start_memory));
  return *reinterpret_cast<ByteCount*>(start_memory + offset - sizeof(ByteCount));
}

/// What SUPERSLAB_FOREIGN says of `block`. Ends the process where there is nothing to choose.
Foreign choice_for(const char* function, const void* block) {
  ProcessHeap* heap = ProcessHeap::get();
  if (heap == nullptr) return Foreign::kNext;
  if (const ByteCount offset = heap->mapped().offset_of(block); offset != 0) {
    char why[96];
    std::snprintf(why, sizeof why, "%zu bytes into a block beyond 1 GiB", offset);
    fail_on_address(function, block, why);
  }
  if (heap->space().is_nobody_elses(block)) {
    fail_on_address(function, block,
                    "inside the heap, where no block starts: freed already, or never allocated");
  }
  if (heap->policy().check) check_foreign(*heap, function, block);
  const Foreign choice = heap->policy().foreign;
  if (choice == Foreign::kAbort)
    fail_on_address(function, block, "another allocator's; SUPERSLAB_FOREIGN is abort");
  return choice;
}

/// The functions that the allocator behind this one has.
constinit std::atomic<void (*)(void*)> next_free{nullptr};
constinit std::atomic<void* (*)(void*, ByteCount)> next_realloc{nullptr};
constinit std::atomic<ByteCount (*)(void*)> next_usable_size{nullptr};

template <class Function>
void find_next(std::atomic<Function>& function, const char* name) {
  function.store(reinterpret_cast<Function>(dlsym(RTLD_NEXT, name)), std::memory_order_relaxed);
}

template <class Function>
Function next_function(std::atomic<Function>& found, const char* name, const void* block) {
  // A constructor that ran before ours may free already.
  if (found.load(std::memory_order_relaxed) == nullptr) find_next(found, name);
  const Function function = found.load(std::memory_order_relaxed);
  if (function == nullptr)
    fail_on_address(name, block, "another allocator's, and no such function to pass it to");
  return function;
}

}  // namespace

void find_next_allocator() {
  find_next(next_free, "free");
  find_next(next_realloc, "realloc");
  find_next(next_usable_size, "malloc_usable_size");
}

bool is_from_start(const void* p) { return address_of(p) - address_of(start_memory) < kStartBytes; }

void* allocate_at_start(ByteCount bytes, ByteCount alignment) {
  if (bytes > kStartBytes || alignment > kStartBytes) return nullptr;
  ByteCount used = start_used.load(std::memory_order_relaxed);
  ByteCount from;
  do {
    from = align_up(used + sizeof(ByteCount), std::max(alignment, kMinAlignment));
    // One byte at least, so that no two blocks have one address.
    if (from + std::max<ByteCount>(bytes, 1) > kStartBytes) return nullptr;
  } while (!start_used.compare_exchange_weak(used, from + std::max<ByteCount>(bytes, 1),
                                             std::memory_order_relaxed));
  start_bytes(start_memory + from) = bytes;
  return start_memory + from;
}

void free_foreign(void* block) {
  if (is_from_start(block)) return;
  if (choice_for("free", block) == Foreign::kIgnore) return;
  next_function(next_free, "free", block)(block);
}

void* reallocate_foreign(void* block, ByteCount bytes) {
  // Without its size there is nothing that could be copied.
  if (choice_for("realloc", block) == Foreign::kIgnore) return nullptr;
  return next_function(next_realloc, "realloc", block)(block, bytes);
}

ByteCount usable_bytes_of_foreign(const void* block) {
  if (is_from_start(block)) return start_bytes(block);
  if (choice_for("malloc_usable_size", block) == Foreign::kIgnore) return 0;
  return next_function(next_usable_size, "malloc_usable_size", block)(const_cast<void*>(block));
}

}  // namespace superslab

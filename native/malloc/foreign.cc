#include "malloc/foreign.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>

#include "base/bits.h"

namespace superslab {
namespace {

constexpr ByteCount kStartBytes = 64 * kKiB;
alignas(kSliceBytes) constinit std::byte start_memory[kStartBytes] = {};
constinit std::atomic<ByteCount> start_used{0};

bool is_from_start(const void* p) {
  return address_of(p) - address_of(start_memory) < kStartBytes;
}

}  // namespace

void* allocate_at_start(ByteCount bytes, ByteCount alignment) {
  if (bytes > kStartBytes || alignment > kStartBytes) return nullptr;
  ByteCount used = start_used.load(std::memory_order_relaxed);
  ByteCount from;
  do {
    // The size stands in front of the block.
    from = align_up(used + sizeof(ByteCount), std::max(alignment, kMinAlignment));
    if (from + bytes > kStartBytes) return nullptr;
  } while (!start_used.compare_exchange_weak(used, from + bytes, std::memory_order_relaxed));
  *reinterpret_cast<ByteCount*>(start_memory + from - sizeof(ByteCount)) = bytes;
  return start_memory + from;
}

void free_foreign(void* block) {
  if (is_from_start(block)) return;
  std::abort();
}

ByteCount usable_bytes_of_foreign(const void* block) {
  if (!is_from_start(block)) return 0;
  return *reinterpret_cast<const ByteCount*>(static_cast<const std::byte*>(block) -
                                             sizeof(ByteCount));
}

}  // namespace superslab

#include "space/metadata.h"

#include <algorithm>

#include "base/bits.h"
#include "base/program_order.h"

namespace superslab {
namespace {

/// Addresses; what nobody touches costs no memory.
constexpr ByteCount kChunkBytes = 1 * kMiB;

}  // namespace

bool Metadata::add_chunk(Os& os, ByteCount min_bytes) {
  const ByteCount bytes =
      align_up(std::max(min_bytes + kCacheLinePair, kChunkBytes), os.page_bytes());
  void* p = os.reserve(bytes, os.page_bytes());
  if (p == nullptr) return false;
  if (os.commit(p, bytes, HugePages::kOff) != OsStatus::kOk) {
    os.unreserve(p, bytes);
    return false;
  }
  chunks_ = new (p) Chunk{chunks_, bytes};
  // Never the start of one chunk with the end of another.
  end_ = nullptr;
  in_program_order();
  next_ = static_cast<std::byte*>(p) + kCacheLinePair;
  in_program_order();
  end_ = static_cast<std::byte*>(p) + bytes;
  return true;
}

void* Metadata::allocate(Os& os, ByteCount bytes, ByteCount alignment) {
  alignment = std::max(alignment, kCacheLinePair);
  bytes = align_up(bytes, kCacheLinePair);
  LockGuard guard(lock_);
  for (Free** at = &free_; *at != nullptr; at = &(*at)->next) {
    if ((*at)->bytes != bytes) continue;
    Free* found = *at;
    *at = found->next;
    return found;
  }
  const auto place = [&]() NO_THREAD_SAFETY_ANALYSIS {
    return align_up(address_of(next_), alignment);
  };
  if (place() + bytes > address_of(end_) && !add_chunk(os, bytes + alignment)) return nullptr;
  auto* p = reinterpret_cast<std::byte*>(place());
  next_ = p + bytes;
  return p;
}

void Metadata::free(void* p, ByteCount bytes) {
  LockGuard guard(lock_);
  auto* place = new (p) Free{free_, align_up(bytes, kCacheLinePair)};
  in_program_order();
  free_ = place;
}

// Nobody else has it any more.
void Metadata::close(Os& os) NO_THREAD_SAFETY_ANALYSIS {
  while (chunks_ != nullptr) {
    Chunk* chunk = chunks_;
    chunks_ = chunk->next;
    os.unreserve(chunk, chunk->bytes);
  }
  next_ = end_ = nullptr;
  free_ = nullptr;
}

}  // namespace superslab

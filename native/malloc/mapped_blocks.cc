#include "malloc/mapped_blocks.h"

#include <algorithm>

#include "base/bits.h"
#include "base/program_order.h"

namespace superslab {

void* MappedBlocks::allocate(ByteCount bytes, ByteCount alignment) {
  Os& os = space_.os();
  const ByteCount page = os.page_bytes();
  if (bytes > PTRDIFF_MAX - page) return nullptr;
  bytes = align_up(std::max<ByteCount>(bytes, 1), page);
  auto* block = space_.metadata().make<Block>(os);
  if (block == nullptr) return nullptr;
  block->bytes = bytes;
  block->start = os.reserve(bytes, std::max(alignment, page));
  if (block->start != nullptr && os.commit(block->start, bytes, HugePages::kOff) != OsStatus::kOk) {
    os.unreserve(block->start, bytes);
    block->start = nullptr;
  }
  void* start = block->start;
  if (start == nullptr) {
    space_.metadata().destroy(block);
    return nullptr;
  }
  bytes_.fetch_add(bytes, std::memory_order_relaxed);
  LockGuard guard(lock_);
  block->next = blocks_;
  in_program_order();
  blocks_ = block;
  return start;
}

bool MappedBlocks::free(void* p) {
  Block* found = nullptr;
  {
    LockGuard guard(lock_);
    for (Block** at = &blocks_; *at != nullptr && found == nullptr; at = &(*at)->next) {
      if ((*at)->start != p) continue;
      found = *at;
      *at = found->next;
      break;
    }
  }
  if (found == nullptr) return false;
  bytes_.fetch_sub(found->bytes, std::memory_order_relaxed);
  space_.os().unreserve(found->start, found->bytes);
  space_.metadata().destroy(found);
  return true;
}

ByteCount MappedBlocks::bytes_of(const void* p) const {
  LockGuard guard(lock_);
  for (const Block* block = blocks_; block != nullptr; block = block->next) {
    if (block->start == p) return block->bytes;
  }
  return 0;
}

ByteCount MappedBlocks::offset_of(const void* p) const {
  LockGuard guard(lock_);
  for (const Block* block = blocks_; block != nullptr; block = block->next) {
    const ByteCount offset = address_of(p) - address_of(block->start);
    if (offset < block->bytes) return offset;
  }
  return 0;
}

}  // namespace superslab

// Blocks too large for an arena, or aligned to more than one: mappings of their own.
#pragma once

#include <atomic>

#include "base/lock.h"
#include "base/types.h"
#include "space/space.h"

namespace superslab {

/// Blocks from here on are mapped.
constexpr ByteCount kMinMappedBytes = kGiB;

class MappedBlocks {
 public:
  explicit MappedBlocks(Space& space) : space_(space) {}

  /// Reads as zero. `alignment` is a power of two. nullptr without memory. Any thread.
  void* allocate(ByteCount bytes, ByteCount alignment);

  /// False when there is no such block. Any thread.
  bool free(void* p);

  /// Its size in bytes; 0 when there is no such block. Any thread.
  ByteCount bytes_of(const void* p) const;

  /// How far behind the start of one of them `p` lies inside it; 0 when it lies in none.
  ByteCount offset_of(const void* p) const;

  /// Bytes of all of them.
  ByteCount bytes() const { return bytes_.load(std::memory_order_relaxed); }

  /// In the child of a fork. The list is whole at any moment.
  Holder survive_fork() { return lock_.survive_fork(); }

 private:
  struct Block {
    void* start;
    ByteCount bytes;
    Block* next;
  };

  Space& space_;
  mutable Mutex lock_{LockRank::kMapped};
  Block* blocks_ GUARDED_BY(lock_) =
      nullptr;  // few: each has at least kMinMappedBytes or an alignment like that
  std::atomic<ByteCount> bytes_{0};
};

}  // namespace superslab

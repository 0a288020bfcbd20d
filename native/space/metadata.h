// Memory for the allocator's own objects (slab owners, thread caches, heaps). They cannot come from
// malloc: malloc is what they serve. Chunks come from the operating system and are never given
// back; an object that ends leaves its place to the next of its size.
#pragma once

#include <new>
#include <utility>

#include "base/lock.h"
#include "base/types.h"
#include "os/os.h"

namespace superslab {

class Metadata {
 public:
  /// nullptr without memory. `alignment` is a power of two, at most an OS page, and the same for
  /// all objects of one size. Reads as zero only when fresh.
  void* allocate(Os& os, ByteCount bytes, ByteCount alignment);

  /// `bytes` as in allocate().
  void free(void* p, ByteCount bytes);

  /// In the child of a fork. Its lists are whole at any moment.
  Holder survive_fork() { return lock_.survive_fork(); }

  /// Gives every chunk back. Only for tests.
  void close(Os& os);

  /// nullptr without memory.
  template <class T, class... Args>
  T* make(Os& os, Args&&... args) {
    void* p = allocate(os, sizeof(T), alignof(T));
    return p == nullptr ? nullptr : new (p) T(std::forward<Args>(args)...);
  }

  template <class T>
  void destroy(T* object) {
    object->~T();
    free(object, sizeof(T));
  }

 private:
  struct Chunk {
    Chunk* next;
    ByteCount bytes;
  };
  struct Free {
    Free* next;
    ByteCount bytes;
  };

  bool add_chunk(Os& os, ByteCount min_bytes) REQUIRES(lock_);

  Mutex lock_{LockRank::kMetadata};
  Chunk* chunks_ GUARDED_BY(lock_) = nullptr;
  std::byte* next_ GUARDED_BY(lock_) = nullptr;
  std::byte* end_ GUARDED_BY(lock_) = nullptr;
  Free* free_ GUARDED_BY(lock_) = nullptr;  // few sizes, few objects: a plain list
};

}  // namespace superslab

// The pools of compressed values that a program makes through superslab.h, and their threads.
//
// A pool that is closed while values are pinned ends with the last of their releases.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/lock.h"
#include "malloc/process_heap.h"
#include "pools/compressed/compressed_pool.h"
#include "runtime/cooler.h"

namespace superslab {

class ProgramCompressedPool {
 public:
  struct Made {
    ProgramCompressedPool* pool = nullptr;
    CompressedPool::Fault fault = CompressedPool::Fault::kNone;
  };
  /// `share` of a processor for its thread.
  static Made make(const CompressedPool::Options& options, double share, std::string_view name);

  /// With SUPERSLAB_CHECK: ends the process unless `pool` is one. `function` is what was called
  /// with it.
  static void check(const char* function, const ProgramCompressedPool* pool);

  CompressedPool& values() { return values_; }
  Cooler& cooler() { return cooler_; }

  CompressedPool::Result put(const void* bytes, ByteCount length, TierHandle& handle);
  CompressedPool::Result access(TierHandle handle, void*& bytes, ByteCount& length);
  /// The pool may have ended then.
  CompressedPool::Result release(TierHandle handle);

  /// No other thread is in a call for this pool. Returns how many values are pinned: without any
  /// the pool has ended.
  std::size_t close();

  /// CompressedPool::trim() of each.
  static ByteCount trim_all();

  /// Calls visit(ProgramCompressedPool&) for each, with no lock held; none of those ends meanwhile.
  template <class Visit>
  static void for_each(Visit visit);

 private:
  friend class Metadata;
  ProgramCompressedPool(Space& space, const Clock& clock, const Policy& policy,
                        const CompressedPool::Options& options, double share, std::string_view name)
      : values_(space, clock, policy, options, name), cooler_(values_.tiers(), share) {}

  class Registry;
  static Registry registry;

  static bool survive_fork(const SlabOwner* mine, bool is_suspect);
  static ProgramCompressedPool* pin_next(const ProgramCompressedPool* after);
  void unpin();

  ProgramCompressedPool* next_ = nullptr;  // in the registry
  std::uint64_t age_ = 0;                  // likewise: the order in which pools were made
  std::atomic<std::uint32_t> pins_{0};     // who has it in hand without a value of it
  CompressedPool values_;
  Cooler cooler_;
};

template <class Visit>
void ProgramCompressedPool::for_each(Visit visit) {
  ProgramCompressedPool* before = nullptr;
  while (ProgramCompressedPool* pool = pin_next(before)) {
    if (before != nullptr) before->unpin();
    visit(*pool);
    before = pool;
  }
  if (before != nullptr) before->unpin();
}

}  // namespace superslab

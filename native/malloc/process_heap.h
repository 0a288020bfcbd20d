// The heap behind malloc: one a process, built at the first allocation, never destroyed, because
// code runs and frees until the process is gone.
//
// Nothing here may call malloc, neither directly nor through a library: malloc is what it serves.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.h"
#include "heap/heap.h"
#include "heap/thread_cache.h"
#include "malloc/mapped_blocks.h"
#include "os/limits.h"
#include "policy/policy_error.h"
#include "policy/snapshot.h"
#include "pools/capacity_learning.h"
#include "space/space.h"

namespace superslab {

class ProcessHeap {
 public:
  /// The process's heap; nullptr while it is being built by this very thread, or without address
  /// space. Any thread.
  static ProcessHeap* get();

  /// The calling thread's cache, which malloc and free use. Before a thread's first allocation and
  /// after its last destructor it is one without a heap.
  static FrontCache& front() { return *front_; }

  /// The calling thread's cache if it has one and its fast paths may be used.
  static ThreadCache* own_cache() { return front_ == cache_ ? cache_ : nullptr; }

  /// The calling thread's cache, attached if need be; nullptr without memory.
  ThreadCache* cache() {
    ThreadCache* mine = cache_;
    return mine != nullptr ? mine : attach();
  }

  /// The same for a free. The C library frees a thread's last things when no destructor of ours can
  /// run any more; a cache attached then would stay for ever. nullptr from there on.
  ThreadCache* cache_to_free() { return has_ended_ && cache_ == nullptr ? nullptr : cache(); }

  Heap& heap() { return heap_; }
  Space& space() { return space_; }
  const Clock& clock() const { return clock_; }
  MappedBlocks& mapped() { return mapped_; }
  const Policy& policy() const { return policy_; }
  /// Whether calls are written to a trace: see malloc/recording.h. As it was at the start.
  bool is_recorded() const { return is_recorded_; }
  /// Whether addresses or writable memory are limited (ulimit -v, -d), so that what a block
  /// reserves beyond its size counts. As it was at the start.
  bool is_rationed() const { return limits_.counts_reservations(); }
  /// Of the process's control groups, as it was at the start; kNoLimit without one.
  ByteCount memory_limit() const { return limits_.memory; }
  /// What is wrong with the SUPERSLAB_* variables; kNone when nothing is.
  const PolicyError& environment_error() const { return environment_error_; }

  /// Gives memory that has been idle for longer than the policy's delay back to the operating
  /// system; cheap when it is not yet time. Called with allocations.
  void tick();

  /// Gives back at once what is idle beyond the bound: see Heap::give_back_excess().
  void give_back_excess();

  /// Called in the child of a fork, for heaps of others that share this one's space: survives as
  /// Heap::survive_fork() does, and returns the same.
  using ForkHook = bool (*)(const SlabOwner* mine, bool is_suspect);
  enum class Others : std::uint8_t { kFirstClass, kPools, kKinds, kPressure };
  void set_fork_hook(Others whose, ForkHook hook) {
    fork_hooks_[static_cast<std::size_t>(whose)].store(hook, std::memory_order_relaxed);
  }

  /// Gives back everything that is idle, the calling thread's cache included. Returns the bytes.
  ByteCount trim();

  /// While memory is scarce, for a thread that allocates nothing: gives back what is idle, also in
  /// slabs of threads that rest, and asks all to give up what they cache with their next slow path.
  ByteCount relieve();

 private:
  friend struct ProcessHeapStorage;
  ProcessHeap();
  static ProcessHeap* build();
  void begin_recording();
  ThreadCache* attach();
  static void thread_ends(void* cache);
  static void after_fork_in_child();
  bool survive_fork();
  void learn(Nanos now) REQUIRES(purging_);

  // Initial-exec: one load through the thread's own register, and never a call into the loader,
  // which would allocate.
  // constinit here too: users of the header then need no check for a dynamic initializer.
  [[gnu::tls_model("initial-exec")]] static constinit thread_local FrontCache* front_;
  [[gnu::tls_model("initial-exec")]] static constinit thread_local ThreadCache* cache_;
  [[gnu::tls_model("initial-exec")]] static constinit thread_local bool has_ended_;
  [[gnu::tls_model("initial-exec")]] static constinit thread_local bool is_builder_;
  [[gnu::tls_model("initial-exec")]] static constinit thread_local bool is_changing_;

  Space space_;
  bool usable_;
  SystemClock clock_;
  PolicyError environment_error_{};
  OsLimits limits_;
  Policy policy_;
  Heap heap_;
  MappedBlocks mapped_;
  bool is_recorded_ = false;
  Mutex purging_{LockRank::kPurging};
  std::atomic<Nanos> next_tick_{0};
  CapacityLearning* learning_ GUARDED_BY(purging_) = nullptr;  // made when it is first needed
  Nanos learned_at_ GUARDED_BY(purging_) = 0;
  std::atomic<ForkHook> fork_hooks_[4] = {};  // by Others
};

}  // namespace superslab

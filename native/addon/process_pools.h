// What the addon has one of in a process: the space, the default pool, the list of all pools, the
// lease table. Built at the first use, never destroyed: memory that a view of any thread may reach
// must outlive everything.
#pragma once

#include <atomic>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/lock.h"
#include "os/limits.h"
#include "os/pressure.h"
#include "policy/policy_error.h"
#include "policy/snapshot.h"
#include "pools/buffer/buffer_pool.h"
#include "pools/buffer/lease_table.h"
#include "pools/compressed/cold_pool.h"
#include "pools/pool.h"
#include "runtime/control_loop.h"
#include "runtime/memory_pressure.h"
#include "space/space.h"

namespace superslab {

class ProcessPools {
 public:
  /// Those of the process; nullptr without address space for their tables. Any thread.
  static ProcessPools* get();

  /// What is wrong with the SUPERSLAB_* variables, as they were at the first get(); kNone when
  /// nothing is.
  const PolicyError& environment_error() const { return environment_error_; }

  /// Policy from the environment, which options then refine.
  const Policy& policy() const { return policy_; }

  BufferPool& default_pool() { return default_pool_; }

  /// A pool of buffers of that name; nullptr without memory. `has_colours`, `has_nodes`: see
  /// HeapShape.
  BufferPool* make_pool(const Policy& policy, std::string_view name, bool has_colours,
                        bool has_nodes);

  /// A pool for the cold values of another; nullptr without memory.
  ColdPool* make_cold_pool(ByteCount max_bytes, std::string_view name);

  HeapId id_of(const Pool& pool);

  /// The figures of every pool, the default one first and then by age. Any thread.
  std::vector<PoolFigures> all_figures();

  /// Calls visit(Pool&, HeapId) for each pool. Pools neither come nor go meanwhile, so let it
  /// be short. Any thread.
  template <class Visit>
  void for_each_pool(Visit visit) {
    LockGuard guard(lock_);
    for (const Entry& entry : pools_) visit(*entry.pool, entry.id);
  }

  /// How scarce memory is; looks when it is time, and `late` has passed since. What any thread may
  /// give back then goes back at once, of all pools; the rest is each thread's own. Any thread.
  PressureState poll_pressure(Nanos late = 0);
  /// Has the system's files be read below the folder `root`, and forgets what was found: for tests.
  /// Not while another thread polls.
  void read_pressure_from(std::string_view root);

  /// A pool is in use, which `adapts` or does not: the control loop looks after all of them from
  /// now on, for as long as there is anything to look after. Any thread, with no lock held.
  void wake_control(bool adapts);

  /// An environment begins, or has ended. With the last one the control loop's thread ends.
  void note_environment_begins() { environments_.fetch_add(1, std::memory_order_relaxed); }
  void note_environment_ended();

  /// Its creator is done with it. The pool ends when the last of its blocks is home.
  void retire_pool(Pool* pool);

  /// Ends retired pools that have become empty. True while some are left.
  bool sweep();

  Space& space() { return space_; }

  /// Whether the process's malloc is ours too, and its core serves both.
  bool shares_core() const { return &space_ != &own_space_; }
  LeaseTable& leases() { return leases_; }

 private:
  struct Entry {
    Pool* pool;
    HeapId id;
  };

  /// Something that the control loop does for all pools.
  class Task final : public BackgroundTask {
   public:
    using Step = Rest (ProcessPools::*)(Nanos now);
    Task(ProcessPools& pools, Step step) : pools_(pools), step_(step) {}
    Rest step(Nanos now) override { return (pools_.*step_)(now); }

   private:
    ProcessPools& pools_;
    const Step step_;
  };

  ProcessPools();
  void add(Pool* pool);
  void relieve(ReliefStep last);
  /// Calls visit(const Entry&) for each pool, with the list unlocked.
  template <class Visit>
  void visit_each(Visit visit);
  Rest adapt_step(Nanos now);
  Rest pressure_step(Nanos now);
  Rest migration_step(Nanos now);

  Space own_space_;
  Space& space_;  // its own, or that of libsuperslab.so
  bool usable_;
  SystemClock clock_;
  PolicyError environment_error_{};
  OsLimits limits_;
  Policy policy_;
  BufferPool default_pool_;
  LeaseTable leases_;
  MemoryPressure pressure_;
  Mutex relieving_{LockRank::kPressure};
  std::atomic<std::uint64_t> reliefs_{0};  // that were seen to
  Task adaptation_{*this, &ProcessPools::adapt_step};
  Task watch_{*this, &ProcessPools::pressure_step};
  Task migration_{*this, &ProcessPools::migration_step};
  std::atomic<bool> is_in_use_{false};  // some pool that adapts, as was found last
  std::atomic<std::uint32_t> environments_{0};

  Mutex lock_{LockRank::kRegistry};
  std::vector<Entry> pools_ GUARDED_BY(lock_);  // from oldest to youngest
  HeapId next_id_ GUARDED_BY(lock_) = 0;
  std::vector<Pool*> retired_ GUARDED_BY(lock_);
};

}  // namespace superslab

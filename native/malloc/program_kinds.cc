#include "malloc/program_kinds.h"

#include "base/program_order.h"
#include "malloc/fatal.h"

namespace superslab {

/// A list, the newest first.
class ProgramKind::Registry {
 public:
  void add(ProgramKind* pool) {
    LockGuard guard(lock_);
    pool->next_ = first_;
    in_program_order();
    first_ = pool;
    count_.fetch_add(1, std::memory_order_relaxed);
  }

  bool has(const void* pool, Kind kind) {
    LockGuard guard(lock_);
    for (const ProgramKind* one = first_; one != nullptr; one = one->next_)
      if (one == pool) return one->kind_ == kind;
    return false;
  }

  ProgramKind* pin_after(const ProgramKind* before) {
    LockGuard guard(lock_);
    ProgramKind* next = before == nullptr ? first_ : before->next_;
    if (next != nullptr) next->pin();
    return next;
  }

  /// Takes one out that nobody can reach any more; whether it did. `pool` may be gone already.
  bool take_out_if_done(const ProgramKind* pool) {
    LockGuard guard(lock_);
    ProgramKind** at = &first_;
    while (*at != nullptr && *at != pool) at = &(*at)->next_;
    if (*at == nullptr || pool->pins_.load(std::memory_order_acquire) != 0 || !pool->is_done())
      return false;
    *at = pool->next_;
    count_.fetch_sub(1, std::memory_order_relaxed);
    return true;
  }

  /// False when it is not yet time.
  bool begin_tick(Nanos now, Nanos delay) {
    Nanos due = next_tick_.load(std::memory_order_relaxed);
    return now >= due &&
           next_tick_.compare_exchange_strong(due, now + delay / 2 + 1, std::memory_order_relaxed);
  }

  /// The list is whole at any moment.
  bool survive_fork(const SlabOwner* mine, bool is_suspect) NO_THREAD_SAFETY_ANALYSIS {
    bool is_inside = lock_.survive_fork() == Holder::kMe;
    std::uint32_t pools = 0;
    for (ProgramKind* pool = first_; pool != nullptr; pool = pool->next_) {
      ++pools;
      is_inside |= pool->survive_fork(mine, is_suspect);
    }
    count_.store(pools, std::memory_order_relaxed);
    return is_inside;
  }

  bool is_empty() const { return count_.load(std::memory_order_relaxed) == 0; }

 private:
  Mutex lock_{LockRank::kRegistry};
  ProgramKind* first_ GUARDED_BY(lock_) = nullptr;
  std::atomic<std::uint32_t> count_{0};
  std::atomic<Nanos> next_tick_{0};
};

constinit ProgramKind::Registry ProgramKind::registry;
constinit std::atomic<bool> ProgramKind::is_checked_{false};

void ProgramKind::enter(ProcessHeap& process) {
  process.set_fork_hook(ProcessHeap::Others::kKinds, [](const SlabOwner* mine, bool is_suspect) {
    return registry.survive_fork(mine, is_suspect);
  });
  is_checked_.store(process.policy().check, std::memory_order_relaxed);
  registry.add(this);
}

void ProgramKind::unpin() {
  // Release: what was done with it comes before its end. From here on it may be gone.
  pins_.fetch_sub(1, std::memory_order_release);
  if (registry.take_out_if_done(this)) end();
}

ProgramKind* ProgramKind::pin_after(const ProgramKind* before) {
  return registry.pin_after(before);
}

void ProgramKind::check_now(const char* function, const void* pool, Kind kind) {
  if (registry.has(pool, kind)) return;
  fail_on_address(function, pool, "of another kind, or closed with nothing out", "is not a pool");
}

ByteCount ProgramKind::trim_all() {
  ByteCount bytes = 0;
  for_each([&](ProgramKind& pool) { bytes += pool.trim_idle(); });
  return bytes;
}

ByteCount ProgramKind::relieve_all(ReliefStep step) {
  ByteCount bytes = 0;
  for_each([&](ProgramKind& pool) { bytes += pool.relieve(step); });
  return bytes;
}

void ProgramKind::tick_all() {
  if (registry.is_empty()) return;
  const ProcessHeap* process = ProcessHeap::get();
  if (!registry.begin_tick(process->clock().now(), to_nanos(process->policy().purge_delay_ms)))
    return;
  for_each([](ProgramKind& pool) { pool.tick(); });
}

}  // namespace superslab

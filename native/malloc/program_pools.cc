#include "malloc/program_pools.h"

#include <algorithm>

#include "base/program_order.h"
#include "malloc/fatal.h"

namespace superslab {
namespace {

/// Of a thread. `magazines` first: the table is found from any of them. The place of a table is
/// never used for anything else.
struct ThreadTable {
  Magazine magazines[ProgramPool::kMaxPools];
  FixedCache* caches[ProgramPool::kMaxPools];
  std::uint32_t end;  // no cache lies behind
  ThreadTable* next;

  static ThreadTable* of(const Magazine* magazine, std::uint32_t index) {
    return reinterpret_cast<ThreadTable*>(const_cast<Magazine*>(magazine) - index);
  }
};

/// What every thread has at first: nothing is ever written to it.
constinit Magazine no_magazines[ProgramPool::kMaxPools];

/// The thread's table, and whether it has run its destructors.
[[gnu::tls_model("initial-exec")]] constinit thread_local ThreadTable* my_table = nullptr;
[[gnu::tls_model("initial-exec")]] constinit thread_local bool has_ended = false;

}  // namespace
}  // namespace superslab

__attribute__((tls_model("initial-exec"))) __thread superslab::Magazine* ss_fixed_caches_v1 =
    superslab::no_magazines;

namespace superslab {

/// Pools by number, and threads' tables. Its lock also decides who takes a cache from its thread:
/// the thread at its end, or whoever closes the pool.
class ProgramPool::Registry {
 public:
  /// False when there is no number left, or no key for the ends of threads.
  bool add(ProgramPool* pool) {
    LockGuard guard(lock_);
    if (!has_key_ && !(has_key_ = pthread_key_create(&key_, thread_ends) == 0)) return false;
    std::uint32_t index = 0;
    while (index < kMaxPools && pools_[index] != nullptr) ++index;
    if (index == kMaxPools) return false;
    pool->index_ = index;
    pool->offset_ = static_cast<std::uint32_t>(index * sizeof(Magazine));
    in_program_order();
    pools_[index] = pool;
    end_ = std::max(end_, index + 1);
    count_.fetch_add(1, std::memory_order_relaxed);
    return true;
  }

  bool has(const ProgramPool* pool) {
    LockGuard guard(lock_);
    return std::find(pools_, pools_ + end_, pool) != pools_ + end_;
  }

  /// The first from number `from` on, which then counts on.
  ProgramPool* pin_next(std::uint32_t& from) {
    LockGuard guard(lock_);
    while (from < end_) {
      ProgramPool* pool = pools_[from++];
      if (pool == nullptr) continue;
      pool->pins_.fetch_add(1, std::memory_order_relaxed);
      return pool;
    }
    return nullptr;
  }

  /// Takes one out that is closed and that nobody can reach any more; whether it did. `pool` may be
  /// gone already.
  bool take_out_if_done(ProgramPool* pool, std::uint32_t index) {
    LockGuard guard(lock_);
    if (pools_[index] != pool || !pool->fixed_.is_closed() || !pool->fixed_.is_empty() ||
        pool->pins_.load(std::memory_order_acquire) != 0)
      return false;
    pools_[index] = nullptr;
    count_.fetch_sub(1, std::memory_order_relaxed);
    return true;
  }

  /// A new table for the calling thread.
  bool add_table(Space& space) {
    ThreadTable* table = take_old_table();
    if (table == nullptr)
      table = static_cast<ThreadTable*>(
          space.metadata().allocate(space.os(), sizeof(ThreadTable), alignof(ThreadTable)));
    if (table == nullptr) return false;
    clear(*table);
    {
      LockGuard guard(lock_);
      table->next = tables_;
      in_program_order();
      tables_ = table;
    }
    my_table = table;
    in_program_order();
    ss_fixed_caches_v1 = table->magazines;
    // Without the lock: it may allocate, for keys beyond the first.
    pthread_setspecific(key_, table);
    return true;
  }

  void remove_table(ThreadTable* table) {
    LockGuard guard(lock_);
    ThreadTable** at = &tables_;
    while (*at != table) at = &(*at)->next;
    *at = table->next;
    table->next = old_tables_;
    in_program_order();
    old_tables_ = table;
  }

  /// The calling thread's cache of the pool; nullptr without memory, or when the pool is closed.
  FixedCache* attach(ProgramPool& pool) {
    LockGuard guard(lock_);
    if (pool.fixed_.is_closed()) return nullptr;
    ThreadTable& table = *my_table;
    FixedCache*& cache = table.caches[pool.index_];
    if (cache == nullptr) {
      cache = FixedCache::attach(pool.fixed_, table.magazines[pool.index_], &pool);
      table.end = std::max(table.end, pool.index_ + 1);
    }
    return cache;
  }

  /// Takes the cache with the lowest number from the table; its pool is then pinned.
  FixedCache* take_next_cache(ThreadTable& table, ProgramPool*& pool) {
    LockGuard guard(lock_);
    for (std::uint32_t i = 0; i < table.end; ++i) {
      if (FixedCache* cache = take_cache(table, i); cache != nullptr) {
        pool = pools_[i];
        pool->pins_.fetch_add(1, std::memory_order_relaxed);
        return cache;
      }
    }
    return nullptr;
  }

  /// The calling thread's cache of the pool, which is nobody's then.
  FixedCache* take_own_cache(const ProgramPool& pool) {
    LockGuard guard(lock_);
    return my_table == nullptr ? nullptr : take_cache(*my_table, pool.index_);
  }

  /// Any thread's.
  FixedCache* take_any_cache(const ProgramPool& pool) {
    LockGuard guard(lock_);
    const FixedCache* found =
        pool.fixed_.find_cache([](const FixedCache& cache) { return cache.has_thread(); });
    return found == nullptr
               ? nullptr
               : take_cache(*ThreadTable::of(found->magazine(), pool.index_), pool.index_);
  }

  /// False when it is not yet time.
  bool begin_tick(Nanos now, Nanos delay) {
    Nanos due = next_tick_.load(std::memory_order_relaxed);
    return now >= due &&
           next_tick_.compare_exchange_strong(due, now + delay / 2 + 1, std::memory_order_relaxed);
  }

  bool survive_fork(const SlabOwner* mine, bool is_suspect) NO_THREAD_SAFETY_ANALYSIS {
    bool is_inside = lock_.survive_fork() == Holder::kMe;
    std::uint32_t pools = 0;
    for (ProgramPool* pool : pools_) {
      if (pool == nullptr) continue;
      ++pools;
      is_inside |= pool->fixed_.survive_fork(mine, is_suspect);
    }
    if (is_inside) return true;
    count_.store(pools, std::memory_order_relaxed);
    for (ProgramPool* pool : pools_)
      if (pool != nullptr) orphan_others(*pool);
    keep_own_table();
    return false;
  }

 private:
  static FixedCache* take_cache(ThreadTable& table, std::uint32_t index) {
    FixedCache* cache = table.caches[index];
    if (cache == nullptr) return nullptr;
    table.caches[index] = nullptr;
    cache->leave_thread();
    return cache;
  }

  /// Pages that are zero already are left untouched, so that they take no memory.
  static void clear(ThreadTable& table) {
    for (Magazine& magazine : table.magazines)
      if (magazine.pool != nullptr) magazine = {};
    for (FixedCache*& cache : table.caches)
      if (cache != nullptr) cache = nullptr;
    table.end = 0;
  }

  ThreadTable* take_old_table() {
    LockGuard guard(lock_);
    ThreadTable* table = old_tables_;
    if (table != nullptr) old_tables_ = table->next;
    return table;
  }

  /// The caches of threads that are not there. What they hold comes back with the pool's next slow
  /// path: destructors do not belong here.
  void orphan_others(ProgramPool& pool) {
    const auto is_others = [&](const FixedCache& cache) {
      return cache.has_thread() && ThreadTable::of(cache.magazine(), pool.index_) != my_table;
    };
    while (FixedCache* cache = pool.fixed_.find_cache(is_others)) {
      cache->become_orphan();
      pool.fixed_.note_orphans();
    }
  }

  void keep_own_table() REQUIRES(lock_) {
    for (ThreadTable* table = tables_; table != nullptr;) {
      ThreadTable* following = table->next;
      if (table != my_table) {
        table->next = old_tables_;
        old_tables_ = table;
      }
      table = following;
    }
    tables_ = my_table;
    if (my_table != nullptr) my_table->next = nullptr;
  }

  Mutex lock_{LockRank::kRegistry};
  ProgramPool* pools_[kMaxPools] GUARDED_BY(lock_) = {};
  std::uint32_t end_ GUARDED_BY(lock_) = 0;
  ThreadTable* tables_ GUARDED_BY(lock_) = nullptr;
  ThreadTable* old_tables_ GUARDED_BY(lock_) = nullptr;
  bool has_key_ GUARDED_BY(lock_) = false;
  pthread_key_t key_ = 0;  // set before there is a pool
  std::atomic<Nanos> next_tick_{0};
};

constinit ProgramPool::Registry ProgramPool::registry;
constinit std::atomic<std::uint32_t> ProgramPool::count_{0};

ProgramPool::Made ProgramPool::make(const FixedPoolOptions& options, std::string_view name,
                                    Role role) {
  ProcessHeap* process = ProcessHeap::get();
  if (process == nullptr) return {nullptr, FixedFault::kNoMemory};
  process->set_fork_hook(ProcessHeap::Others::kPools, survive_fork);
  Space& space = process->space();
  FixedPoolOptions own = options;
  own.is_checked |= process->policy().check;
  auto* pool = space.metadata().make<ProgramPool>(space.os(), space, process->clock(),
                                                  process->policy(), own, name, role);
  if (pool == nullptr) return {nullptr, FixedFault::kNoMemory};
  FixedFault fault = pool->fixed_.open();
  if (fault == FixedFault::kNone && !registry.add(pool)) fault = FixedFault::kLimit;
  if (fault == FixedFault::kNone) return {pool, fault};
  pool->fixed_.close();
  space.metadata().destroy(pool);
  return {nullptr, fault};
}

void ProgramPool::check(const char* function, const ProgramPool* pool) {
  const ProcessHeap* process = ProcessHeap::get();
  if (process == nullptr || !process->policy().check || registry.has(pool)) return;
  fail_on_address(function, pool, "none of ss_fixed_pool_new(), or closed with nothing out",
                  "is not a pool");
}

std::size_t ProgramPool::close() {
  pins_.fetch_add(1, std::memory_order_relaxed);
  fixed_.note_closed();
  fixed_.collect_orphans();
  while (FixedCache* cache = registry.take_any_cache(*this)) cache->end();
  fixed_.close();
  const std::size_t out = fixed_.heap().budget().charged() / fixed_.block_bytes();
  unpin();
  return out;
}

ProgramPool* ProgramPool::pin_next(std::uint32_t& from) { return registry.pin_next(from); }

void ProgramPool::unpin() {
  const std::uint32_t index = index_;
  // Release: what was done with it comes before its end. From here on it may be gone.
  pins_.fetch_sub(1, std::memory_order_release);
  if (!registry.take_out_if_done(this, index)) return;
  ProcessHeap::get()->space().metadata().destroy(this);
}

FixedCache* ProgramPool::cache() {
  if (fixed_.options().is_checked || fixed_.has_cpu_magazines() || magazine() == nullptr)
    return nullptr;
  FixedCache* mine = my_table->caches[index_];
  return mine != nullptr ? mine : registry.attach(*this);
}

Magazine* ProgramPool::magazine() {
  if (my_table == nullptr && (has_ended || !registry.add_table(ProcessHeap::get()->space())))
    return nullptr;
  Magazine* own = &my_table->magazines[index_];
  own->pool = this;
  return own;
}

void* ProgramPool::get(FixedFault& fault) {
  if (fixed_.has_cpu_magazines()) return fixed_.cpu_get(fault);
  if (FixedCache* mine = cache(); mine != nullptr) return mine->get(fault);
  void* object = nullptr;
  fault = fixed_.take(&object, 1);
  return fault == FixedFault::kNone ? object : nullptr;
}

FixedFault ProgramPool::get_bulk(void** out, std::size_t count) {
  if (fixed_.has_cpu_magazines()) return fixed_.cpu_get_bulk(out, count);
  FixedCache* mine = cache();
  return mine != nullptr ? mine->get_bulk(out, count) : fixed_.take(out, count);
}

FixedFault ProgramPool::put(void* object) {
  if (fixed_.has_cpu_magazines() && !fixed_.is_closed()) return fixed_.cpu_put(object);
  if (FixedCache* mine = cache(); mine != nullptr) return mine->put(object);
  if (fixed_.options().is_checked || fixed_.is_closed()) {
    // The pool may end with its last object.
    pins_.fetch_add(1, std::memory_order_relaxed);
    const FixedFault fault = fixed_.give_checked(object);
    unpin();
    return fault;
  }
  if (!fixed_.owns(object)) {
    fixed_.count_foreign_put();
    return FixedFault::kForeign;
  }
  fixed_.give(&object, 1);
  return FixedFault::kNone;
}

FixedFault ProgramPool::put_bulk(void* const* objects, std::size_t count) {
  if (fixed_.has_cpu_magazines() && !fixed_.is_closed()) {
    fixed_.cpu_put_bulk(objects, count);
    return FixedFault::kNone;
  }
  if (FixedCache* mine = cache(); mine != nullptr) {
    mine->put_bulk(objects, count);
    return FixedFault::kNone;
  }
  if (!fixed_.options().is_checked && !fixed_.is_closed()) {
    fixed_.give(objects, count);
    return FixedFault::kNone;
  }
  pins_.fetch_add(1, std::memory_order_relaxed);
  FixedFault fault = FixedFault::kNone;
  for (std::size_t i = 0; i < count && fault == FixedFault::kNone; ++i)
    fault = fixed_.give_checked(objects[i]);
  unpin();
  return fault;
}

ByteCount ProgramPool::trim() {
  if (FixedCache* mine = registry.take_own_cache(*this); mine != nullptr) mine->end();
  return fixed_.trim(0);
}

ByteCount ProgramPool::trim_all() {
  ByteCount bytes = 0;
  if (count() == 0) return bytes;
  for_each([&](ProgramPool& pool) { bytes += pool.trim(); });
  return bytes;
}

ByteCount ProgramPool::relieve_all(ReliefStep step) {
  ByteCount bytes = 0;
  if (count() == 0) return bytes;
  for_each([&](ProgramPool& pool) { bytes += pool.fixed_.relieve(step); });
  return bytes;
}

void ProgramPool::tick_all() {
  if (count() == 0) return;
  ProcessHeap* process = ProcessHeap::get();
  if (!registry.begin_tick(process->clock().now(), to_nanos(process->policy().purge_delay_ms)))
    return;
  // In the midst of some malloc(): no place for a destructor of the program's.
  for_each([](ProgramPool& pool) { pool.fixed_.tick(false); });
}

void ProgramPool::thread_ends(void* at) {
  auto* table = static_cast<ThreadTable*>(at);
  ss_fixed_caches_v1 = no_magazines;
  has_ended = true;
  ProgramPool* pool;
  while (FixedCache* cache = registry.take_next_cache(*table, pool)) {
    cache->end();
    pool->unpin();
  }
  my_table = nullptr;
  registry.remove_table(table);
}

bool ProgramPool::survive_fork(const SlabOwner* mine, bool is_suspect) {
  return registry.survive_fork(mine, is_suspect);
}

}  // namespace superslab

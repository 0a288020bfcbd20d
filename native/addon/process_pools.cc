#include "addon/process_pools.h"

#include <dlfcn.h>

#include <algorithm>
#include <deque>
#include <new>

#include "runtime/environment_policy.h"
#include "space/layout.h"

namespace superslab {
namespace {

Policy read_policy(const OsLimits& limits, PolicyError& error) {
  Policy policy = policy_from_environment(system_os(), error);
  fit_to_memory(policy, limits.memory);
  return policy;
}

/// The space of a libsuperslab.so in this process that was built like us; nullptr without one.
Space* space_of_malloc() {
  using CoreOf = Space*(std::uint64_t);
  auto* core_of = reinterpret_cast<CoreOf*>(dlsym(RTLD_DEFAULT, "superslab_core"));
  return core_of == nullptr ? nullptr : core_of(kSpaceLayout);
}

Space& shared_or(Space& own) {
  Space* shared = space_of_malloc();
  return shared == nullptr ? own : *shared;
}

}  // namespace

ProcessPools::ProcessPools()
    : space_(shared_or(own_space_)),
      usable_(shares_core() || space_.open(system_os())),
      limits_(read_limits()),
      policy_(read_policy(limits_, environment_error_)),
      default_pool_(space_, clock_, policy_, limits_.memory, "default"),
      leases_(space_) {
  add(&default_pool_);
}

ProcessPools* ProcessPools::get() {
  static ProcessPools* const pools = new (std::nothrow) ProcessPools;
  return pools != nullptr && pools->usable_ ? pools : nullptr;
}

BufferPool* ProcessPools::make_pool(const Policy& policy, std::string_view name, bool has_colours) {
  auto* pool =
      new (std::nothrow) BufferPool(space_, clock_, policy, limits_.memory, name, has_colours);
  if (pool != nullptr) add(pool);
  return pool;
}

ColdPool* ProcessPools::make_cold_pool(ByteCount max_bytes, std::string_view name) {
  auto* pool =
      new (std::nothrow) ColdPool(space_, clock_, policy_, max_bytes, limits_.memory, name);
  if (pool == nullptr) return nullptr;
  if (!pool->open()) {
    delete pool;
    return nullptr;
  }
  add(pool);
  return pool;
}

void ProcessPools::add(Pool* pool) {
  LockGuard guard(lock_);
  pools_.push_back({pool, next_id_++});
}

HeapId ProcessPools::id_of(const Pool& pool) {
  LockGuard guard(lock_);
  for (const Entry& entry : pools_)
    if (entry.pool == &pool) return entry.id;
  return 0;
}

std::vector<PoolFigures> ProcessPools::all_figures() {
  std::vector<PoolFigures> out;
  {
    // Visits keep the pools alive, so that who opens or closes a pool does not wait while they are
    // read.
    std::vector<Entry> entries;
    std::deque<Heap::Visit> visits;
    {
      LockGuard guard(lock_);
      entries = pools_;
      for (const Entry& entry : pools_) visits.emplace_back(entry.pool->heap());
    }
    const FaultCounts faults = space_.os().fault_counts();
    out.resize(entries.size());
    for (std::size_t i = 0; i < entries.size(); ++i) {
      out[i].id = entries[i].id;
      entries[i].pool->stats(faults, out[i]);
    }
  }
  sweep();  // a pool that was retired meanwhile could not end
  return out;
}

void ProcessPools::retire_pool(Pool* pool) {
  pool->note_closed();
  {
    LockGuard guard(lock_);
    retired_.push_back(pool);
  }
  sweep();
}

bool ProcessPools::sweep() {
  LockGuard guard(lock_);
  for (std::size_t i = 0; i < retired_.size();) {
    Pool* pool = retired_[i];
    if (pool->heap().is_abandoned()) {
      std::erase_if(pools_, [pool](const Entry& entry) { return entry.pool == pool; });
      delete pool;
      retired_[i] = retired_.back();
      retired_.pop_back();
    } else {
      pool->heap().tick();
      ++i;
    }
  }
  return !retired_.empty();
}

}  // namespace superslab

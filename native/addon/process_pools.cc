#include "addon/process_pools.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstring>
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
      default_pool_(space_, clock_, policy_, limits_.memory),
      leases_(space_) {
  add_entry(&default_pool_, "default");
}

ProcessPools* ProcessPools::get() {
  static ProcessPools* const pools = new (std::nothrow) ProcessPools;
  return pools != nullptr && pools->usable_ ? pools : nullptr;
}

BufferPool* ProcessPools::make_pool(const Policy& policy, std::string_view name) {
  auto* pool = new (std::nothrow) BufferPool(space_, clock_, policy, limits_.memory);
  if (pool == nullptr) return nullptr;
  LockGuard guard(lock_);
  add_entry(pool, name);
  return pool;
}

void ProcessPools::add_entry(BufferPool* pool, std::string_view name) {
  Entry entry{pool, next_id_++, false, {}};
  std::size_t length = std::min(name.size(), sizeof entry.name - 1);
  // A cut name ends with a whole character.
  if (length < name.size())
    while (length > 0 && (static_cast<unsigned char>(name[length]) & 0xc0) == 0x80) --length;
  std::memcpy(entry.name, name.data(), length);
  pools_.push_back(entry);
}

void ProcessPools::note_closed(const BufferPool* pool) {
  LockGuard guard(lock_);
  for (Entry& entry : pools_) entry.closed |= entry.pool == pool;
}

HeapId ProcessPools::id_of(const BufferPool& pool) {
  LockGuard guard(lock_);
  for (const Entry& entry : pools_)
    if (entry.pool == &pool) return entry.id;
  return 0;
}

std::vector<HeapFigures> ProcessPools::all_figures() {
  std::vector<HeapFigures> out;
  {
    // Visits keep the pools alive, so that who opens or closes a pool does not wait while they are
    // read.
    std::vector<Entry> entries;
    std::deque<Heap::Visit> visits;
    {
      LockGuard guard(lock_);
      entries = pools_;
      for (const Entry& entry : pools_) visits.emplace_back(*entry.pool);
    }
    const FaultCounts faults = space_.os().fault_counts();
    out.resize(entries.size());
    for (std::size_t i = 0; i < entries.size(); ++i) {
      out[i].id = entries[i].id;
      out[i].closed = entries[i].closed;
      std::memcpy(out[i].name, entries[i].name, sizeof out[i].name);
      read_figures(*entries[i].pool, faults, out[i]);
    }
  }
  sweep();  // a pool that was retired meanwhile could not end
  return out;
}

void ProcessPools::retire_pool(BufferPool* pool) {
  {
    LockGuard guard(lock_);
    retired_.push_back(pool);
    for (Entry& entry : pools_) entry.closed |= entry.pool == pool;
  }
  sweep();
}

bool ProcessPools::sweep() {
  LockGuard guard(lock_);
  for (std::size_t i = 0; i < retired_.size();) {
    BufferPool* pool = retired_[i];
    if (pool->is_abandoned()) {
      std::erase_if(pools_, [pool](const Entry& entry) { return entry.pool == pool; });
      delete pool;
      retired_[i] = retired_.back();
      retired_.pop_back();
    } else {
      pool->tick();
      ++i;
    }
  }
  return !retired_.empty();
}

}  // namespace superslab

#include "addon/process_pools.h"

#include <dlfcn.h>

#include <algorithm>
#include <deque>
#include <new>
#include <string>

#include "os/pressure_linux.h"
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

/// nullptr where nothing can be known of it. Never destroyed.
PressureSource* pressure_of_system() {
#if defined(__linux__)
  return new (std::nothrow) LinuxPressure;
#else
  return nullptr;
#endif
}

}  // namespace

ProcessPools::ProcessPools()
    : space_(shared_or(own_space_)),
      usable_(shares_core() || space_.open(system_os())),
      limits_(read_limits()),
      policy_(read_policy(limits_, environment_error_)),
      default_pool_(space_, clock_, policy_, limits_.memory, "default"),
      leases_(space_),
      pressure_(pressure_of_system(), policy_),
      control_([](void* self) { return static_cast<ProcessPools*>(self)->adapt(); }, this,
               BufferPool::adaptation_period(policy_.demand_interval_ms)) {
  add(&default_pool_);
  // Without a thread memory stays where it is.
  if (usable_ && space_.os().node_count() != 1)
    static_cast<void>(ControlLoop::of_process().add(migration_));
}

ProcessPools* ProcessPools::get() {
  static ProcessPools* const pools = new (std::nothrow) ProcessPools;
  return pools != nullptr && pools->usable_ ? pools : nullptr;
}

BufferPool* ProcessPools::make_pool(const Policy& policy, std::string_view name, bool has_colours,
                                    bool has_nodes) {
  auto* pool = new (std::nothrow)
      BufferPool(space_, clock_, policy, limits_.memory, name, has_colours, has_nodes);
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

// Visits keep the pools alive, so that who opens or closes a pool does not wait meanwhile.
template <class Visit>
void ProcessPools::visit_each(Visit visit) {
  {
    std::vector<Entry> entries;
    std::deque<Heap::Visit> visits;
    {
      LockGuard guard(lock_);
      entries = pools_;
      for (const Entry& entry : pools_) visits.emplace_back(entry.pool->heap());
    }
    for (const Entry& entry : entries) visit(entry);
  }
  sweep();  // a pool that was retired meanwhile could not end
}

std::vector<PoolFigures> ProcessPools::all_figures() {
  std::vector<PoolFigures> out;
  const FaultCounts faults = space_.os().fault_counts();
  visit_each([&](const Entry& entry) {
    PoolFigures& figures = out.emplace_back();
    figures.id = entry.id;
    entry.pool->stats(faults, figures);
  });
  return out;
}

Nanos ProcessPools::migrate(Nanos now) {
  Nanos rest = 1000 * kMillisecond;  // a pool may be opened, or its policy change
  visit_each(
      [&](const Entry& entry) { rest = std::min(rest, entry.pool->heap().migrator().step(now)); });
  return rest;
}

PressureState ProcessPools::poll_pressure() {
  const PressureState state =
      pressure_.poll(space_.resident_bytes() + space_.idle_bytes(), precise_now());
  // Of those who see it, one thread.
  std::uint64_t seen = reliefs_.load(std::memory_order_relaxed);
  if (seen < state.reliefs &&
      reliefs_.compare_exchange_strong(seen, state.reliefs, std::memory_order_relaxed))
    relieve(state.step);
  return state;
}

void ProcessPools::relieve(ReliefStep last) {
  for (const ReliefStep step : {ReliefStep::kCaches, ReliefStep::kCold, ReliefStep::kIdle}) {
    if (step > last) return;
    visit_each([step](const Entry& entry) { entry.pool->relieve(step); });
    // With libsuperslab.so: what malloc keeps.
    if (step == ReliefStep::kCaches) space_.purge_idle(~Nanos{0});
  }
}

void ProcessPools::read_pressure_from([[maybe_unused]] std::string_view root) {
#if defined(__linux__)
  // Kept for good: it is for tests, and the source holds a pointer to it.
  const auto* const path = new std::string(root);
  pressure_.read_from(new LinuxPressure(path->c_str()));
#endif
}

bool ProcessPools::adapt() {
  bool again = false;
  visit_each([&](const Entry& entry) { again |= entry.pool->adapt(); });
  return again;
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

#include "addon/process_pools.h"

#include <dlfcn.h>

#include <algorithm>
#include <new>
#include <optional>
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
      pressure_(pressure_of_system(), policy_) {
  add(&default_pool_);
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

// A visit keeps its pool alive, so that who opens or closes a pool does not wait meanwhile. Without
// memory of its own: the control loop's thread would get an arena of the C library's for that.
template <class Visit>
void ProcessPools::visit_each(Visit visit) {
  for (HeapId next = 0;;) {
    Entry entry;
    std::optional<Heap::Visit> pin;
    {
      LockGuard guard(lock_);
      const auto found = std::lower_bound(pools_.begin(), pools_.end(), next,
                                          [](const Entry& one, HeapId id) { return one.id < id; });
      if (found == pools_.end()) break;
      entry = *found;
      pin.emplace(entry.pool->heap());
    }
    visit(entry);
    next = entry.id + 1;
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

PressureState ProcessPools::poll_pressure(Nanos late) {
  const PressureState state =
      pressure_.poll(space_.resident_bytes() + space_.idle_bytes(), precise_now(), late);
  if (reliefs_.load(std::memory_order_acquire) >= state.reliefs) return state;
  // Of those who see it one thread does it, and the others wait: what they then tell is all of it.
  LockGuard guard(relieving_);
  if (reliefs_.load(std::memory_order_relaxed) < state.reliefs) {
    relieve(state.step);
    reliefs_.store(state.reliefs, std::memory_order_release);
  }
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

// Without a thread nothing of this is done, and the next who calls this tries again.
void ProcessPools::wake_control(bool adapts) {
  BackgroundThread& loop = control_loop();
  if (adapts && loop.wake(adaptation_) && policy_.pressure) loop.wake(watch_);
  if (space_.os().node_count() != 1) loop.wake(migration_);
}

void ProcessPools::note_environment_ended() {
  if (environments_.fetch_sub(1, std::memory_order_relaxed) != 1) return;
  for (Task* task : {&adaptation_, &watch_, &migration_}) control_loop().leave(*task);
}

Rest ProcessPools::adapt_step(Nanos) {
  bool again = false;
  visit_each([&](const Entry& entry) { again |= entry.pool->adapt(); });
  is_in_use_.store(again, std::memory_order_relaxed);
  return {BufferPool::adaptation_period(policy_.demand_interval_ms), !again};
}

/// For pools whose own threads are busy: else those look.
Rest ProcessPools::pressure_step(Nanos) {
  const Nanos interval = to_nanos(policy_.pressure_interval_ms);
  poll_pressure(interval);
  return {interval, !is_in_use_.load(std::memory_order_relaxed)};
}

/// Moves memory to the nodes that use it, as each pool's policy says.
Rest ProcessPools::migration_step(Nanos now) {
  Nanos rest = 1000 * kMillisecond;  // a pool may be opened, or its policy change
  bool is_used = false;
  visit_each([&](const Entry& entry) {
    rest = std::min(rest, entry.pool->heap().migrator().step(now));
    is_used |= entry.pool->heap().budget().charged() != 0;
  });
  return {rest, !is_used};
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

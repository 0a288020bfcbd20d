#include "heap/heap.h"

#include <algorithm>
#include <cassert>

namespace superslab {

Heap::Heap(Space& space, const Clock& clock, const HeapSnapshot& policy, const HeapShape& shape)
    : core_(space, clock, policy, shape) {}

Heap::~Heap() {
  owners_.end();
  trim(0);
  // What trim() could not purge.
  HeapLock guard(core_.lock);
  huge_.give_back_cached();
  slabs_.give_back_all();
  assert(core_.budget.charged() == 0 && "every block came home");
}

bool Heap::publish(const HeapSnapshot& next) {
  if (!core_.can_follow(next)) return false;
  core_.policy.publish(next);
  const bool fits = follow_policy();
  // There may be more room than before.
  core_.room.notify();
  if (!fits) tick();
  account_.after_frees();
  return true;
}

void Heap::publish_capacities(const Capacities& capacities) {
  core_.policy.update([&](HeapSnapshot& next) {
    next.class_blocks = capacities.blocks;
    next.trial_blocks = capacities.trial_blocks;
    next.trial_arms = capacities.trial_arms;
  });
}

void Heap::publish_purge_delays(const PurgeDelays& delays) {
  core_.policy.update([&](HeapSnapshot& next) { next.learned_delays = delays; });
}

void Heap::count_learning(const PurgeEvent& event) {
  using Kind = CapacityEvent::Kind;
  HeapCounters& counters = core_.counters;
  if (event.kind == Kind::kMoved || event.kind == Kind::kJumped)
    counters.learn_delay_moves.shared_add(1);
  if (event.kind == Kind::kFellBack) counters.learn_fallbacks.shared_add(1);
}

void Heap::count_learning(const CapacityEvent& event) {
  using Kind = CapacityEvent::Kind;
  HeapCounters& counters = core_.counters;
  if (event.kind == Kind::kTrial) counters.learn_trials.shared_add(1);
  if (event.kind == Kind::kKept || event.kind == Kind::kJumped || event.kind == Kind::kFitted)
    counters.learn_kept.shared_add(1);
  if (event.kind == Kind::kRolledBack) counters.learn_rolled_back.shared_add(1);
  if (event.kind == Kind::kFellBack) counters.learn_fallbacks.shared_add(1);
}

// By the snapshot that is current: of two who publish at once the last one here sees the last one.
bool Heap::follow_policy() {
  HeapLock guard(core_.lock);
  core_.budget.set_max_bytes(core_.policy.read()->max_bytes);
  account_.follow_policy();
  return huge_.follow_policy();
}

ByteCount Heap::expand(ByteCount bytes) {
  {
    const auto policy = core_.policy.read();
    const bool is_placed =
        policy->numa.kind != NodePlacement::Kind::kLocal || space().os().node_count() <= 1;
    if (policy->populate == Populate::kOff || !is_placed) return 0;
  }
  if (account_.is_room_scarce()) return 0;
  return slabs_.expand(bytes);
}

/// Under pressure everything idle goes that is a superslab or more.
void Heap::IdleSpans::give_back_idle_spans() {
  assert(heap_.slabs_.is_valid() && heap_.huge_.is_valid());
  heap_.huge_.give_back_cached();
  heap_.slabs_.give_back_whole();
}

SlabOwner* Heap::attach(NodeOrdinal node) {
  visitors_.fetch_add(1, std::memory_order_relaxed);
  core_.counters.threads.shared_add(1);
  SlabOwner* owner = owners_.attach(slabs_, node);
  if (owner == nullptr) {
    core_.counters.threads.shared_sub(1);
    visitors_.fetch_sub(1, std::memory_order_release);
  }
  return owner;
}

void Heap::detach(SlabOwner* owner) {
  assert(&owner->source() == &slabs_);
  core_.counters.threads.shared_sub(1);
  owners_.detach(owner);
  // Last: the heap may end now. Release, as in Visit.
  visitors_.fetch_sub(1, std::memory_order_release);
}

bool Heap::give_huge(Superslab* head) {
  assert(head->charged_bytes == 0 || &of(*head) == this);
  const HugeBlocks::Given given = huge_.give(head);
  if (given == HugeBlocks::Given::kAlreadyFree) return false;
  if (given == HugeBlocks::Given::kBeyondLimit) purger_.tick();
  account_.after_frees();
  return true;
}

bool Heap::is_whole() const {
  HeapLock guard(core_.lock);
  return slabs_.is_valid() && huge_.is_valid() && owners_.is_valid();
}

ByteCount Heap::cache_share() const {
  if (account_.is_room_scarce()) return 0;
  const std::uint64_t threads = std::max<std::uint64_t>(core_.counters.threads.get(), 1);
  return committed_bytes() * core_.policy.read()->cache_share / 100 / threads;
}

void Heap::vacate_others(const SlabOwner* mine) {
  owners_.vacate_others(mine);
  core_.counters.threads.set(mine != nullptr);
}

void Heap::note_nearness(const void* block) {
  const Nearness nearness = space().os().nearness(block);
  if (nearness == Nearness::kLocal) core_.counters.numa_local.shared_add(1);
  if (nearness == Nearness::kRemote) core_.counters.numa_remote.shared_add(1);
}

}  // namespace superslab

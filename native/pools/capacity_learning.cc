#include "pools/capacity_learning.h"

#include <algorithm>
#include <cmath>

#include "base/clock.h"

namespace superslab {
namespace {

Capacities capacities_of(const HeapSnapshot& policy) { return {.blocks = policy.class_blocks}; }

CapacityRules rules_of(const HeapSnapshot& policy, std::uint32_t most_blocks, Nanos least_tick) {
  CapacityRules rules = capacity_rules(policy, most_blocks);
  rules.tick = std::max(rules.tick, least_tick);
  return rules;
}

}  // namespace

CapacityLearning::CapacityLearning(const HeapSnapshot& first, std::uint32_t most_blocks,
                                   Nanos least_tick)
    : first_(capacities_of(first)),
      most_blocks_(most_blocks),
      least_tick_(least_tick),
      published_(first_),
      controller_(rules_of(first, most_blocks, least_tick)),
      purging_(first) {
  controller_.start_from(first_);
}

void CapacityLearning::step(Heap& heap, ByteCount share) {
  LockGuard guard(lock_);
  if (is_broken_) return;
  const HeapSnapshot policy = *heap.policy();
  log_.mode = policy.learn;
  switch (policy.learn) {
    case LearnMode::kOff:
      return take_back(heap);
    case LearnMode::kFrozen:
      return hold(heap);
    case LearnMode::kLearn:
    case LearnMode::kTrial:
      return learn(heap, policy, share);
  }
}

/// The heap goes by what it began with.
void CapacityLearning::take_back(Heap& heap) {
  if (!has_learned_) return;
  publish(heap, first_);
  purging_.take_back(heap);
  controller_.forget();
  controller_.start_from(first_);
  has_learned_ = false;
}

/// What was learned stays, and what is on trial does not.
void CapacityLearning::hold(Heap& heap) {
  publish(heap, {.blocks = published_.blocks});
  purging_.hold(heap);
  controller_.rest();
}

void CapacityLearning::learn(Heap& heap, const HeapSnapshot& policy, ByteCount share) {
  const CapacityRules rules = rules_of(policy, most_blocks_, least_tick_);
  const Nanos now = heap.now();
  // Who comes a little early counts as one who comes in time.
  const bool is_early = now >= learned_at_ && now - learned_at_ < rules.tick - rules.tick / 8;
  if (has_learned_ && is_early) return;
  const Nanos begin = thread_cpu_now();
  controller_.set_rules(rules);
  heap.sample(samples_, share);
  const CapacityDecision decision = controller_.step(samples_, now);
  learned_at_ = now;
  has_learned_ = true;
  publish(heap, decision.capacities);
  heap.count_learning(decision.event);
  if (decision.event.kind != CapacityEvent::Kind::kNone) note({.event = decision.event});
  count_saved_calls(heap, decision.saved_calls);
  learn_purging(heap, policy, now);
  heap.count_learning_time(thread_cpu_now() - begin);
}

/// What a delay costs is known without a trial: so in the mode in which nothing stays there is
/// nothing to find out.
void CapacityLearning::learn_purging(Heap& heap, const HeapSnapshot& policy, Nanos now) {
  if (policy.learn != LearnMode::kLearn) return purging_.hold(heap);
  for (const PurgeEvent& event : purging_.step(heap, policy, least_tick_, now)) {
    if (event.kind != CapacityEvent::Kind::kNone)
      note({.learner = LearningFigures::Learner::kPurge, .purge = event});
  }
}

/// A counter never falls: what was lost again has to be saved anew before more is counted.
void CapacityLearning::count_saved_calls(Heap& heap, double calls) {
  saved_calls_ += calls;
  if (saved_calls_ < 1) return;
  const double whole = std::floor(saved_calls_);
  saved_calls_ -= whole;
  heap.count_saved_calls(static_cast<std::uint64_t>(whole));
}

void CapacityLearning::publish(Heap& heap, const Capacities& next) {
  bool is_there = next == published_;
  if (is_there) {
    // Whoever tunes the pool may have published capacities that he had read before.
    const auto policy = heap.policy();
    is_there = policy->class_blocks == next.blocks && policy->trial_arms == next.trial_arms &&
               policy->trial_blocks == next.trial_blocks;
  }
  if (is_there) return;
  heap.publish_capacities(next);
  published_ = next;
}

void CapacityLearning::rest() {
  LockGuard guard(lock_);
  controller_.rest();
  purging_.rest();
}

void CapacityLearning::leave(Heap& heap) {
  LockGuard guard(lock_);
  purging_.hold(heap);
}

void CapacityLearning::note(const LearningFigures::Entry& entry) {
  auto& events = log_.events;
  std::copy_backward(events.begin(), events.end() - 1, events.end());
  events[0] = entry;
  events[0].at = wall_now();
  ++log_.count;
}

void CapacityLearning::fill(const Heap& heap, LearningFigures& out) const {
  LockGuard guard(lock_);
  out = log_;
  out.state = controller_.state();
  out.blocks = published_.blocks;
  out.delays = purging_.delays();
  out.own_bytes = sizeof *this + heap.run_counter_bytes();
}

Holder CapacityLearning::survive_fork() NO_THREAD_SAFETY_ANALYSIS {
  const Holder holder = lock_.survive_fork();
  is_broken_ |= holder == Holder::kVanished;
  return holder;
}

}  // namespace superslab

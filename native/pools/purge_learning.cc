#include "pools/purge_learning.h"

#include <algorithm>
#include <cmath>

namespace superslab {

void PurgeLearning::observe(Heap& heap, bool is_wanted) {
  if (is_wanted == is_observing_) return;
  heap.account().observe_idle(is_wanted ? &times_ : nullptr);
  is_observing_ = is_wanted;
}

PurgeLearning::Events PurgeLearning::step(Heap& heap, const HeapSnapshot& policy, Nanos least_tick,
                                          Nanos now) {
  PurgeRules rules = purge_rules(policy);
  rules.tick = std::max(rules.tick, least_tick);
  controller_.set_rules(rules);
  heap.account().sample_idle(samples_, now, times_, break_even(rules));
  observe(heap, true);
  const PurgeDecision decision = controller_.step(samples_, now);
  publish(heap, decision.delays);
  for (const PurgeEvent& event : decision.events) heap.count_learning(event);
  // A counter never falls: what was lost again has to be saved anew before more is counted.
  saved_us_ += decision.saved_us;
  if (saved_us_ >= 1) {
    const double whole = std::floor(saved_us_);
    saved_us_ -= whole;
    heap.count_saved_us(static_cast<std::uint64_t>(whole));
  }
  return decision.events;
}

void PurgeLearning::take_back(Heap& heap) {
  observe(heap, false);
  publish(heap, {});
  controller_.forget();
}

void PurgeLearning::publish(Heap& heap, const PurgeDelays& delays) {
  // Whoever tunes the pool may have published delays that he had read before.
  if (delays == published_ && heap.policy()->learned_delays == delays) return;
  heap.publish_purge_delays(delays);
  published_ = delays;
}

}  // namespace superslab

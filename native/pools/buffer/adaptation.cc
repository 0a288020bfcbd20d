#include "pools/buffer/adaptation.h"

#include <algorithm>

#include "base/clock.h"

namespace superslab {

Adaptation::Done Adaptation::step(Heap& heap) {
  ByteCount expand_bytes = 0;
  Done done;
  {
    LockGuard guard(lock_);
    heap.sample(samples_);
    heap.restart_peaks();
    const Nanos now = heap.now();
    windows_.note(samples_, now);
    const Decision decision = controller_.step(samples_, now);
    if (!(decision.reserve == published_)) {
      heap.publish_reserve(decision.reserve);
      published_ = decision.reserve;
    }
    ready_bytes_.set(decision.reserve.ready_bytes);
    for (const Action& action : decision.actions) note(action);
    expand_bytes = decision.expand_bytes;
    done.shrinks = decision.shrinks;
    done.moved_slabs = decision.moved_slabs;
  }
  if (expand_bytes != 0) done.expanded_bytes = heap.expand(expand_bytes);
  return done;
}

void Adaptation::stop(Heap& heap) {
  LockGuard guard(lock_);
  if (published_ == Reserve{}) return;
  published_ = {};
  heap.publish_reserve(published_);
  ready_bytes_.set(0);
}

void Adaptation::note(const Action& action) {
  auto& actions = log_.actions;
  const Action& last = actions[0].action;
  const bool grows = action.kind == Action::Kind::kKeep || action.kind == Action::Kind::kExpand;
  const bool goes_on = actions[0].at != 0 && grows && last.kind == action.kind &&
                       last.size_class == action.size_class;
  ByteCount bytes = action.bytes;
  if (goes_on) {
    // What is kept is told as a whole, what was populated bit by bit.
    if (action.kind == Action::Kind::kExpand) bytes += last.bytes;
  } else {
    std::copy_backward(actions.begin(), actions.end() - 1, actions.end());
  }
  actions[0] = {action, wall_now()};
  actions[0].action.bytes = bytes;
}

void Adaptation::fill(AdaptationFigures& out) const {
  LockGuard guard(lock_);
  out = log_;
}

void Adaptation::history(const Heap& heap, DemandHistory& out) {
  LockGuard guard(lock_);
  heap.sample(samples_);
  const Nanos now = heap.now();
  const Nanos wall = wall_now();
  windows_.note(samples_, now);
  out.interval = windows_.interval();
  out.count = windows_.count();
  for (std::size_t age = 0; age < out.count; ++age) {
    DemandHistory::Interval& one = out.intervals[age];
    one.started = wall - std::min(wall, now - windows_.started(age));
    one.huge_acquires = windows_.huge_acquires(age);
    for (std::size_t i = 0; i < kFixedClasses; ++i)
      one.classes[i] = windows_.of(static_cast<ClassIndex>(i), age);
  }
}

}  // namespace superslab

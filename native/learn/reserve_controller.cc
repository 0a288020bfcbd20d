#include "learn/reserve_controller.h"

#include <algorithm>
#include <cassert>

namespace superslab {
namespace {

constexpr ClassIndex class_at(std::size_t i) { return static_cast<ClassIndex>(i); }

/// Of the slabs that are kept ready.
template <class Slabs>
ByteCount bytes_of(const Slabs& slabs, const Samples& samples) {
  ByteCount sum = 0;
  for (std::size_t i = 0; i < kClassSlots; ++i) sum += slabs[i] * samples.classes[i].slab_bytes;
  return sum;
}

ByteCount busy_bytes(const Samples& samples) {
  ByteCount sum = 0;
  for (const ClassSample& one : samples.classes) sum += one.busy_slabs * one.slab_bytes;
  return sum;
}

}  // namespace

/// What the class should keep by its own history.
std::uint32_t ReserveController::wanted(ClassIndex c, Nanos now) const {
  const ClassState& state = classes_[to_index(c)];
  std::uint32_t usual = windows_.usual_rise(c);
  if (usual >= state.ready) return usual;
  if (usual > state.ready - state.ready / 4 || rests(state, now)) return state.ready;
  if (usual == 0 && windows_.is_wanted(c)) usual = 1;
  return std::min(usual, state.ready);
}

void ReserveController::give_up(Pressure pressure, const Samples& samples, Slabs& next,
                                Decision& out) const {
  ByteCount bytes = 0;
  for (std::size_t i = 0; i < kClassSlots; ++i) {
    const std::uint32_t most =
        pressure == Pressure::kFull ? 0 : windows_.usual_rise(class_at(i)) / 2;
    next[i] = std::min(next[i], most);
    const std::uint32_t ready = classes_[i].ready;
    bytes += (ready - std::min(ready, next[i])) * samples.classes[i].slab_bytes;
  }
  if (bytes != 0) out.actions.add({.kind = Action::Kind::kPressure, .bytes = bytes});
}

/// The class's part of what may be kept in all, of which it would have `wanted`.
std::uint32_t ReserveController::fair_share(std::size_t i, std::uint32_t wanted, double part,
                                            Nanos now) const {
  const ClassState& state = classes_[i];
  const std::uint32_t least = wanted != 0 && windows_.is_wanted(class_at(i)) ? 1 : 0;
  const std::uint32_t fair = std::max(static_cast<std::uint32_t>(wanted * part), least);
  if (wanted < state.ready) return std::min(wanted, fair);
  const std::uint32_t change = fair > state.ready ? fair - state.ready : state.ready - fair;
  const bool is_small = change <= state.ready / 4;
  return is_small || (fair < state.ready && rests(state, now)) ? state.ready : fair;
}

void ReserveController::fit_to_peak(const Samples& samples, Nanos now, Slabs& next) const {
  const ByteCount fair = windows_.usual_peak_bytes();
  const ByteCount most = fair + fair / 4;
  ByteCount all = bytes_of(next, samples);
  if (all <= most) return;
  const double part = static_cast<double>(fair) / static_cast<double>(all);
  for (std::size_t i = 0; i < kClassSlots; ++i) next[i] = fair_share(i, next[i], part, now);
  all = bytes_of(next, samples);
  // Where nobody gives, nobody gains; and whatever was meant, it must not be more.
  for (const bool only_gains : {true, false}) {
    for (std::size_t i = kClassSlots; i-- > 0 && all > most;) {
      const std::uint32_t least = only_gains ? std::min(next[i], classes_[i].ready) : 0;
      const ByteCount unit = samples.classes[i].slab_bytes;
      if (next[i] <= least || unit == 0) continue;
      const ByteCount cut = std::min<ByteCount>((all - most + unit - 1) / unit, next[i] - least);
      next[i] -= static_cast<std::uint32_t>(cut);
      all -= cut * unit;
    }
  }
}

/// Notes that less is kept for class `i`: as a move, while other classes gain as much.
void ReserveController::note_loss(std::size_t i, std::uint32_t slabs, const Samples& samples,
                                  Gain& gain, Decision& out) const {
  ++out.shrinks;
  if (samples.pressure != Pressure::kNone) return;  // see give_up()
  const ByteCount unit = samples.classes[i].slab_bytes;
  const auto moved = static_cast<std::uint32_t>(std::min<ByteCount>(slabs, gain.bytes / unit));
  if (moved != 0) {
    gain.bytes -= moved * unit;
    out.moved_slabs += moved;
    out.actions.add({.kind = Action::Kind::kMove,
                     .size_class = gain.size_class,
                     .from = class_at(i),
                     .bytes = moved * unit,
                     .evidence_bytes = gain.evidence_bytes});
  }
  if (moved == slabs) return;
  out.actions.add(
      {.kind = Action::Kind::kShrink, .size_class = class_at(i), .bytes = (slabs - moved) * unit});
}

void ReserveController::change(const Samples& samples, Nanos now, const Slabs& next,
                               Decision& out) {
  Gain gain;
  for (std::size_t i = 0; i < kClassSlots; ++i) {
    if (next[i] <= classes_[i].ready) continue;
    const ByteCount unit = samples.classes[i].slab_bytes;
    const ByteCount evidence = windows_.usual_peak(class_at(i)) * unit;
    gain = {class_at(i), gain.bytes + (next[i] - classes_[i].ready) * unit, evidence};
    out.actions.add({.kind = Action::Kind::kKeep,
                     .size_class = class_at(i),
                     .bytes = next[i] * unit,
                     .evidence_bytes = evidence});
  }
  for (std::size_t i = 0; i < kClassSlots; ++i) {
    ClassState& state = classes_[i];
    if (next[i] == state.ready) continue;
    if (next[i] < state.ready) note_loss(i, state.ready - next[i], samples, gain, out);
    state.ready = next[i];
    state.changed_at = now;
    state.has_changed = true;
  }
}

/// Free memory that is needed by the next tick, if all goes on like that.
ByteCount ReserveController::expand(const Samples& samples, Nanos now, Decision& out) {
  const bool is_in_time = now - stepped_at_ <= 2 * tick_;
  const ByteCount most = std::min(kMostExpandBytes, busy_bytes(samples) / 2);
  ByteCount sum = 0;
  for (std::size_t i = 0; i < kClassSlots; ++i) {
    ClassState& state = classes_[i];
    const ClassSample& one = samples.classes[i];
    std::copy(state.growth.begin() + 1, state.growth.end(), state.growth.begin());
    const bool grew = is_in_time && one.busy_slabs > state.busy_before;
    state.growth.back() = grew ? one.busy_slabs - state.busy_before : 0;
    state.busy_before = one.busy_slabs;
    const std::uint32_t growth = *std::min_element(state.growth.begin(), state.growth.end());
    const std::uint64_t empty = one.slabs_made - one.slabs_retired - one.busy_slabs;
    const ByteCount ahead = (growth - std::min<std::uint64_t>(growth, empty)) * one.slab_bytes;
    if (ahead == 0 || samples.pressure != Pressure::kNone || sum + ahead > most) continue;
    sum += ahead;
    if (sum > samples.free_bytes)
      out.actions.add({.kind = Action::Kind::kExpand,
                       .size_class = class_at(i),
                       .bytes = std::min(ahead, sum - samples.free_bytes),
                       .evidence_bytes = ahead});
  }
  return sum;
}

void ReserveController::fill_reserve(const Samples& samples, Decision& out) const {
  ByteCount ready = 0;
  for (std::size_t i = 0; i < kClassSlots; ++i) {
    const ClassState& state = classes_[i];
    ready += state.ready * samples.classes[i].slab_bytes;
    // What comes beyond the usual is not kept when it goes.
    const std::uint32_t usual =
        std::max(windows_.usual_peak(class_at(i)), windows_.low(class_at(i)) + state.ready);
    out.reserve.slabs[i] =
        state.ready == 0 ? 0 : std::min(samples.classes[i].busy_slabs + state.ready, usual);
  }
  // In the middle of a burst what is kept for it is in use.
  const ByteCount peak = windows_.usual_peak_bytes();
  const ByteCount busy = busy_bytes(samples);
  out.reserve.ready_bytes =
      std::max(std::min(ready, peak > busy ? peak - busy : 0), out.expand_bytes);
}

Decision ReserveController::step(const Samples& samples, Nanos now) {
  assert(now >= stepped_at_);
  Decision out;
  Slabs next;
  for (std::size_t i = 0; i < kClassSlots; ++i) next[i] = wanted(class_at(i), now);
  if (samples.pressure != Pressure::kNone) give_up(samples.pressure, samples, next, out);
  fit_to_peak(samples, now, next);
  change(samples, now, next, out);
  out.expand_bytes = expand(samples, now, out);
  stepped_at_ = now;
  fill_reserve(samples, out);
  return out;
}

}  // namespace superslab

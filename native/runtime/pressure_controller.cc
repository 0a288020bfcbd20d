#include "runtime/pressure_controller.h"

#include <algorithm>

namespace superslab {
namespace {

constexpr std::uint32_t kPermille = 1000;

/// A level that there is holds until use is lower by this.
constexpr std::uint32_t kUseMargin = 50;
/// A group that comes to its limit again and again is pressed from so much earlier on.
constexpr std::uint32_t kHitMargin = 100;

/// Readings that are further apart say nothing of the time now.
constexpr Nanos kStaleIntervals = 5;

/// By level.
constexpr ReliefStep kLastSteps[] = {ReliefStep::kNothing, ReliefStep::kCaches, ReliefStep::kIdle};

std::uint32_t permille_of(ByteCount part, ByteCount whole) {
  if (whole == 0) return kPermille;
  const double share = static_cast<double>(part) / static_cast<double>(whole) * kPermille;
  return static_cast<std::uint32_t>(std::min(share, 100.0 * kPermille));
}

/// Keeps the finding that is worse; of equal ones the first.
void keep_worse(PressureFinding& worst, const PressureFinding& finding) {
  if (finding.level > worst.level) worst = finding;
}

PressureLevel level_of(std::uint32_t permille, std::uint32_t some, std::uint32_t critical) {
  if (permille >= critical) return PressureLevel::kCritical;
  return permille >= some ? PressureLevel::kSome : PressureLevel::kNone;
}

/// Where the stalls are the machine's, a group elsewhere that is at its own limit makes them too:
/// they count while less than a fifth of the machine's memory is available.
bool is_machine_short(const PressureReadings& system) {
  return system.available < system.machine / 5;
}

}  // namespace

PressureController::Thresholds PressureController::rising() const {
  return {settings_.pressure_stall * 10, settings_.pressure_full_stall * 10,
          settings_.pressure_use * 10, settings_.pressure_critical_use * 10};
}

PressureController::Thresholds PressureController::falling(const Thresholds& rising) {
  const auto lower = [](std::uint32_t use) { return use - std::min(use, kUseMargin); };
  return {rising.stall / 2, rising.full_stall / 2, lower(rising.use), lower(rising.critical_use)};
}

/// The share of the time since the reading before; without one the kernel's own average.
std::uint32_t PressureController::stalled_permille(const StallTime& stalls, const StallTime& before,
                                                   Nanos now) const {
  if (!stalls.is_known) return 0;
  const Nanos passed = now - before_.now;
  const Nanos stale = kStaleIntervals * to_nanos(settings_.pressure_interval_ms);
  const bool can_compare = has_read_ && before.is_known && stalls.total_us >= before.total_us &&
                           now > before_.now && passed <= stale;
  if (!can_compare) return stalls.avg10_bp / 10;
  const double stalled = static_cast<double>(stalls.total_us - before.total_us) * 1000;
  return static_cast<std::uint32_t>(
      std::min(stalled / static_cast<double>(passed) * kPermille, double{kPermille}));
}

void PressureController::judge_stalls(const PressureInput& input, const Thresholds& thresholds,
                                      PressureFinding& worst) const {
  const PressureReadings& system = input.system;
  if (!system.is_of_group && !is_machine_short(system)) return;
  const PressureReason reason =
      system.is_of_group ? PressureReason::kGroupStalls : PressureReason::kMachineStalls;
  // Totals of two different files have nothing in common.
  const bool same_file = system.is_of_group == before_.system.is_of_group;
  const auto before = [same_file](const StallTime& stalls) {
    return same_file ? stalls : StallTime{};
  };
  const std::uint32_t full = stalled_permille(system.full, before(before_.system.full), input.now);
  const std::uint32_t some = stalled_permille(system.some, before(before_.system.some), input.now);
  if (full >= thresholds.full_stall) keep_worse(worst, {PressureLevel::kCritical, reason, full, 0});
  if (some >= thresholds.stall) keep_worse(worst, {PressureLevel::kSome, reason, some, 0});
}

PressureFinding PressureController::judge(const PressureInput& input,
                                          const Thresholds& thresholds) const {
  const PressureReadings& system = input.system;
  PressureFinding worst;
  if (system.hard.limit != kNoLimit) {
    const std::uint32_t share = permille_of(system.hard.used, system.hard.limit);
    keep_worse(worst, {level_of(share, thresholds.use, thresholds.critical_use),
                       PressureReason::kHardLimit, share, system.hard.limit});
    if (has_read_ && system.ooms > before_.system.ooms)
      keep_worse(worst, {PressureLevel::kCritical, PressureReason::kOutOfMemory, share,
                         system.hard.limit});
    if (has_read_ && system.limit_hits > before_.system.limit_hits &&
        share + kHitMargin >= thresholds.use)
      keep_worse(worst,
                 {PressureLevel::kSome, PressureReason::kHardLimit, share, system.hard.limit});
  }
  judge_stalls(input, thresholds, worst);
  if (system.soft.limit != kNoLimit) {
    const std::uint32_t share = permille_of(system.soft.used, system.soft.limit);
    if (share >= thresholds.use)
      keep_worse(worst,
                 {PressureLevel::kSome, PressureReason::kSoftLimit, share, system.soft.limit});
  }
  if (settings_.total_bytes != 0) {
    const std::uint32_t share = permille_of(input.pool_bytes, settings_.total_bytes);
    keep_worse(worst, {level_of(share, thresholds.use, thresholds.critical_use),
                       PressureReason::kTotalBytes, share, settings_.total_bytes});
  }
  return worst;
}

void PressureController::change_level(const PressureFinding& up, PressureLevel held, Nanos now) {
  if (up.level > finding_.level) {
    finding_ = up;
    ++rises_;
    pressed_at_ = now;
  } else if (held >= finding_.level) {
    pressed_at_ = now;
  } else if (now - pressed_at_ >= kCalm) {
    finding_.level = held;
    pressed_at_ = now;
  }
}

bool PressureController::choose_step(PressureLevel up, bool has_risen, Nanos now) {
  const ReliefStep last = kLastSteps[static_cast<std::size_t>(finding_.level)];
  // While a level is only held, what was done was enough.
  if (up < finding_.level || last == ReliefStep::kNothing) {
    step_ = std::min(step_, last);
    return false;
  }
  if (has_risen) {
    step_ = ReliefStep::kCaches;
  } else if (step_ < last) {
    step_ = static_cast<ReliefStep>(static_cast<std::uint8_t>(step_) + 1);
  } else {
    step_ = last;
    if (now - relieved_at_ < kRepeat) return false;
  }
  relieved_at_ = now;
  return true;
}

bool PressureController::read(const PressureInput& input) {
  const Thresholds thresholds = rising();
  const PressureFinding up = judge(input, thresholds);
  const PressureFinding held = judge(input, falling(thresholds));
  const std::uint64_t rises = rises_;
  change_level(up, held.level, input.now);
  before_ = input;
  has_read_ = true;
  return choose_step(up.level, rises_ != rises, input.now);
}

}  // namespace superslab

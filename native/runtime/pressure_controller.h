// From what the operating system says to a level of memory pressure, and to what pools are to give
// back: pure functions of readings and times.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "base/types.h"
#include "os/pressure.h"
#include "policy/relief_step.h"
#include "policy/snapshot.h"

namespace superslab {

/// How scarce memory is.
enum class PressureLevel : std::uint8_t { kNone, kSome, kCritical };

/// What a level follows from.
enum class PressureReason : std::uint8_t {
  kNone,
  kGroupStalls,    // tasks of the control group wait for memory
  kMachineStalls,  // tasks of the machine do, and little of its memory is available
  kHardLimit,      // a control group is near a limit beyond which processes are killed
  kSoftLimit,      // or beyond which they are slowed down
  kOutOfMemory,    // the kernel found nothing more to drop in a control group
  kTotalBytes,     // the pools of the process are near SUPERSLAB_TOTAL_BYTES
};

/// A level, and what it follows from.
struct PressureFinding {
  PressureLevel level = PressureLevel::kNone;
  PressureReason reason = PressureReason::kNone;
  std::uint32_t permille = 0;  // of the time, or of the limit
  ByteCount limit = 0;         // of which; 0 for a share of time
};

/// Readings with what the process knows itself.
struct PressureInput {
  PressureReadings system;
  ByteCount pool_bytes = 0;  // that all pools have from the operating system
  Nanos now = 0;
};

/// Raises the level at once and lowers it when all has been calm for a while, so that it does not
/// flap. A rise has caches given back; each further reading at which the pressure is still critical
/// has the next step done. While a level lasts, its last step is repeated from time to time. A
/// level that is only held, by readings below what would raise it, has nothing done.
class PressureController {
 public:
  explicit PressureController(const ProcessSnapshot& settings) : settings_(settings) {}

  /// Whether a step is to be done now: step(). For readings in order of time.
  bool read(const PressureInput& input);

  PressureLevel level() const { return finding_.level; }
  /// The last rise, even after the level has fallen; its `level` is the level now.
  const PressureFinding& finding() const { return finding_; }
  ReliefStep step() const { return step_; }
  /// How often the level rose.
  std::uint64_t rises() const { return rises_; }

  /// How long it must have been calm before a level falls.
  static constexpr Nanos kCalm = 10'000 * kMillisecond;
  /// While a level lasts, how long until its last step is done again.
  static constexpr Nanos kRepeat = 10'000 * kMillisecond;

 private:
  /// In permille. Lower ones hold a level that there is.
  struct Thresholds {
    std::uint32_t stall;
    std::uint32_t full_stall;
    std::uint32_t use;
    std::uint32_t critical_use;
  };
  Thresholds rising() const;
  static Thresholds falling(const Thresholds& rising);
  PressureFinding judge(const PressureInput& input, const Thresholds& thresholds) const;
  void judge_stalls(const PressureInput& input, const Thresholds& thresholds,
                    PressureFinding& worst) const;
  std::uint32_t stalled_permille(const StallTime& stalls, const StallTime& before, Nanos now) const;
  void change_level(const PressureFinding& up, PressureLevel held, Nanos now);
  bool choose_step(PressureLevel up, bool has_risen, Nanos now);

  ProcessSnapshot settings_;
  bool has_read_ = false;
  PressureInput before_{};
  PressureFinding finding_{};
  Nanos pressed_at_ = 0;  // when the level was last found to hold
  ReliefStep step_ = ReliefStep::kNothing;
  Nanos relieved_at_ = 0;
  std::uint64_t rises_ = 0;
};

}  // namespace superslab

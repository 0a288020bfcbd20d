// What the operating system says of how scarce memory is. pressure_linux.h reads it of the kernel's
// files; a machine may lack any of them, and tests have a source that answers from a table.
#pragma once

#include <cstdint>

#include "base/types.h"
#include "os/limits.h"

namespace superslab {

/// Time in which tasks waited for memory instead of running: a line of the kernel's pressure stall
/// information (Documentation/accounting/psi.rst).
struct StallTime {
  bool is_known = false;
  std::uint64_t total_us = 0;  // since the machine started, or the group was made
  std::uint32_t avg10_bp = 0;  // of the last ten seconds, in hundredths of a percent
};

/// Of one limit, and what there is under it.
struct LimitUse {
  ByteCount used = 0;
  ByteCount limit = kNoLimit;
};

/// One look. What is not known is as if there were no pressure.
struct PressureReadings {
  StallTime some;  // at least one task waited
  StallTime full;  // all of them did
  /// Whether those are of the process's own control group. Else they are of the machine, where
  /// another group that is at its own limit counts, too.
  bool is_of_group = false;

  /// Of the control groups around the process that whose limit is nearest. What is used is without
  /// the pages of files that were not touched lately, which the kernel drops first.
  LimitUse hard;                 // beyond it processes are killed
  LimitUse soft;                 // beyond it processes are slowed down: memory.high
  std::uint64_t limit_hits = 0;  // how often a group came to a limit, which its files alone may do
  std::uint64_t ooms = 0;        // how often it found nothing more to drop

  ByteCount available = kNoLimit;  // of the machine, without swapping
  ByteCount machine = 0;           // all that it has
};

class PressureSource {
 public:
  virtual ~PressureSource() = default;
  /// One thread at a time. Tens of microseconds; milliseconds when the kernel is busy.
  virtual PressureReadings read() = 0;
};

}  // namespace superslab

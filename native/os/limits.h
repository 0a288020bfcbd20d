// What the process may have at most, as the system says.
#pragma once

#include "base/types.h"

namespace superslab {

constexpr ByteCount kNoLimit = ~ByteCount{0};

struct OsLimits {
  ByteCount addresses = kNoLimit;  // RLIMIT_AS: every mapping, and what is reserved
  ByteCount data = kNoLimit;       // RLIMIT_DATA: what is private and writable, touched or not
  ByteCount memory = kNoLimit;     // of a control group: what all its processes have touched

  /// Whether what nobody touches counts.
  bool counts_reservations() const { return addresses != kNoLimit || data != kNoLimit; }
};

/// By system calls that every program makes when it starts, and that one which confines itself may
/// forbid later on. `root` stands in front of the paths of files.
OsLimits read_limits(const char* root = "");

}  // namespace superslab

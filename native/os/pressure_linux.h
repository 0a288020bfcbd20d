// The kernel's files on memory pressure: PSI, control groups of version 1 and 2, /proc/meminfo.
#pragma once

#if defined(__linux__)

#include "os/cgroup_linux.h"
#include "os/pressure.h"

namespace superslab {

/// Opens each file anew, which takes some microseconds a file: a descriptor that was kept would be
/// somebody else's file once a program that becomes a daemon has closed all.
class LinuxPressure final : public PressureSource {
 public:
  /// `root` stands in front of every path, and outlives this.
  explicit LinuxPressure(const char* root = "") : root_(root) {}

  PressureReadings read() override;

 private:
  void read_stalls_of_group(PressureReadings& out) const;
  void read_limits(PressureReadings& out) const;
  void read_machine(PressureReadings& out) const;

  const char* root_;
  ControlGroups groups_{};
  std::uint32_t reads_until_search_ = 0;
};

}  // namespace superslab

#endif

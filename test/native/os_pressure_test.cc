// What is read of the kernel's files on memory pressure, in trees that stand for the machine's:
// each file there, missing, cut off, of other words.
#if defined(__linux__)

#include "os/pressure_linux.h"

#include <unistd.h>

#include "check.h"
#include "os_temp_tree.h"

using namespace superslab;
using namespace superslab_test;

namespace {

struct Machine : TempTree {
  PressureReadings read() { return LinuxPressure(root()).read(); }
  void set(const std::string& path, const std::string& text) { CHECK(write(path, text)); }
  void group(const std::string& folder, const std::string& file, const std::string& text) {
    set("/sys/fs/cgroup" + folder + "/" + file, text);
  }
};

constexpr const char* kStalls =
    "some avg10=12.34 avg60=1.00 avg300=0.00 total=5000000\n"
    "full avg10=3.00 avg60=0.50 avg300=0.00 total=700\n";

}  // namespace

TEST(os, "a machine without any of the files is under no pressure") {
  Machine machine;
  const PressureReadings seen = machine.read();
  CHECK(!seen.some.is_known && !seen.full.is_known && !seen.is_of_group);
  CHECK_EQ(seen.hard.limit, kNoLimit);
  CHECK_EQ(seen.soft.limit, kNoLimit);
  CHECK_EQ(seen.available, kNoLimit);
  CHECK_EQ(seen.limit_hits + seen.ooms, 0);
}

TEST(os, "the machine's stalls are read, to a hundredth of a percent") {
  Machine machine;
  machine.set("/proc/pressure/memory", kStalls);
  const PressureReadings seen = machine.read();
  CHECK(seen.some.is_known && seen.full.is_known && !seen.is_of_group);
  CHECK_EQ(seen.some.avg10_bp, 1234);
  CHECK_EQ(seen.some.total_us, 5000000);
  CHECK_EQ(seen.full.avg10_bp, 300);
  CHECK_EQ(seen.full.total_us, 700);
}

TEST(os, "of stalls in other words nothing is believed") {
  Machine machine;
  for (const char* text :
       {"", "\n", "some\n", "some avg10=1.00\n", "some avg10=x total=1\n",
        "some avg10=1.0 total=\n", "some avg10=-1.00 total=1\n", "some avg10=1.00 total=-1\n",
        "awesome avg10=1.00 total=1\n", "some avg10=101.00 total=1\n",
        "some avg10=1.00 total=99999999999999999999999\n",
        "some avg10=99999999999999999999999 total=1\n",
        "some avg10=1.00 avg60=1.00 avg300=1.00 total=12"}) {
    Context context(text);
    machine.set("/proc/pressure/memory", text);
    CHECK(!machine.read().some.is_known);
  }
  machine.set("/proc/pressure/memory", "some avg10=1 avg60=0 avg300=0 total=9\n");
  CHECK_EQ(machine.read().some.avg10_bp, 100);
  CHECK(!machine.read().full.is_known);
}

TEST(os, "the process's own group comes before the machine, but not the group of all") {
  Machine machine;
  machine.set("/proc/pressure/memory", kStalls);
  machine.set("/proc/self/cgroup", "0::/a/b\n");
  machine.group("/a/b", "memory.pressure", "some avg10=0.50 avg60=0 avg300=0 total=3\n");
  CHECK(!machine.read().is_of_group);
  machine.group("/a/b", "cgroup.events", "populated 1\n");
  const PressureReadings seen = machine.read();
  CHECK(seen.is_of_group);
  CHECK_EQ(seen.some.total_us, 3);
  CHECK(!seen.full.is_known);
  // One that cannot be read is as good as none.
  machine.group("/a/b", "memory.pressure", "nothing");
  CHECK(!machine.read().is_of_group);
  CHECK_EQ(machine.read().some.total_us, 5000000);
}

TEST(os, "beside version 1 a group's stalls are those of version 2") {
  Machine machine;
  machine.set("/proc/self/cgroup", "4:cpu,memory:/one\n0::/two\n");
  machine.group("/unified/two", "cgroup.events", "populated 1\n");
  machine.group("/unified/two", "memory.pressure", kStalls);
  machine.group("/memory/one", "memory.limit_in_bytes", "1000\n");
  machine.group("/memory/one", "memory.usage_in_bytes", "900\n");
  machine.group("/memory/one", "memory.failcnt", "7\n");
  machine.group("/memory/one", "memory.stat", "inactive_file 1\ntotal_inactive_file 100\n");
  const PressureReadings seen = machine.read();
  CHECK(seen.is_of_group);
  CHECK_EQ(seen.hard.limit, 1000);
  CHECK_EQ(seen.hard.used, 800);
  CHECK_EQ(seen.limit_hits, 7);
  CHECK_EQ(seen.soft.limit, kNoLimit);
  machine.group("/memory/one", "memory.limit_in_bytes", "9223372036854771712\n");
  CHECK_EQ(machine.read().hard.limit, kNoLimit);
}

TEST(os, "of all limits around the process that counts which is nearest") {
  Machine machine;
  machine.set("/proc/self/cgroup", "0::/a/b\n");
  machine.group("/a/b", "memory.max", "max\n");
  CHECK_EQ(machine.read().hard.limit, kNoLimit);
  machine.group("/a", "memory.max", "1000\n");
  machine.group("/a", "memory.current", "500\n");
  CHECK_EQ(machine.read().hard.limit, 1000);
  CHECK_EQ(machine.read().hard.used, 500);
  machine.group("/a/b", "memory.max", "200\n");
  machine.group("/a/b", "memory.current", "90\n");
  CHECK_EQ(machine.read().hard.limit, 1000);
  machine.group("/a/b", "memory.current", "110\n");
  CHECK_EQ(machine.read().hard.limit, 200);
  // Files that nobody touched lately are dropped first.
  machine.group("/a/b", "memory.stat", "anon 5\ninactive_file 20\nactive_file 7\n");
  CHECK_EQ(machine.read().hard.limit, 1000);
  machine.group("/a/b", "memory.high", "50\n");
  machine.group("/a/b", "memory.events", "low 0\nhigh 9\nmax 3\noom 2\noom_kill 1\n");
  machine.group("/a", "memory.events", "low 0\nhigh 0\nmax 4\noom 1\noom_kill 1\n");
  const PressureReadings seen = machine.read();
  CHECK_EQ(seen.soft.limit, 50);
  CHECK_EQ(seen.soft.used, 90);
  CHECK_EQ(seen.limit_hits, 7);
  CHECK_EQ(seen.ooms, 3);
}

TEST(os, "limits and counts in other words are no limits") {
  Machine machine;
  machine.set("/proc/self/cgroup", "0::/a\n");
  for (const char* text : {"", "\n", "max\n", "many\n", "99999999999999999999999999\n"}) {
    Context context(text);
    machine.group("/a", "memory.max", text);
    CHECK_EQ(machine.read().hard.limit, kNoLimit);
  }
  machine.group("/a", "memory.max", "0\n");
  machine.group("/a", "memory.current", "x\n");
  machine.group("/a", "memory.stat", "inactive_file\ninactive_file x\ninactive_files 5\n");
  machine.group("/a", "memory.events", std::string(3000, 'x') + "\nmax\noom x\n");
  CHECK_EQ(machine.read().hard.limit, 0);
  CHECK_EQ(machine.read().hard.used, 0);
  CHECK_EQ(machine.read().limit_hits + machine.read().ooms, 0);
  // More of one kind than there is of all.
  machine.group("/a", "memory.current", "5\n");
  machine.group("/a", "memory.stat", "inactive_file 6\n");
  CHECK_EQ(machine.read().hard.used, 0);
}

TEST(os, "what the machine has is known if both numbers are") {
  Machine machine;
  machine.set("/proc/meminfo", "MemTotal:       2048 kB\nMemFree:  1 kB\n");
  CHECK_EQ(machine.read().available, kNoLimit);
  machine.set("/proc/meminfo",
              "MemTotal:       2048 kB\nMemFree:  1 kB\nMemAvailable:   1024 kB\n");
  CHECK_EQ(machine.read().machine, 2 * kMiB);
  CHECK_EQ(machine.read().available, kMiB);
  machine.set("/proc/meminfo", "MemTotal: 99999999999999999999 kB\nMemAvailable: 1 kB\n");
  CHECK_EQ(machine.read().available, kNoLimit);
}

TEST(os, "a process that is moved to another group is found there in time") {
  Machine machine;
  machine.set("/proc/self/cgroup", "0::/a\n");
  machine.group("/a", "memory.max", "100\n");
  machine.group("/b", "memory.max", "200\n");
  LinuxPressure pressure(machine.root());
  CHECK_EQ(pressure.read().hard.limit, 100);
  machine.set("/proc/self/cgroup", "0::/b\n");
  for (int i = 0; i < 60; ++i) pressure.read();
  CHECK_EQ(pressure.read().hard.limit, 200);
}

TEST(os, "this machine's own files are read") {
  const PressureReadings seen = LinuxPressure().read();
  if (access("/proc/pressure/memory", R_OK) == 0) {
    CHECK(seen.some.is_known);
    CHECK(seen.some.avg10_bp <= 10'000);
  }
  CHECK(seen.machine > 0);
  CHECK(seen.available <= seen.machine);
}

#endif

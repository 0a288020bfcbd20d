// Levels and steps on made-up time: they rise at once, fall after a while, and come in order.
#include "runtime/pressure_controller.h"

#include <atomic>
#include <thread>
#include <vector>

#include "check.h"
#include "runtime/memory_pressure.h"

using namespace superslab;

namespace {

constexpr Nanos kSecond = 1000 * kMillisecond;

/// A controller with a clock and readings that a test sets.
struct Watch {
  explicit Watch(const ProcessSnapshot& settings = {}) : controller(settings) {}

  /// `seconds` later; whether a step is to be done.
  bool after(double seconds) {
    input.now += static_cast<Nanos>(seconds * static_cast<double>(kSecond));
    return controller.read(input);
  }
  void use(std::uint32_t percent) { input.system.hard = {percent, 100}; }
  /// So much of each second to come, in percent.
  void stall_by(std::uint32_t some, std::uint32_t full, double seconds = 1) {
    PressureReadings& system = input.system;
    system.some.is_known = system.full.is_known = true;
    system.some.total_us += static_cast<std::uint64_t>(some * 10'000 * seconds);
    system.full.total_us += static_cast<std::uint64_t>(full * 10'000 * seconds);
  }
  PressureLevel level() const { return controller.level(); }
  PressureReason reason() const { return controller.finding().reason; }
  ReliefStep step() const { return controller.step(); }

  PressureInput input{.system = {}, .pool_bytes = 0, .now = 100 * kSecond};
  PressureController controller;
};

struct TableSource final : PressureSource {
  PressureReadings read() override {
    ++reads;
    return next;
  }
  PressureReadings next;
  std::atomic<int> reads{0};
};

}  // namespace

TEST(runtime, "where nothing is known there is no pressure") {
  Watch watch;
  for (int i = 0; i < 5; ++i) CHECK(!watch.after(1));
  CHECK_EQ(watch.level(), PressureLevel::kNone);
  CHECK_EQ(watch.step(), ReliefStep::kNothing);
  CHECK_EQ(watch.controller.rises(), 0);
}

TEST(runtime, "a level rises at its threshold and not below") {
  Watch watch;
  watch.use(89);
  CHECK(!watch.after(1));
  CHECK_EQ(watch.level(), PressureLevel::kNone);
  watch.use(90);
  CHECK(watch.after(1));
  CHECK_EQ(watch.level(), PressureLevel::kSome);
  CHECK_EQ(watch.reason(), PressureReason::kHardLimit);
  CHECK_EQ(watch.controller.finding().permille, 900);
  CHECK_EQ(watch.controller.finding().limit, 100);
  watch.use(96);
  CHECK(!watch.after(1));
  CHECK_EQ(watch.level(), PressureLevel::kSome);
  watch.use(97);
  CHECK(watch.after(1));
  CHECK_EQ(watch.level(), PressureLevel::kCritical);
  CHECK_EQ(watch.controller.rises(), 2);
}

TEST(runtime, "a level falls once it was calm for a while, and does not flap") {
  Watch watch;
  watch.use(90);
  watch.after(1);
  // Between the thresholds it holds, for however long.
  watch.use(86);
  for (int i = 0; i < 60; ++i) watch.after(1);
  CHECK_EQ(watch.level(), PressureLevel::kSome);
  watch.use(84);
  for (int i = 0; i < 9; ++i) CHECK(!watch.after(1));
  CHECK_EQ(watch.level(), PressureLevel::kSome);
  watch.use(86);  // the while begins anew
  watch.after(1);
  watch.use(84);
  for (int i = 0; i < 9; ++i) CHECK(!watch.after(1));
  CHECK_EQ(watch.level(), PressureLevel::kSome);
  CHECK(!watch.after(1));
  CHECK_EQ(watch.level(), PressureLevel::kNone);
  CHECK_EQ(watch.step(), ReliefStep::kNothing);
  // Why it was so is still told.
  CHECK_EQ(watch.reason(), PressureReason::kHardLimit);
  for (int i = 0; i < 30; ++i) {
    watch.use(i % 2 == 0 ? 89 : 84);
    CHECK(!watch.after(1));
  }
  CHECK_EQ(watch.controller.rises(), 1);
}

TEST(runtime, "use that goes up and down around a threshold is one rise") {
  Watch watch;
  for (int i = 0; i < 100; ++i) {
    watch.use(i % 2 == 0 ? 91 : 80);
    watch.after(1);
  }
  CHECK_EQ(watch.controller.rises(), 1);
  CHECK_EQ(watch.level(), PressureLevel::kSome);
}

TEST(runtime, "critical falls to some and then to none") {
  Watch watch;
  watch.use(98);
  watch.after(1);
  watch.use(88);
  for (int i = 0; i < 10; ++i) watch.after(1);
  CHECK_EQ(watch.level(), PressureLevel::kSome);
  CHECK_EQ(watch.step(), ReliefStep::kCaches);
  watch.use(10);
  for (int i = 0; i < 10; ++i) watch.after(1);
  CHECK_EQ(watch.level(), PressureLevel::kNone);
}

TEST(runtime, "steps come one by one, as long as the pressure is critical") {
  Watch watch;
  watch.use(99);
  CHECK(watch.after(1));
  CHECK_EQ(watch.step(), ReliefStep::kCaches);
  CHECK(watch.after(1));
  CHECK_EQ(watch.step(), ReliefStep::kCold);
  CHECK(watch.after(1));
  CHECK_EQ(watch.step(), ReliefStep::kIdle);
  // The last one is repeated from time to time.
  int repeated = 0;
  for (int i = 0; i < 30; ++i) repeated += watch.after(1);
  CHECK_EQ(repeated, 3);
  CHECK_EQ(watch.step(), ReliefStep::kIdle);
}

TEST(runtime, "caches are enough when that helps") {
  Watch watch;
  watch.use(99);
  watch.after(1);
  watch.use(50);
  for (int i = 0; i < 30; ++i) CHECK(!watch.after(1));
  CHECK_EQ(watch.level(), PressureLevel::kNone);
}

TEST(runtime, "a level that is only held has nothing done") {
  Watch watch;
  watch.use(99);
  CHECK(watch.after(1));
  watch.use(93);
  for (int i = 0; i < 30; ++i) CHECK(!watch.after(1));
  CHECK_EQ(watch.level(), PressureLevel::kCritical);
  CHECK_EQ(watch.step(), ReliefStep::kCaches);
  // It goes on where it was.
  watch.use(97);
  CHECK(watch.after(1));
  CHECK_EQ(watch.step(), ReliefStep::kCold);
}

TEST(runtime, "some pressure has caches given back and no more") {
  Watch watch;
  watch.use(92);
  int done = 0;
  for (int i = 0; i < 31; ++i) {
    done += watch.after(1);
    CHECK_EQ(watch.step(), ReliefStep::kCaches);
  }
  CHECK_EQ(done, 4);
}

TEST(runtime, "stalls of the group count by their share of the time between two readings") {
  Watch watch;
  watch.input.system.is_of_group = true;
  watch.stall_by(0, 0);
  watch.after(1);
  watch.stall_by(9, 0);
  watch.after(1);
  CHECK_EQ(watch.level(), PressureLevel::kNone);
  watch.stall_by(11, 0);
  CHECK(watch.after(1));
  CHECK_EQ(watch.level(), PressureLevel::kSome);
  CHECK_EQ(watch.reason(), PressureReason::kGroupStalls);
  CHECK_EQ(watch.controller.finding().permille, 110);
  watch.stall_by(50, 12);
  CHECK(watch.after(1));
  CHECK_EQ(watch.level(), PressureLevel::kCritical);
  CHECK_EQ(watch.controller.finding().permille, 120);
}

TEST(runtime, "without a reading before, and after a long pause, the kernel's average counts") {
  Watch watch;
  watch.input.system.is_of_group = true;
  watch.stall_by(1000, 1000);  // long ago
  watch.input.system.some.avg10_bp = 500;
  watch.after(1);
  CHECK_EQ(watch.level(), PressureLevel::kNone);
  watch.stall_by(100, 100, 60);
  watch.after(60);
  CHECK_EQ(watch.level(), PressureLevel::kNone);
  watch.input.system.some.avg10_bp = 1500;
  watch.after(60);
  CHECK_EQ(watch.level(), PressureLevel::kSome);
  // A group that was made anew counts from zero.
  Watch other;
  other.input.system.is_of_group = true;
  other.stall_by(100, 0);
  other.after(1);
  other.input.system.some.total_us = 5;
  other.after(1);
  CHECK_EQ(other.level(), PressureLevel::kNone);
}

TEST(runtime, "stalls of the machine count only while its memory is short") {
  Watch watch;
  watch.input.system.machine = 100;
  watch.input.system.available = 50;
  watch.stall_by(0, 0);
  watch.after(1);
  watch.stall_by(80, 80);
  watch.after(1);
  CHECK_EQ(watch.level(), PressureLevel::kNone);
  watch.input.system.available = 19;
  watch.stall_by(80, 0);
  watch.after(1);
  CHECK_EQ(watch.level(), PressureLevel::kSome);
  CHECK_EQ(watch.reason(), PressureReason::kMachineStalls);
}

TEST(runtime, "a group that finds nothing to drop is critical; one that hits its limit may be") {
  Watch watch;
  watch.use(70);
  watch.input.system.ooms = 5;  // before we came
  watch.input.system.limit_hits = 100;
  watch.after(1);
  CHECK_EQ(watch.level(), PressureLevel::kNone);
  watch.input.system.limit_hits = 200;  // its files alone may do that
  watch.after(1);
  CHECK_EQ(watch.level(), PressureLevel::kNone);
  watch.use(80);
  watch.input.system.limit_hits = 300;
  watch.after(1);
  CHECK_EQ(watch.level(), PressureLevel::kSome);
  watch.input.system.ooms = 6;
  watch.after(1);
  CHECK_EQ(watch.level(), PressureLevel::kCritical);
  CHECK_EQ(watch.reason(), PressureReason::kOutOfMemory);
}

TEST(runtime, "near a limit that only slows down there is some pressure, however far beyond") {
  Watch watch;
  watch.input.system.soft = {300, 100};
  watch.after(1);
  CHECK_EQ(watch.level(), PressureLevel::kSome);
  CHECK_EQ(watch.reason(), PressureReason::kSoftLimit);
  CHECK_EQ(watch.controller.finding().permille, 3000);
}

TEST(runtime, "the pools' own limit counts for itself") {
  ProcessSnapshot settings;
  settings.total_bytes = 1000;
  Watch watch(settings);
  watch.input.pool_bytes = 899;
  watch.after(1);
  CHECK_EQ(watch.level(), PressureLevel::kNone);
  watch.input.pool_bytes = 900;
  watch.after(1);
  CHECK_EQ(watch.level(), PressureLevel::kSome);
  CHECK_EQ(watch.reason(), PressureReason::kTotalBytes);
  watch.input.pool_bytes = 5000;
  watch.after(1);
  CHECK_EQ(watch.level(), PressureLevel::kCritical);
}

TEST(runtime, "thresholds are those of the policy") {
  ProcessSnapshot settings;
  settings.pressure_use = 50;
  settings.pressure_critical_use = 60;
  settings.pressure_stall = 30;
  settings.pressure_full_stall = 40;
  Watch watch(settings);
  watch.use(55);
  watch.after(1);
  CHECK_EQ(watch.level(), PressureLevel::kSome);
  watch.use(60);
  watch.after(1);
  CHECK_EQ(watch.level(), PressureLevel::kCritical);
  Watch stalled(settings);
  stalled.input.system.is_of_group = true;
  stalled.stall_by(0, 0);
  stalled.after(1);
  stalled.stall_by(29, 29);
  stalled.after(1);
  CHECK_EQ(stalled.level(), PressureLevel::kNone);
  stalled.stall_by(31, 41);
  stalled.after(1);
  CHECK_EQ(stalled.level(), PressureLevel::kCritical);
}

TEST(runtime, "the files are read when it is time, and by one thread") {
  TableSource source;
  MemoryPressure pressure(&source, ProcessSnapshot{});
  pressure.poll(0, 10 * kSecond);
  pressure.poll(0, 10 * kSecond + kSecond / 2);
  CHECK_EQ(source.reads.load(), 1);
  source.next.hard = {95, 100};
  CHECK_EQ(pressure.poll(0, 10 * kSecond + kSecond / 2).reliefs, 0);
  const PressureState state = pressure.poll(0, 11 * kSecond);
  CHECK_EQ(source.reads.load(), 2);
  CHECK_EQ(state.finding.level, PressureLevel::kSome);
  CHECK_EQ(state.reliefs, 1);
  CHECK_EQ(state.rises, 1);
  CHECK(state.changed_at != 0);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&pressure] {
      for (int n = 0; n < 1000; ++n) pressure.poll(0, 12 * kSecond);
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_EQ(source.reads.load(), 3);
}

TEST(runtime, "nothing is read where it is switched off, or there is nothing to read") {
  TableSource source;
  source.next.hard = {99, 100};
  ProcessSnapshot off;
  off.pressure = false;
  MemoryPressure pressure(&source, off);
  CHECK_EQ(pressure.poll(0, 10 * kSecond).finding.level, PressureLevel::kNone);
  CHECK_EQ(source.reads.load(), 0);
  ProcessSnapshot settings;
  settings.total_bytes = 1;
  MemoryPressure blind(nullptr, settings);
  CHECK_EQ(blind.poll(1, 10 * kSecond).finding.level, PressureLevel::kCritical);
  blind.read_from(&source);
  CHECK_EQ(blind.poll(0, 10 * kSecond).finding.reason, PressureReason::kHardLimit);
  CHECK_EQ(blind.poll(0, 10 * kSecond).reliefs, 2);
}

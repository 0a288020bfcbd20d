// Memory is scarce in a program: what malloc and the pools of superslab.h give back then, in order.
// What the system says is a test's own.
#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

#include "check.h"
#include "include/superslab.h"
#include "include/superslab_compressed.h"
#include "malloc/program_pressure.h"
#include "malloc_fixture.h"
#include "runtime/control_loop.h"

using namespace superslab;
using namespace superslab_test;

namespace {

/// Says how much of a limit of 100 is in use.
class TableSource final : public PressureSource {
 public:
  PressureReadings read() override {
    PressureReadings readings;
    readings.hard = {percent_.load(), 100};
    ++reads_;
    return readings;
  }
  void use(ByteCount percent) { percent_ = percent; }
  int reads() const { return reads_; }

 private:
  std::atomic<ByteCount> percent_{10};
  std::atomic<int> reads_{0};
};

template <class Done>
bool comes_true(Done done) {
  for (int i = 0; i < 2000; ++i) {
    if (done()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

/// In a process of its own, which looks ten times a second.
bool is_quick(const char* test) {
  return has_setting("SUPERSLAB_PRESSURE_INTERVAL_MS", "100", test);
}

/// Watches while it lives.
struct Watching {
  explicit Watching(TableSource& source) {
    ProgramPressure::read_from(&source);
    CHECK_EQ(ss_watch_pressure(1), 0);
  }
  ~Watching() { ss_watch_pressure(0); }
};

ReliefStep step_now() { return ProgramPressure::figures().state.step; }

void leave_idle(std::size_t count, std::size_t bytes) {
  std::vector<void*> blocks(count);
  for (void*& block : blocks) std::memset(block = ss_malloc(bytes), 1, bytes);
  for (void* block : blocks) ss_free(block);
}

ByteCount idle_in_heap() {
  return ProcessHeap::get()->space().resident_bytes() + ProcessHeap::get()->space().idle_bytes();
}

ss_fixed_pool_options objects_of(std::size_t bytes) {
  ss_fixed_pool_options options = SS_FIXED_POOL_OPTIONS;
  options.name = "objects";
  options.object_bytes = bytes;
  return options;
}

std::size_t cached_of(const ss_fixed_pool* pool) {
  ss_pool_stats stats{};
  stats.struct_bytes = sizeof stats;
  ss_fixed_pool_stats(pool, &stats);
  return stats.cached;
}

/// Gets and puts as many, past the thread's magazine.
void leave_in_depot(ss_fixed_pool* pool, std::size_t count) {
  std::vector<void*> objects(count);
  ss_fixed_pool_get_bulk(pool, objects.data(), count);
  for (void* object : objects) std::memset(object, 1, 64);
  ss_fixed_pool_put_bulk(pool, objects.data(), count);
}

}  // namespace

TEST(malloc, "pressure: nobody looks, and there is no thread, until somebody wants it") {
  if (!is_quick("malloc: pressure: nobody looks")) return;
  static TableSource source;
  ProgramPressure::read_from(&source);
  leave_idle(100, 100'000);
  CHECK(!control_loop().is_there());
  CHECK_EQ(source.reads(), 0);
  CHECK_EQ(ss_watch_pressure(1), 0);
  CHECK_EQ(ss_watch_pressure(1), 0);
  CHECK(control_loop().is_there());
  CHECK(comes_true([&] { return source.reads() >= 3; }));
  CHECK_EQ(ss_watch_pressure(0), 0);
  CHECK(control_loop().is_there());
  CHECK_EQ(ss_watch_pressure(0), 0);
  CHECK_EQ(ss_watch_pressure(0), 0);  // one more than began
  CHECK(!control_loop().is_there());
  const int reads = source.reads();
  std::this_thread::sleep_for(std::chrono::milliseconds(250));
  CHECK_EQ(source.reads(), reads);
  CHECK_EQ(ProgramPressure::figures().reliefs, 0u);
}

TEST(malloc, "pressure: what lies idle in the heap behind malloc goes back") {
  if (!is_quick("malloc: pressure: what lies idle in the heap")) return;
  static TableSource source;
  leave_idle(200, 60'000);
  const ByteCount before = idle_in_heap();
  CHECK(before >= 4 * kMiB);
  const Watching watching(source);
  CHECK(comes_true([&] { return source.reads() >= 2; }));
  CHECK(idle_in_heap() >= before);
  source.use(92);
  CHECK(comes_true([&] { return ProgramPressure::figures().reliefs == 1; }));
  CHECK_EQ(step_now(), ReliefStep::kCaches);
  CHECK(idle_in_heap() + 3 * kMiB <= before);
  CHECK(ProgramPressure::figures().bytes >= 3 * kMiB);
}

TEST(malloc, "pressure: a thread gives back what it caches with its next slow path") {
  if (!is_quick("malloc: pressure: a thread gives back")) return;
  static TableSource source;
  Heap& heap = ProcessHeap::get()->heap();
  constexpr std::size_t kBytes = 1000;
  leave_idle(40, kBytes);
  CHECK(heap.caches().cached(class_for(kBytes)) >= 30);
  const Watching watching(source);
  source.use(92);
  CHECK(comes_true([&] { return ProgramPressure::figures().reliefs == 1; }));
  // Its magazines are its own.
  CHECK(heap.caches().cached(class_for(kBytes)) >= 30);
  ss_free(ss_malloc(20'000));
  CHECK_EQ(heap.caches().cached(class_for(kBytes)), 0u);
}

TEST(malloc, "pressure: free objects of fixed pools go in the last step, but for the first ones") {
  if (!is_quick("malloc: pressure: free objects")) return;
  static TableSource source;
  ss_fixed_pool_options options = objects_of(4096);
  options.initial = 50;
  ss_fixed_pool* const pool = ss_fixed_pool_new(&options);
  leave_in_depot(pool, 500);
  CHECK(cached_of(pool) >= 200);
  const Watching watching(source);
  source.use(92);
  CHECK(comes_true([&] { return ProgramPressure::figures().reliefs == 1; }));
  CHECK(cached_of(pool) >= 200);
  source.use(98);
  CHECK(comes_true([&] { return ProgramPressure::figures().reliefs >= 4; }));
  CHECK_EQ(step_now(), ReliefStep::kIdle);
  CHECK(cached_of(pool) <= 50 + 64);
  CHECK_EQ(ss_fixed_pool_close(pool), 0u);
}

TEST(malloc, "pressure: destructors run in threads that use the pool, and nowhere else") {
  if (!is_quick("malloc: pressure: destructors run")) return;
  static TableSource source;
  static std::atomic<int> destructed{0};
  static std::atomic<bool> is_astray{false};
  static const std::thread::id mine = std::this_thread::get_id();
  ss_fixed_pool_options options = objects_of(4096);
  options.construct = [](void*, void*) { return 0; };
  options.destruct = [](void*, void*) {
    ++destructed;
    if (std::this_thread::get_id() != mine) is_astray = true;
  };
  ss_fixed_pool* const pool = ss_fixed_pool_new(&options);
  leave_in_depot(pool, 500);
  const int before = destructed;
  const Watching watching(source);
  source.use(98);
  CHECK(comes_true([&] { return ProgramPressure::figures().reliefs >= 3; }));
  CHECK_EQ(destructed.load(), before);
  // The next call that finds no object in the thread's magazine.
  std::vector<void*> objects(300);
  CHECK_EQ(ss_fixed_pool_get_bulk(pool, objects.data(), objects.size()), 0);
  CHECK(destructed > before);
  ss_fixed_pool_put_bulk(pool, objects.data(), objects.size());
  CHECK_EQ(ss_fixed_pool_close(pool), 0u);
  CHECK(!is_astray);
}

TEST(malloc, "pressure: a compressed pool has it looked at, and compresses in the second step") {
  if (ss_compressed_pool_has_lz4() == 0 || !is_quick("malloc: pressure: a compressed pool")) return;
  static TableSource source;
  ProgramPressure::read_from(&source);
  ss_compressed_pool_options options = SS_COMPRESSED_POOL_OPTIONS;
  options.hot_bytes = 16 << 20;
  ss_compressed_pool* const pool = ss_compressed_pool_new(&options);
  CHECK(control_loop().is_there());
  static char text[8000];
  for (std::size_t i = 0; i < sizeof text; ++i) text[i] = static_cast<char>('a' + i / 40 % 20);
  std::vector<ss_value> values;
  for (int i = 0; i < 200; ++i) values.push_back(ss_compressed_pool_put(pool, text, sizeof text));
  const auto cold = [&] {
    ss_compressed_stats stats{};
    stats.struct_bytes = sizeof stats;
    ss_compressed_pool_stats(pool, &stats);
    return stats.cold_values;
  };
  source.use(92);
  CHECK(comes_true([&] { return ProgramPressure::figures().reliefs == 1; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  CHECK_EQ(cold(), 0u);
  source.use(98);
  CHECK(comes_true([&] { return cold() >= 150; }));
  for (const ss_value value : values) {
    std::size_t length = 0;
    const void* const bytes = ss_compressed_pool_access(pool, value, &length);
    CHECK(bytes != nullptr && length == sizeof text && std::memcmp(bytes, text, length) == 0);
    ss_compressed_pool_release(pool, value);
  }
  CHECK_EQ(ss_compressed_pool_close(pool), 0u);
  CHECK(!control_loop().is_there());
}

TEST(malloc, "pressure: pools come and go while memory is given back") {
  if (!is_quick("malloc: pressure: pools come and go")) return;
  static TableSource source;
  source.use(98);
  const Watching watching(source);
  const Nanos end = precise_now() + 1500 * kMillisecond;
  std::thread threads[3];
  for (std::thread& thread : threads) {
    thread = std::thread([end] {
      while (precise_now() < end) {
        const ss_fixed_pool_options options = objects_of(2000);
        ss_fixed_pool* const pool = ss_fixed_pool_new(&options);
        leave_in_depot(pool, 200);
        leave_idle(20, 40'000);
        ss_fixed_pool_close(pool);
        const ss_compressed_pool_options others = SS_COMPRESSED_POOL_OPTIONS;
        ss_compressed_pool* const values = ss_compressed_pool_new(&others);
        if (values == nullptr) continue;
        ss_compressed_pool_put(values, "value", 5);
        ss_compressed_pool_close(values);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(comes_true([&] { return ProgramPressure::figures().reliefs >= 3; }));
}

TEST(malloc, "pressure: the child of a fork looks again when it says so") {
#if defined(__SANITIZE_THREAD__)
  SKIP("ThreadSanitizer makes no thread after a fork among threads");
#endif
  if (!is_quick("malloc: pressure: the child of a fork")) return;
  static TableSource source;
  const Watching watching(source);
  CHECK(comes_true([&] { return source.reads() >= 2; }));
  for (int i = 0; i < 5; ++i) {
    const int status = run_in_child([] {
      if (control_loop().is_there()) return 1;
      ProgramPressure::read_from(&source);
      const int before = source.reads();
      if (ss_watch_pressure(1) != 0) return 2;
      source.use(98);
      if (!comes_true([&] { return source.reads() > before + 2; })) return 3;
      return comes_true([] { return step_now() == ReliefStep::kIdle; }) ? 0 : 4;
    });
    CHECK_EQ(status, 0);
  }
  const int before = source.reads();
  CHECK(comes_true([&] { return source.reads() > before; }));
}

TEST(malloc, "pressure: where it is switched off nothing is read") {
  if (!has_setting("SUPERSLAB_PRESSURE", "0", "malloc: pressure: where it is switched off")) return;
  static TableSource source;
  source.use(98);
  const Watching watching(source);
  CHECK(!control_loop().is_there());
  CHECK_EQ(source.reads(), 0);
}

TEST(malloc, "pressure: statistics tell the level, and what went back") {
  if (!is_quick("malloc: pressure: statistics tell")) return;
  static TableSource source;
  const auto has = [](const char* part) {
    static char text[64 << 10];
    ss_stats_json(text, sizeof text);
    return std::strstr(text, part) != nullptr;
  };
  CHECK(has("\"pressureLevel\":0,\"pressureRises\":0,\"pressureReliefs\":0,\"pressureBytes\":0"));
  const Watching watching(source);
  source.use(92);
  CHECK(comes_true(
      [&] { return has("\"pressureLevel\":1,\"pressureRises\":1,\"pressureReliefs\":1"); }));
}

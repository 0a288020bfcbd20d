// A thread of ours: its tasks take steps when they are due, and it is there only when it is needed.
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "base/clock.h"
#include "check.h"
#include "runtime/background_thread.h"
#include "runtime/control_loop.h"

using namespace superslab;
using namespace superslab_test;

namespace {

constexpr Nanos kLong = Nanos{3600} * 1000 * kMillisecond;

/// Counts its steps. What it returns is set from outside.
struct Counting : BackgroundTask {
  explicit Counting(Nanos at_least, bool until_woken = false)
      : at_least(at_least), until_woken(until_woken) {}
  Rest step(Nanos now) override {
    if (now > precise_now()) has_wrong_time = true;
    steps.fetch_add(1);
    return {at_least, until_woken};
  }
  std::atomic<Nanos> at_least;
  std::atomic<bool> until_woken;
  std::atomic<bool> has_wrong_time{false};
  std::atomic<unsigned> steps{0};
};

void rest(int milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

template <class Done>
bool comes_true(Done done) {
  for (int i = 0; i < 2000; ++i) {
    if (done()) return true;
    rest(5);
  }
  return false;
}

}  // namespace

TEST(runtime, "a background thread is made with the first wake, and takes no signals") {
  struct Looking final : BackgroundTask {
    Rest step(Nanos) override {
      sigset_t blocked;
      pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
      blocks_signals = sigismember(&blocked, SIGTERM) == 1;
      is_done = true;
      return {};
    }
    std::atomic<bool> is_done{false};
    std::atomic<bool> blocks_signals{false};
  } task;
  BackgroundThread thread;
  CHECK(!thread.is_there());
  CHECK(thread.wake(task));
  CHECK(thread.is_there());
  CHECK(comes_true([&] { return task.is_done.load(); }));
  CHECK(task.blocks_signals.load());
  sigset_t mine;
  pthread_sigmask(SIG_BLOCK, nullptr, &mine);
  CHECK_EQ(sigismember(&mine, SIGTERM), 0);
  thread.stop();
  CHECK(!thread.is_there());
}

TEST(runtime, "each task of a background thread has its own interval, also one that comes later") {
  BackgroundThread thread;
  Counting quick{kMillisecond};
  Counting slow{kLong};
  CHECK(thread.wake(quick));
  CHECK(comes_true([&] { return quick.steps >= 5; }));
  CHECK(thread.wake(slow));
  CHECK(comes_true([&] { return slow.steps == 1; }));
  const unsigned before = quick.steps;
  CHECK(comes_true([&] { return quick.steps >= before + 5; }));
  CHECK_EQ(slow.steps.load(), 1u);
  CHECK(!quick.has_wrong_time && !slow.has_wrong_time);
  thread.stop();
}

TEST(runtime, "a task that always has something to do leaves the others their turns") {
  BackgroundThread thread;
  Counting greedy{0};
  Counting other{kMillisecond};
  thread.wake(greedy);
  thread.wake(other);
  CHECK(comes_true([&] { return other.steps >= 5 && greedy.steps > other.steps; }));
  thread.stop();
}

TEST(runtime, "a task that rests until it is woken takes a step with each wake") {
  BackgroundThread thread;
  Counting task{0, true};
  thread.wake(task);
  CHECK(comes_true([&] { return task.steps == 1; }));
  rest(30);
  CHECK_EQ(task.steps.load(), 1u);
  thread.wake(task);
  CHECK(comes_true([&] { return task.steps == 2; }));
  thread.stop();
}

TEST(runtime, "a wake does not shorten the rest that a task has to have") {
  BackgroundThread thread;
  Counting task{kLong, true};
  thread.wake(task);
  CHECK(comes_true([&] { return task.steps == 1; }));
  thread.wake(task);
  rest(30);
  CHECK_EQ(task.steps.load(), 1u);
  thread.stop();
}

TEST(runtime, "a wake during a step is not forgotten") {
  struct Slow final : BackgroundTask {
    Rest step(Nanos) override {
      ++steps;
      while (steps == 1 && !is_woken) rest(1);
      return {};
    }
    std::atomic<unsigned> steps{0};
    std::atomic<bool> is_woken{false};
  } task;
  BackgroundThread thread;
  thread.wake(task);
  CHECK(comes_true([&] { return task.steps == 1; }));
  thread.wake(task);
  task.is_woken = true;
  CHECK(comes_true([&] { return task.steps == 2; }));
  thread.stop();
}

TEST(runtime, "a task that left takes no step, and who has it leave waits for the one under way") {
  struct Slow final : BackgroundTask {
    Rest step(Nanos) override {
      is_inside = true;
      rest(20);
      is_inside = false;
      return {0, false};
    }
    std::atomic<bool> is_inside{false};
  };
  BackgroundThread thread;
  Counting other{kMillisecond};
  thread.wake(other);
  for (int i = 0; i < 5; ++i) {
    Slow task;
    thread.wake(task);
    CHECK(comes_true([&] { return task.is_inside.load(); }));
    thread.leave(task);
    CHECK(!task.is_inside.load());
    thread.leave(task);  // it is none of its tasks any more
  }
  const unsigned before = other.steps;
  CHECK(comes_true([&] { return other.steps > before; }));
  thread.stop();
}

TEST(runtime, "a background thread ends with its last task, and a wake makes another") {
  BackgroundThread thread;
  Counting task{0, true};
  Counting other{0, true};
  for (unsigned i = 1; i <= 5; ++i) {
    CHECK(thread.wake(task) && thread.wake(other));
    CHECK(comes_true([&] { return task.steps == i && other.steps == i; }));
    thread.leave(task);
    CHECK(thread.is_there());
    thread.leave(other);
    CHECK(!thread.is_there());
  }
}

TEST(runtime, "a thread that was stopped is not made again") {
  BackgroundThread thread;
  Counting task{0, true};
  thread.wake(task);
  thread.stop();
  CHECK(!thread.wake(task));
  CHECK(!thread.is_there());
  BackgroundThread unused;
  unused.stop();
  CHECK(!unused.wake(task));
}

TEST(runtime, "tasks that come while the last one leaves have a thread") {
  BackgroundThread thread;
  std::atomic<int> failures{0};
  std::thread others[4];
  for (std::thread& other : others) {
    other = std::thread([&] {
      for (int round = 0; round < 100; ++round) {
        Counting task{0, true};
        if (!thread.wake(task) || !comes_true([&] { return task.steps == 1; })) ++failures;
        thread.leave(task);
      }
    });
  }
  for (std::thread& other : others) other.join();
  CHECK_EQ(failures.load(), 0);
  CHECK(!thread.is_there());
}

TEST(runtime, "many may wake a task at once: there is one thread, and one step at a time") {
  struct Alone final : BackgroundTask {
    Rest step(Nanos) override {
      if (is_inside.exchange(true)) has_overlapped = true;
      ++steps;
      is_inside = false;
      return {};
    }
    std::atomic<bool> is_inside{false};
    std::atomic<bool> has_overlapped{false};
    std::atomic<unsigned> steps{0};
  } task;
  BackgroundThread thread;
  for (int round = 0; round < 20; ++round) {
    std::thread others[4];
    for (std::thread& other : others) other = std::thread([&] { thread.wake(task); });
    for (std::thread& other : others) other.join();
    if (round % 5 == 4) thread.leave(task);
  }
  CHECK(thread.wake(task));
  CHECK(comes_true([&] { return task.steps >= 1; }));
  CHECK(task.steps <= 81u && !task.has_overlapped);
  thread.stop();
}

TEST(runtime, "the child of a fork has no such thread until it wakes a task") {
#if defined(__SANITIZE_THREAD__)
  SKIP("ThreadSanitizer makes no thread after a fork among threads");
#endif
  static BackgroundThread thread;
  static Counting task{kMillisecond};
  thread.wake(task);
  CHECK(comes_true([&] { return task.steps >= 2; }));
  for (int i = 0; i < 20; ++i) {
    const int status = run_in_child([] {
      if (thread.is_there()) return 1;
      const unsigned before = task.steps;
      usleep(10'000);
      if (task.steps != before) return 2;
      Counting other{0, true};
      if (!thread.wake(other) || !thread.is_there()) return 3;
      // The parent's tasks are the child's, too.
      if (!comes_true([&] { return other.steps == 1 && task.steps > before; })) return 4;
      thread.leave(task);
      thread.stop();
      return 0;
    });
    CHECK_EQ(status, 0);
  }
  const unsigned before = task.steps;
  CHECK(comes_true([&] { return task.steps > before; }));
  thread.stop();
}

TEST(runtime, "a fork in the midst of a step leaves the child nothing to wait for") {
  struct Slow final : BackgroundTask {
    Rest step(Nanos) override {
      is_inside = true;
      while (!may_end) rest(1);
      return {};
    }
    std::atomic<bool> is_inside{false};
    std::atomic<bool> may_end{false};
  };
  static BackgroundThread thread;
  static Slow task;
  thread.wake(task);
  CHECK(comes_true([&] { return task.is_inside.load(); }));
  const int status = run_in_child([] {
    thread.leave(task);
    thread.stop();
    return 0;
  });
  task.may_end = true;
  CHECK_EQ(status, 0);
  thread.stop();
}

TEST(runtime, "the control loop is one for the process, and rests where nobody wants it") {
  CHECK(&control_loop() == &control_loop());
  static Counting task{0, true};
  CHECK(control_loop().wake(task));
  CHECK(comes_true([&] { return task.steps == 1; }));
  control_loop().leave(task);
}

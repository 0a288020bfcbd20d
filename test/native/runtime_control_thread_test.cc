// The thread of a control loop: it runs while there is work, and rests otherwise. It is never
// joined, so what it works on is never freed here.
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "check.h"
#include "runtime/control_thread.h"

using namespace superslab;
using namespace superslab_test;

namespace {

struct Work {
  std::atomic<int> turns{0};
  std::atomic<bool> has_more{true};
  std::atomic<bool> blocks_signals{false};
  ControlThread thread{run, this, 2'000'000};

  static bool run(void* self) {
    auto& work = *static_cast<Work*>(self);
    sigset_t blocked;
    pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
    work.blocks_signals = sigismember(&blocked, SIGTERM) == 1;
    ++work.turns;
    return work.has_more;
  }
};

template <class Done>
bool comes_true(Done done) {
  for (int i = 0; i < 2000; ++i) {
    if (done()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

Work& new_work() {
  static auto* all = new std::atomic<Work*>[8];
  static int count = 0;
  auto* work = new Work;
  all[count++].store(work);
  return *work;
}

}  // namespace

TEST(runtime,
     "a control thread is made when it is first woken, and comes again while there is work") {
  Work& work = new_work();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK_EQ(work.turns.load(), 0);
  CHECK(!work.thread.is_awake());
  work.thread.wake();
  CHECK(comes_true([&] { return work.turns >= 5; }));
  CHECK(work.thread.is_awake());
  CHECK(work.blocks_signals.load());
  sigset_t mine;
  pthread_sigmask(SIG_BLOCK, nullptr, &mine);
  CHECK_EQ(sigismember(&mine, SIGTERM), 0);
  work.has_more = false;
  CHECK(comes_true([&] { return !work.thread.is_awake(); }));
}

TEST(runtime, "a control thread that rests does nothing until it is woken") {
  Work& work = new_work();
  work.has_more = false;
  work.thread.wake();
  CHECK(comes_true([&] { return work.turns == 1 && !work.thread.is_awake(); }));
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  CHECK_EQ(work.turns.load(), 1);
  work.thread.wake();
  CHECK(comes_true([&] { return work.turns == 2 && !work.thread.is_awake(); }));
}

TEST(runtime, "many may wake a control thread at once: there is one") {
  Work& work = new_work();
  work.has_more = false;
  for (int round = 0; round < 50; ++round) {
    std::thread others[4];
    for (std::thread& other : others) other = std::thread([&] { work.thread.wake(); });
    for (std::thread& other : others) other.join();
    CHECK(comes_true([&] { return !work.thread.is_awake(); }));
  }
  CHECK(work.turns >= 1 && work.turns <= 200);
}

TEST(runtime,
     "a fork while a control thread runs leaves the parent's running, and the child without") {
  static Work& work = new_work();
  work.thread.wake();
  CHECK(comes_true([&] { return work.turns >= 2; }));
  for (int i = 0; i < 5; ++i) {
    const int status = run_in_child([] {
      const int before = work.turns;
      usleep(20'000);
      return work.turns == before ? 0 : 1;
    });
    CHECK_EQ(status, 0);
  }
  const int before = work.turns;
  CHECK(comes_true([&] { return work.turns > before; }));
  work.has_more = false;
  CHECK(comes_true([&] { return !work.thread.is_awake(); }));
}

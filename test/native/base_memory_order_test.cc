// What one thread did under a lock is done for the next: as in heap_memory_order_test.cc, with
// ThreadSanitizer. The flag that tells when is relaxed, so that the lock is all they have in
// common.

#include <atomic>
#include <thread>

#include "base/biased_lock.h"
#include "base/lock.h"
#include "check.h"

using namespace superslab;

namespace {

/// What the second reads of what the first wrote.
template <class First, class Second>
int seen_by_second(First first, Second second) {
  int word = 0;
  int seen = 0;
  std::atomic<bool> done{false};
  std::thread other([&] {
    first([&] { word = 42; });
    done.store(true, std::memory_order_relaxed);
  });
  while (!done.load(std::memory_order_relaxed)) std::this_thread::yield();
  second([&] { seen = word; });
  other.join();
  return seen;
}

}  // namespace

TEST(base, "order: who takes a lock sees what was done under it") {
  Mutex lock(LockRank::kHeap);
  const auto inside = [&](auto act) {
    LockGuard guard(lock);
    act();
  };
  CHECK_EQ(seen_by_second(inside, inside), 42);
  const auto if_free = [&](auto act) {
    while (!lock.try_lock()) {
    }
    act();
    lock.unlock();
  };
  CHECK_EQ(seen_by_second(if_free, if_free), 42);
}

TEST(base, "order: holder and visitor of a biased lock see what the other did") {
  BiasedLock lock;
  const auto hold = [&](auto act) {
    lock.enter();
    act();
    lock.leave();
  };
  const auto visit = [&](auto act) {
    while (!lock.try_visit()) std::this_thread::yield();
    act();
    lock.end_visit();
  };
  CHECK_EQ(seen_by_second(hold, visit), 42);
  CHECK_EQ(seen_by_second(visit, hold), 42);
  CHECK_EQ(seen_by_second(visit, visit), 42);
}

// A lock that costs its holder next to nothing.

#include "base/biased_lock.h"

#include <chrono>
#include <thread>
#include <vector>

#include "check.h"

using namespace superslab;

namespace {

/// Written by whoever is inside, with no other protection.
struct Guarded {
  BiasedLock lock;
  std::uint64_t first = 0;
  std::uint64_t second = 0;

  /// False when somebody else was inside as well.
  bool change() {
    const bool whole = first == second;
    ++first;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    ++second;
    return whole && first == second;
  }
};

/// Visitors do not wait; these try again.
void visit(BiasedLock& lock) {
  while (!lock.try_visit()) std::this_thread::yield();
}

/// One holder and two visitors, of whom one takes its turn in the end, until there were `visits`.
void change_together(std::uint64_t visits) {
  Guarded guarded;
  std::atomic<bool> good{true};
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> waited{0};
  std::atomic<std::uint64_t> tried{0};
  std::vector<std::thread> visitors;
  visitors.emplace_back([&] {
    while (!stop.load()) {
      visit(guarded.lock);
      good = guarded.change() && good;
      ++waited;
      guarded.lock.end_visit();
    }
  });
  visitors.emplace_back([&] {
    while (!stop.load()) {
      if (!guarded.lock.try_visit()) continue;
      good = guarded.change() && good;
      ++tried;
      guarded.lock.end_visit();
    }
  });
  std::uint64_t rounds = 0;
  for (; waited.load() < visits || tried.load() < visits; ++rounds) {
    guarded.lock.enter();
    good = guarded.change() && good;
    guarded.lock.leave();
    if (rounds % 64 == 0) std::this_thread::yield();
  }
  stop = true;
  for (std::thread& visitor : visitors) visitor.join();
  CHECK(good.load());
  CHECK_EQ(guarded.first, rounds + waited.load() + tried.load());
}

}  // namespace

TEST(base, "a biased lock lets in its holder or one visitor") { change_together(2'000); }

TEST(base, "who tries to visit a biased lock is told when its holder is inside") {
  BiasedLock lock;
  lock.enter();
  bool let_in = true;
  std::thread([&] { let_in = lock.try_visit(); }).join();
  CHECK(!let_in);
  lock.leave();
  std::thread([&] {
    let_in = lock.try_visit();
    if (let_in) lock.end_visit();
  }).join();
  CHECK(let_in);
  lock.enter();  // neither visit left anything behind
  lock.leave();
}

TEST(base, "the holder of a biased lock waits until its visitor has gone") {
  Guarded guarded;
  std::atomic<bool> is_in{false};
  std::thread visitor([&] {
    visit(guarded.lock);
    is_in = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    guarded.first = guarded.second = 7;
    guarded.lock.end_visit();
  });
  while (!is_in.load()) std::this_thread::yield();
  guarded.lock.enter();
  const std::uint64_t seen = guarded.first;
  guarded.lock.leave();
  visitor.join();
  CHECK_EQ(seen, 7u);
}

TEST(base,
     "who tries to enter a biased lock is refused while a visitor is there, and leaves nothing "
     "behind") {
  BiasedLock lock;
  CHECK(lock.try_enter());
  lock.leave();
  bool is_refused = false;
  bool let_in_again = false;
  std::thread([&] {
    visit(lock);
    std::thread([&] { is_refused = !lock.try_enter(); }).join();
    lock.end_visit();
    let_in_again = lock.try_visit();
    if (let_in_again) lock.end_visit();
  }).join();
  CHECK(is_refused);
  CHECK(let_in_again);  // nobody is inside since
  CHECK(lock.try_enter());
  lock.leave();
}

// Threads that share a fixed pool, and pass its objects to each other.
#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "check.h"
#include "fixed_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

constexpr std::size_t kWords = 16;

void write(void* object, std::uint64_t tag) {
  auto* words = static_cast<std::uint64_t*>(object);
  for (std::size_t i = 0; i < kWords; ++i) words[i] = tag;
}

bool holds(void* object, std::uint64_t tag) {
  const auto* words = static_cast<std::uint64_t*>(object);
  return words[0] == tag && words[kWords - 1] == tag;
}

}  // namespace

TEST(pools, "fixed: threads get, check and put, one by one and many at a time") {
  TestFixedPool t({.object_bytes = kWords * 8, .max = 3000});
  CHECK(t->open() == FixedFault::kNone);
  std::atomic<bool> good{true};
  std::vector<std::thread> threads;
  for (std::uint64_t id = 1; id <= 4; ++id) {
    threads.emplace_back([&, id] {
      FixedUser user(*t);
      Random random(id);
      std::vector<void*> held;
      for (int i = 0; i < 30'000; ++i) {
        const std::size_t count = 1 + random.below(40);
        if (held.size() < 500 && random.below(2) == 0) {
          const std::size_t before = held.size();
          held.resize(before + count);
          if (!user.get_bulk(held.data() + before, count)) {
            good = good && user.fault == FixedFault::kLimit;
            held.resize(before);
            continue;
          }
          for (std::size_t k = before; k < held.size(); ++k) write(held[k], id << 32 | k);
        } else if (held.size() >= count) {
          const std::size_t left = held.size() - count;
          for (std::size_t k = left; k < held.size(); ++k)
            good = good && holds(held[k], id << 32 | k);
          if (count == 1) {
            user.put(held[left]);
          } else {
            user.put_bulk(held.data() + left, count);
          }
          held.resize(left);
        }
      }
      for (void* object : held) user.put(object);
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(good.load());
  CHECK_EQ(t->in_use(), 0u);
  CHECK_EQ(t->double_puts() + t->foreign_puts(), 0u);
  CHECK_EQ(t->check(), PoolFault::kNone);
  CHECK(t.ends_clean());
}

TEST(pools, "fixed: one side gets, the other puts, while somebody looks, trims and flushes") {
  TestFixedPool t({.object_bytes = kWords * 8, .max = 500});
  CHECK(t->open() == FixedFault::kNone);
  std::atomic<bool> good{true};
  std::atomic<bool> stop{false};
  std::mutex mutex;
  std::vector<void*> passed;
  std::thread producer([&] {
    FixedUser user(*t);
    for (std::uint64_t sent = 0; sent < 60'000;) {
      void* object = user.get();
      if (object == nullptr) {
        good = good && user.fault == FixedFault::kLimit;
        std::this_thread::yield();
        continue;
      }
      write(object, address_of(object));
      const std::lock_guard guard(mutex);
      passed.push_back(object);
      ++sent;
    }
  });
  std::thread consumer([&] {
    FixedUser user(*t);
    for (std::uint64_t taken = 0; taken < 60'000;) {
      std::vector<void*> mine;
      {
        const std::lock_guard guard(mutex);
        mine.swap(passed);
      }
      if (mine.empty()) std::this_thread::yield();
      for (void* object : mine) {
        good = good && holds(object, address_of(object));
        user.put(object);
      }
      taken += mine.size();
    }
  });
  std::thread looker([&] {
    while (!stop.load()) {
      PoolFigures figures;
      static_cast<const Pool&>(*t).stats({}, figures);
      t->trim(0);
      t->tick(true);
      t->heap().caches().ask_for_flush(nullptr);
      std::this_thread::yield();
    }
  });
  producer.join();
  consumer.join();
  stop = true;
  looker.join();
  CHECK(good.load());
  CHECK_EQ(t->in_use(), 0u);
  CHECK_EQ(t->check(), PoolFault::kNone);
  CHECK(t.ends_clean());
}

TEST(pools, "fixed: what a thread has cached comes back when it ends") {
  TestFixedPool t({.object_bytes = kWords * 8, .max = 640});
  CHECK(t->open() == FixedFault::kNone);
  for (int round = 0; round < 50; ++round) {
    std::thread([&] {
      FixedUser user(*t);
      void* objects[30];
      if (user.get_bulk(objects, 30)) user.put_bulk(objects, 30);
      for (int i = 0; i < 30; ++i) user.put(user.get());
    }).join();
  }
  FixedUser user(*t);
  std::vector<void*> all(640);
  CHECK(user.get_bulk(all.data(), 640));
  user.put_bulk(all.data(), 640);
  user.leave();
  CHECK(t.ends_clean());
}

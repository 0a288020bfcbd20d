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

namespace {

/// What get() and put() of a thread do where processors have the magazines.
struct CpuUser {
  FixedPool& pool;
  FixedFault fault = FixedFault::kNone;
  void* get() { return pool.cpu_get(fault); }
  void put(void* object) { pool.cpu_put(object); }
};

}  // namespace

TEST(pools, "fixed: processors have magazines, and hold each object once") {
  for (const std::size_t max : {std::size_t{0}, std::size_t{400}}) {
    TestFixedPool t({.object_bytes = kWords * 8, .max = max, .cached = 16, .is_per_cpu = true});
    CHECK(t->open() == FixedFault::kNone);
    if (!t->has_cpu_magazines()) SKIP("no restartable sequences here");
    std::atomic<bool> good{true};
    std::vector<std::thread> threads;
    for (std::uint64_t id = 1; id <= 6; ++id) {
      threads.emplace_back([&, id] {
        CpuUser user{*t};
        Random choice(id);
        std::vector<void*> held;
        for (int i = 0; i < 100'000; ++i) {
          if (held.size() < 60 && choice.below(2) == 0) {
            void* object = user.get();
            if (object == nullptr) {
              good = good && user.fault == FixedFault::kLimit;
              continue;
            }
            write(object, id << 32 | held.size());
            held.push_back(object);
          } else if (!held.empty()) {
            good = good && holds(held.back(), id << 32 | (held.size() - 1));
            user.put(held.back());
            held.pop_back();
          }
        }
        void* many[30];
        if (t->cpu_get_bulk(many, 30) == FixedFault::kNone) t->cpu_put_bulk(many, 30);
        for (void* object : held) user.put(object);
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(good.load());
    CHECK_EQ(t->in_use(), 0u);
    CHECK_EQ(t->double_puts() + t->foreign_puts(), 0u);
    CHECK_EQ(t->check(), PoolFault::kNone);
    CHECK(t->cached() > 0);
    t->close();
    CHECK_EQ(t->cached(), 0u);
    CHECK(t.ends_clean());
  }
}

TEST(pools, "fixed: a processor's magazine gives away what is too much, and what is foreign") {
  TestFixedPool t({.object_bytes = 64, .initial = 3, .cached = 16, .is_per_cpu = true});
  CHECK(t->open() == FixedFault::kNone);
  if (!t->has_cpu_magazines()) SKIP("no restartable sequences here");
  TestFixedPool other({.object_bytes = 64});
  CHECK(other->open() == FixedFault::kNone);
  void* foreign;
  CHECK(other->take(&foreign, 1) == FixedFault::kNone);
  CpuUser user{*t};
  std::vector<void*> objects;
  for (int i = 0; i < 300; ++i) objects.push_back(user.get());
  CHECK_EQ(std::set<void*>(objects.begin(), objects.end()).size(), 300u);
  user.put(foreign);
  for (void* object : objects) user.put(object);
  t->trim(0);
  CHECK(t->cached() >= 3 && t->cached() <= 16 * 64);
  CHECK_EQ(t->in_use(), 0u);
  objects.assign(40, nullptr);
  CHECK(t->cpu_get_bulk(objects.data(), 40) == FixedFault::kNone);
  t->close();
  CHECK_EQ(t->foreign_puts(), 1u);
  CHECK_EQ(t->in_use(), 40u);
  FixedFault fault;
  CHECK(t->cpu_get(fault) == nullptr && fault == FixedFault::kClosed);
  for (void* object : objects) CHECK(t->give_checked(object) == FixedFault::kNone);
  other->give(&foreign, 1);
  CHECK(t.ends_clean());
  CHECK(other.ends_clean());
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

// The pools of superslab.h, by its functions: threads that come and go, pools that close while
// objects are out, forks, and misuse.
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "check.h"
#include "heap_fixture.h"
#include "include/superslab.h"
#include "malloc_fixture.h"
#include "stopped_thread.h"

using namespace superslab;
using namespace superslab_test;

namespace {

ss_fixed_pool_options of_size(std::size_t bytes) {
  ss_fixed_pool_options options = SS_FIXED_POOL_OPTIONS;
  options.object_bytes = bytes;
  options.name = "test";
  return options;
}

ss_pool_stats stats_of(ss_fixed_pool* pool) {
  ss_pool_stats stats{};
  stats.struct_bytes = sizeof stats;
  ss_fixed_pool_stats(pool, &stats);
  return stats;
}

std::string listed_pools() {
  static char text[256 << 10];
  ss_stats_json(text, sizeof text);
  return std::strstr(text, "\"pools\":");
}

bool is_listed(const char* name) {
  return listed_pools().find("\"name\":\"" + std::string(name) + "\"") != std::string::npos;
}

}  // namespace

TEST(malloc,
     "pools: options that cannot be are refused, and a larger struct if what it adds is 0") {
  const auto refused = [](auto change) {
    ss_fixed_pool_options options = of_size(64);
    change(options);
    errno = 0;
    return ss_fixed_pool_new(&options) == nullptr && errno == EINVAL;
  };
  CHECK(refused([](auto& o) { o.struct_bytes = 0; }));
  CHECK(refused([](auto& o) { o.object_bytes = 0; }));
  CHECK(refused([](auto& o) { o.object_bytes = (2u << 20) + 1; }));
  CHECK(refused([](auto& o) { o.alignment = 24; }));
  CHECK(refused([](auto& o) { o.max = 10, o.initial = 11; }));
  CHECK(refused([](auto& o) { o.max = SIZE_MAX / 32; }));
  CHECK(refused([](auto& o) { o.cached = 257; }));
  CHECK(refused([](auto& o) { o.flags = 1u << 30; }));
  CHECK(ss_fixed_pool_new(nullptr) == nullptr);
  struct {
    ss_fixed_pool_options known;
    std::size_t more;
  } later = {of_size(64), 0};
  later.known.struct_bytes = sizeof later;
  ss_fixed_pool* pool = ss_fixed_pool_new(&later.known);
  CHECK(pool != nullptr);
  ss_fixed_pool_close(pool);
  later.more = 1;
  CHECK(ss_fixed_pool_new(&later.known) == nullptr);
  // An older one: only what stands up to its end is read.
  ss_fixed_pool_options older = of_size(64);
  older.struct_bytes = offsetof(ss_fixed_pool_options, alignment);
  older.alignment = 24;
  pool = ss_fixed_pool_new(&older);
  CHECK(pool != nullptr);
  CHECK_EQ(ss_fixed_pool_name(pool), "test");
  ss_pool_stats stats{};
  CHECK_EQ(ss_fixed_pool_stats(pool, &stats), -1);
  stats.struct_bytes = offsetof(ss_pool_stats, block_bytes);
  stats.max = 77;
  CHECK_EQ(ss_fixed_pool_stats(pool, &stats), 0);
  CHECK_EQ(stats.object_bytes, 64u);
  CHECK_EQ(stats.max, 77u);
  ss_fixed_pool_close(pool);
}

TEST(malloc, "pools: errno says why, and stays as it was where nothing is wrong") {
  ss_fixed_pool_options options = of_size(64);
  options.max = 3;
  ss_fixed_pool* pool = ss_fixed_pool_new(&options);
  errno = 12345;
  void* objects[3];
  for (void*& object : objects) object = ss_fixed_pool_get(pool);
  CHECK_EQ(errno, 12345);
  CHECK(ss_fixed_pool_get(pool) == nullptr);
  CHECK_EQ(errno, ENOBUFS);
  CHECK_EQ(ss_fixed_pool_get_bulk(pool, objects, 2), -1);
  errno = 12345;
  CHECK_EQ(ss_fixed_pool_put_bulk(pool, objects, 3), 0);
  CHECK_EQ(ss_fixed_pool_put_bulk(pool, objects, 0), 0);
  CHECK_EQ(ss_fixed_pool_get_bulk(pool, objects, 0), 0);
  CHECK_EQ(ss_fixed_pool_get_bulk(pool, objects, 3), 0);
  int local;
  void* mixed[2] = {objects[0], &local};
  CHECK_EQ(errno, 12345);
  CHECK_EQ(ss_fixed_pool_put_bulk(pool, mixed, 2), -1);
  CHECK_EQ(errno, EINVAL);
  CHECK_EQ(stats_of(pool).in_use, 3u);
  CHECK_EQ(stats_of(pool).foreign_puts, 1u);
  CHECK_EQ(stats_of(pool).exhausted, 2u);
  CHECK(ss_fixed_pool_owns(pool, objects[0]) && !ss_fixed_pool_owns(pool, &local));
  CHECK(ss_fixed_pool_check(pool) == nullptr);
  CHECK_EQ(ss_fixed_pool_put_bulk(pool, objects, 3), 0);
  errno = 12345;
  CHECK_EQ(ss_fixed_pool_close(pool), 0u);
  CHECK_EQ(ss_fixed_pool_close(nullptr), 0u);
  CHECK_EQ(errno, 12345);
}

TEST(malloc,
     "pools: threads find their own magazines, and give back what they cached at their end") {
  ss_fixed_pool_options options = of_size(128);
  options.max = 320;
  ss_fixed_pool* pools[5];
  for (ss_fixed_pool*& pool : pools) pool = ss_fixed_pool_new(&options);
  for (int round = 0; round < 20; ++round) {
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 500; ++i) {
          for (ss_fixed_pool* pool : pools) {
            void* object = ss_fixed_pool_get(pool);
            if (object != nullptr) ss_fixed_pool_put(pool, object);
          }
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  for (ss_fixed_pool* pool : pools) {
    CHECK_EQ(stats_of(pool).in_use, 0u);
    std::vector<void*> all(320);
    CHECK_EQ(ss_fixed_pool_get_bulk(pool, all.data(), 320), 0);
    CHECK_EQ(ss_fixed_pool_put_bulk(pool, all.data(), 320), 0);
    CHECK(ss_fixed_pool_check(pool) == nullptr);
    CHECK_EQ(ss_fixed_pool_close(pool), 0u);
  }
}

TEST(malloc, "pools: a thread's destructors that run after ours still get and put") {
  static ss_fixed_pool* pool;
  static void* kept;
  const ss_fixed_pool_options options = of_size(64);
  pool = ss_fixed_pool_new(&options);
  static pthread_key_t key;
  pthread_key_create(&key, [](void* rounds) {
    const auto left = reinterpret_cast<std::uintptr_t>(rounds);
    ss_fixed_pool_put(pool, kept);
    kept = ss_fixed_pool_get(pool);
    if (left > 1) pthread_setspecific(key, reinterpret_cast<void*>(left - 1));
  });
  std::thread([] {
    kept = ss_fixed_pool_get(pool);
    pthread_setspecific(key, reinterpret_cast<void*>(std::uintptr_t{3}));
  }).join();
  pthread_key_delete(key);
  CHECK(kept != nullptr);
  CHECK_EQ(stats_of(pool).in_use, 1u);
  ss_fixed_pool_put(pool, kept);
  CHECK_EQ(stats_of(pool).in_use, 0u);
  CHECK_EQ(ss_fixed_pool_close(pool), 0u);
}

TEST(malloc,
     "pools: one that is closed takes back what is out, by any thread, and ends with that") {
  static int alive = 0;
  ss_fixed_pool_options options = of_size(64);
  options.name = "leaver";
  options.construct = [](void*, void*) { return ++alive, 0; };
  options.destruct = [](void*, void*) { --alive; };
  ss_fixed_pool* pool = ss_fixed_pool_new(&options);
  void* objects[6];
  CHECK_EQ(ss_fixed_pool_get_bulk(pool, objects, 6), 0);
  std::atomic<int> step{0};
  std::thread other([&] {
    void* object = ss_fixed_pool_get(pool);
    ss_fixed_pool_put(pool, object);
    step = 1;
    while (step != 2) std::this_thread::yield();
    for (int i = 2; i < 6; ++i) ss_fixed_pool_put(pool, objects[i]);
  });
  while (step != 1) std::this_thread::yield();
  ss_fixed_pool_put(pool, objects[0]);
  CHECK_EQ(alive, 7);
  CHECK_EQ(ss_fixed_pool_close(pool), 5u);
  CHECK_EQ(alive, 5);
  CHECK(is_listed("leaver"));
  errno = 0;
  CHECK(ss_fixed_pool_get(pool) == nullptr && errno == ESHUTDOWN);
  CHECK_EQ(ss_fixed_pool_put_bulk(pool, objects + 1, 1), 0);
  step = 2;
  other.join();
  CHECK_EQ(alive, 0);
  CHECK(!is_listed("leaver"));
}

TEST(malloc, "pools: there are 512 at most, numbers serve again, and threads are not confused") {
  const ss_fixed_pool_options options = of_size(4096);
  std::vector<ss_fixed_pool*> pools;
  std::atomic<int> turn{0};
  bool good = true;
  // It has magazines of pools that are gone, at the numbers of those that come.
  std::thread other([&] {
    for (int round = 1; round <= 3; ++round) {
      while (turn != 2 * round - 1) std::this_thread::yield();
      for (ss_fixed_pool* pool : pools) {
        void* object = ss_fixed_pool_get(pool);
        good = good && ss_fixed_pool_owns(pool, object);
        ss_fixed_pool_put(pool, object);
      }
      turn = 2 * round;
    }
    // At its end it would give back what it has cached while the last pools are closed.
    while (turn != 7) std::this_thread::yield();
  });
  for (int round = 1; round <= 3; ++round) {
    for (;;) {
      ss_fixed_pool* pool = ss_fixed_pool_new(&options);
      if (pool == nullptr) break;
      pools.push_back(pool);
    }
    good = good && errno == EMFILE && pools.size() == 512;
    turn = 2 * round - 1;
    while (turn != 2 * round) std::this_thread::yield();
    for (ss_fixed_pool* pool : pools) good = ss_fixed_pool_close(pool) == 0 && good;
    pools.clear();
  }
  turn = 7;
  other.join();
  CHECK(good);
  CHECK(listed_pools().starts_with("\"pools\":[]"));
}

TEST(malloc, "pools: a cache of one's own gets and puts, also after it was given up") {
  const ss_fixed_pool_options options = of_size(64);
  ss_fixed_pool* pool = ss_fixed_pool_new(&options);
  ss_fixed_cache* cache = ss_fixed_pool_cache(pool);
  CHECK(cache != nullptr && cache == ss_fixed_pool_cache(pool));
  for (int round = 0; round < 3; ++round) {
    std::vector<void*> objects;
    for (int i = 0; i < 200; ++i) objects.push_back(ss_fixed_cache_get(cache));
    CHECK_EQ(std::set<void*>(objects.begin(), objects.end()).size(), 200u);
    CHECK_EQ(stats_of(pool).in_use, 200u);
    for (void* object : objects) CHECK_EQ(ss_fixed_cache_put(cache, object), 0);
    CHECK(cache->top > cache->bottom);
    ss_fixed_pool_trim(pool);
    CHECK(cache->top == cache->bottom);
    CHECK_EQ(stats_of(pool).cached, 0u);
  }
  CHECK_EQ(ss_fixed_pool_close(pool), 0u);
}

TEST(malloc, "pools: processors cache instead of threads, for any of them") {
  ss_fixed_pool_options options = of_size(128);
  options.max = 4000;
  options.flags = SS_POOL_PER_CPU;
  ss_fixed_pool* pool = ss_fixed_pool_new(&options);
  for (int round = 0; round < 20; ++round) {
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&] {
        ss_fixed_cache* cache = ss_fixed_pool_cache(pool);
        void* objects[40];
        for (int i = 0; i < 200; ++i) {
          for (void*& object : objects) object = ss_fixed_pool_get(pool);
          for (void* object : objects) ss_fixed_cache_put(cache, object);
          if (ss_fixed_pool_get_bulk(pool, objects, 40) == 0)
            ss_fixed_pool_put_bulk(pool, objects, 40);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  CHECK_EQ(stats_of(pool).in_use, 0u);
  CHECK(ss_fixed_pool_check(pool) == nullptr);
  void* out = ss_fixed_pool_get(pool);
  CHECK_EQ(ss_fixed_pool_close(pool), 1u);
  CHECK(ss_fixed_pool_get(pool) == nullptr);
  CHECK_EQ(ss_fixed_pool_put(pool, out), 0);
}

TEST(malloc, "pools: free() and ss_free() send an object home, too") {
  ss_fixed_pool_options options = of_size(100);
  options.max = 10;
  ss_fixed_pool* pool = ss_fixed_pool_new(&options);
  void* objects[10];
  for (int round = 0; round < 3; ++round) {
    CHECK_EQ(ss_fixed_pool_get_bulk(pool, objects, 10), 0);
    for (void* object : objects) ss_free(object);
    CHECK_EQ(stats_of(pool).in_use, 0u);
  }
  CHECK_EQ(ss_fixed_pool_close(pool), 0u);
}

TEST(malloc, "pools: in check mode a wrong put, and a pool that is none, end the process") {
  if (!has_setting("SUPERSLAB_CHECK", "1",
                   "malloc: pools: in check mode a wrong put, and a pool that is none, end the "
                   "process"))
    return;
  const ss_fixed_pool_options options = of_size(64);
  ss_fixed_pool* pool = ss_fixed_pool_new(&options);
  ss_fixed_pool* other = ss_fixed_pool_new(&options);
  void* object = ss_fixed_pool_get(pool);
  void* free_one = ss_fixed_pool_get(pool);
  void* foreign = ss_fixed_pool_get(other);
  ss_fixed_pool_put(pool, free_one);
  const auto said = [&](void* wrong) {
    return last_words_of([&] { ss_fixed_pool_put(pool, wrong); });
  };
  CHECK_EQ(said(object), std::string());
  CHECK(said(free_one).find("ss_fixed_pool_put(): ") != std::string::npos);
  CHECK(said(free_one).find("put already") != std::string::npos);
  CHECK(said(foreign).find("another pool's") != std::string::npos);
  CHECK(said(static_cast<char*>(object) + 8).find("inside an object") != std::string::npos);
  CHECK(last_words_of([&] {
          void* both[] = {object, free_one};
          ss_fixed_pool_put_bulk(pool, both, 2);
        }).find("ss_fixed_pool_put_bulk(): ") != std::string::npos);
  ss_fixed_pool_put(pool, object);
  ss_fixed_pool_put(other, foreign);
  ss_fixed_pool_close(other);
  CHECK(last_words_of([&] { ss_fixed_pool_get(other); }).find("is not a pool") !=
        std::string::npos);
  CHECK_EQ(ss_fixed_pool_close(pool), 0u);
}

TEST(malloc, "pools: a checked pool's wrong puts fail, and tell which") {
  ss_fixed_pool_options options = of_size(64);
  options.flags = SS_POOL_CHECKED;
  ss_fixed_pool* pool = ss_fixed_pool_new(&options);
  void* object = ss_fixed_pool_get(pool);
  CHECK_EQ(ss_fixed_pool_put(pool, static_cast<char*>(object) + 16), -1);
  CHECK_EQ(errno, EINVAL);
  CHECK_EQ(ss_fixed_pool_put(pool, object), 0);
  CHECK_EQ(ss_fixed_pool_put(pool, object), -1);
  CHECK_EQ(errno, EALREADY);
  CHECK_EQ(stats_of(pool).double_puts, 1u);
  CHECK_EQ(ss_fixed_pool_close(pool), 0u);
}

TEST(malloc, "pools: their memory goes back with ss_trim(), and is listed under their names") {
  ss_fixed_pool_options options = of_size(4096);
  options.name = "a \"name\"\n\\";
  ss_fixed_pool* pool = ss_fixed_pool_new(&options);
  std::vector<void*> objects(2000);
  CHECK_EQ(ss_fixed_pool_get_bulk(pool, objects.data(), 2000), 0);
  for (void* object : objects) std::memset(object, 1, 4096);
  CHECK(is_listed("a \\\"name\\\"\\u000a\\\\"));
  char text[4096];
  CHECK(ss_fixed_pool_stats_json(pool, text, sizeof text) == std::strlen(text));
  CHECK(std::strstr(text, "\"inUse\":2000,") != nullptr);
  CHECK(std::strstr(text, "\"refilledBlocks\":2000") != nullptr);
  CHECK_EQ(ss_fixed_pool_put_bulk(pool, objects.data(), 2000), 0);
  CHECK(ss_trim() >= 2000 * 4096);
  CHECK_EQ(stats_of(pool).cached, 0u);
  CHECK(stats_of(pool).committed_bytes < 4u << 20);
  ss_fixed_pool_close(pool);
}

namespace {

/// The thread that vanishes: gets, puts, trims, makes and closes pools.
struct PoolWorker {
  ss_fixed_pool* shared = nullptr;
  std::atomic<bool> ready{false};
  std::atomic<bool> stop{false};

  void work() {
    Random random(7);
    void* held[200];
    std::size_t count = 0;
    ss_fixed_pool* own = nullptr;
    while (!stop.load(std::memory_order_relaxed)) {
      const std::size_t n = 1 + random.below(30);
      if (count + n <= std::size(held) && random.below(2) == 0) {
        if (ss_fixed_pool_get_bulk(shared, held + count, n) == 0) count += n;
      } else if (n <= count) {
        count -= n;
        if (n % 2 == 0) {
          ss_fixed_pool_put_bulk(shared, held + count, n);
        } else {
          for (std::size_t i = 0; i < n; ++i) ss_fixed_pool_put(shared, held[count + i]);
        }
      }
      if (random.below(16) == 0) ss_fixed_pool_trim(shared);
      if (random.below(16) == 0) {
        ss_fixed_pool_options options = SS_FIXED_POOL_OPTIONS;
        options.object_bytes = 300;
        if (own != nullptr) ss_fixed_pool_close(own);
        own = ss_fixed_pool_new(&options);
        ss_fixed_pool_put(own, ss_fixed_pool_get(own));
      }
      ready = true;
    }
    ss_fixed_pool_put_bulk(shared, held, count);
    if (own != nullptr) ss_fixed_pool_close(own);
  }
};

enum PoolVerdict { kGood, kLost, kOverlap, kNone, kBroken, kMiscounted };

PoolVerdict look(ss_fixed_pool* shared, void* const* kept, std::size_t count) {
  void* taken[600];
  for (int round = 0; round < 3; ++round) {
    for (void*& object : taken) {
      object = ss_fixed_pool_get(shared);
      if (object == nullptr) return kNone;
      fill(object, 64, address_of(object) ^ 1);
    }
    for (std::size_t i = 0; i < count; ++i)
      if (!is_intact(kept[i], 64, i)) return kLost;
    for (void* object : taken)
      if (!is_intact(object, 64, address_of(object) ^ 1)) return kOverlap;
    if (ss_fixed_pool_check(shared) != nullptr) return kBroken;
    for (void* object : taken) ss_fixed_pool_put(shared, object);
    ss_trim();
    if (ss_fixed_pool_check(shared) != nullptr) return kBroken;
  }
  const ss_pool_stats stats = stats_of(shared);
  // What the other thread had, in hand or got, stays out.
  if (stats.in_use < count || stats.in_use > count + 600 || stats.double_puts != 0)
    return kMiscounted;
  ss_fixed_pool* another = ss_fixed_pool_new(nullptr);
  if (another != nullptr) return kBroken;
  ss_fixed_pool_options options = SS_FIXED_POOL_OPTIONS;
  options.object_bytes = 1000;
  another = ss_fixed_pool_new(&options);
  if (another == nullptr) return kNone;
  ss_fixed_pool_put(another, ss_fixed_pool_get(another));
  if (ss_fixed_pool_close(another) != 0) return kMiscounted;
  return ss_fixed_pool_close(shared) >= count ? kGood : kMiscounted;
}

}  // namespace

TEST(malloc, "pools: after a fork they go on, wherever the other thread was") {
#if defined(__SANITIZE_THREAD__)
  SKIP("ThreadSanitizer does not follow a fork among threads");
#endif
  for (const unsigned flags : {0u, SS_POOL_PER_CPU}) {
    ss_fixed_pool_options options = of_size(64);
    options.flags = flags;
    PoolWorker worker;
    worker.shared = ss_fixed_pool_new(&options);
    void* kept[40];
    CHECK_EQ(ss_fixed_pool_get_bulk(worker.shared, kept, 40), 0);
    for (std::size_t i = 0; i < 40; ++i) fill(kept[i], 64, i);
    std::thread thread([&] { worker.work(); });
    while (!worker.ready.load()) std::this_thread::yield();
    StoppedThread stopped;
    Random random(11);
    int verdict = kGood;
    int forks = 0;
    for (; forks < kForks && verdict == kGood; ++forks)
      verdict = stopped.fork_beside(thread, random.below(100'000),
                                    [&] { return look(worker.shared, kept, 40); });
    worker.stop = true;
    thread.join();
    const Context context("fork " + std::to_string(forks));
    CHECK_EQ(verdict, kGood);
    ss_fixed_pool_put_bulk(worker.shared, kept, 40);
    CHECK_EQ(ss_fixed_pool_close(worker.shared), 0u);
  }
}

TEST(malloc, "pools: in the child of a fork what other threads had cached comes back") {
#if defined(__SANITIZE_THREAD__)
  SKIP("ThreadSanitizer does not follow a fork among threads");
#endif
  static ss_fixed_pool* pool;
  static int destructed;
  ss_fixed_pool_options options = of_size(64);
  options.max = 512;
  options.cached = 64;
  options.destruct = [](void*, void*) { ++destructed; };
  pool = ss_fixed_pool_new(&options);
  std::atomic<int> step{0};
  std::thread other([&] {
    void* objects[60];
    ss_fixed_pool_get_bulk(pool, objects, 60);
    for (void* object : objects) ss_fixed_pool_put(pool, object);
    step = 1;
    while (step != 2) std::this_thread::yield();
  });
  while (step != 1) std::this_thread::yield();
  const int in_child = run_in_child([] {
    if (destructed != 0) return 1;  // not in the midst of a fork
    void* all[512];
    if (ss_fixed_pool_get_bulk(pool, all, 512) != 0) return 2;
    if (ss_fixed_pool_put_bulk(pool, all, 512) != 0) return 3;
    return ss_fixed_pool_close(pool) == 0 && destructed == 512 ? 0 : 4;
  });
  step = 2;
  other.join();
  CHECK_EQ(in_child, 0);
  CHECK_EQ(ss_fixed_pool_close(pool), 0u);
}

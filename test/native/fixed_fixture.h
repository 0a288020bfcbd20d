// A fixed pool on a fake operating system, and threads that use it.
#pragma once

#include <memory>
#include <vector>

#include "heap_fixture.h"
#include "pools/fixed/fixed_cache.h"
#include "pools/fixed/fixed_pool.h"

namespace superslab_test {

struct TestFixedPool {
  TestSpace world{kTestArenas};
  superslab::ManualClock clock;
  std::unique_ptr<superslab::FixedPool> pool;

  explicit TestFixedPool(const superslab::FixedPoolOptions& options,
                         const superslab::Policy& policy = plain_policy(),
                         std::string_view name = "test")
      : pool(std::make_unique<superslab::FixedPool>(*world.space, clock, policy, options, name)) {}
  /// As TestHeapOf: a test that failed half-way leaves objects out, and the pool as it is.
  ~TestFixedPool() {
    if (pool == nullptr || pool->is_empty()) return;
    static auto* left = new std::vector<const void*>;
    left->push_back(pool.release());
    left->push_back(world.space.release());
    world.open = false;
  }
  TestFixedPool(const TestFixedPool&) = delete;
  TestFixedPool& operator=(const TestFixedPool&) = delete;
  superslab::FixedPool* operator->() const { return pool.get(); }
  superslab::FixedPool& operator*() const { return *pool; }
  superslab::FakeOs& os() { return world.os; }

  /// Ends the pool and the space; whether everything came home.
  bool ends_clean() {
    if (!pool->is_closed()) pool->close();
    if (!pool->is_empty()) return false;
    pool.reset();
    world.close();
    return world.is_balanced();
  }
};

/// What a thread does with a pool (superslab.h, malloc/program_pools.cc).
class FixedUser {
 public:
  explicit FixedUser(superslab::FixedPool& pool)
      : pool_(pool), cache_(superslab::FixedCache::attach(pool, magazine, nullptr)) {}
  ~FixedUser() { leave(); }
  FixedUser(const FixedUser&) = delete;
  FixedUser& operator=(const FixedUser&) = delete;

  /// The thread ends, if its cache did not end with the pool.
  void leave() {
    if (magazine.bottom == nullptr) return;
    cache_->leave_thread();
    cache_->end();
  }

  bool is_attached() const { return cache_ != nullptr; }
  superslab::FixedCache& cache() { return *cache_; }

  void* get() {
    if (void* object = magazine.pop(); object != nullptr) return object;
    return cache_->get(fault);
  }
  superslab::FixedFault put(void* object) {
    return magazine.push(object) ? superslab::FixedFault::kNone : cache_->put(object);
  }
  bool get_bulk(void** out, std::size_t count) {
    if (magazine.pop_bulk(out, count)) return true;
    fault = cache_->get_bulk(out, count);
    return fault == superslab::FixedFault::kNone;
  }
  void put_bulk(void* const* objects, std::size_t count) {
    if (!magazine.push_bulk(objects, count)) cache_->put_bulk(objects, count);
  }

  superslab::Magazine magazine;
  superslab::FixedFault fault = superslab::FixedFault::kNone;  // of the last get that failed

 private:
  superslab::FixedPool& pool_;
  superslab::FixedCache* cache_;
};

}  // namespace superslab_test

// Objects of a fixed pool of superslab's, and of its malloc, which this program is linked with.
#include "superslab.h"

#include "loops.h"

namespace {

ss_fixed_pool* make(size_t size, unsigned flags = 0) {
  ss_fixed_pool_options options = SS_FIXED_POOL_OPTIONS;
  options.flags = flags;
  options.name = "bench";
  options.object_bytes = size;
  options.initial = 256;
  ss_fixed_pool* pool = ss_fixed_pool_new(&options);
  if (pool == nullptr) bench::die("no pool");
  return pool;
}

class Pool {
 public:
  using InLoop = Pool;
  explicit Pool(size_t size, unsigned flags = 0) : pool_(make(size, flags)) {}
  void* get() { return ss_fixed_pool_get(pool_); }
  void put(void* object) { ss_fixed_pool_put(pool_, object); }
  void get_bulk(void** out, size_t count) { ss_fixed_pool_get_bulk(pool_, out, count); }
  void put_bulk(void* const* objects, size_t count) {
    ss_fixed_pool_put_bulk(pool_, objects, count);
  }

 private:
  ss_fixed_pool* pool_;
};

/// By the thread's own cache; for one thread.
class Cache {
 public:
  using InLoop = Cache;
  explicit Cache(size_t size) : pool_(make(size)), cache_(ss_fixed_pool_cache(pool_)) {}
  void* get() { return ss_fixed_cache_get(cache_); }
  void put(void* object) { ss_fixed_cache_put(cache_, object); }
  void get_bulk(void** out, size_t count) { ss_fixed_pool_get_bulk(pool_, out, count); }
  void put_bulk(void* const* objects, size_t count) {
    ss_fixed_pool_put_bulk(pool_, objects, count);
  }

 private:
  ss_fixed_pool* pool_;
  ss_fixed_cache* cache_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) bench::die("usage: pool pool|cpu|cache|malloc SIZE ...");
  const size_t size = bench::number(argv[2]);
  if (strcmp(argv[1], "pool") == 0 || strcmp(argv[1], "cpu") == 0) {
    Pool pool(size, strcmp(argv[1], "cpu") == 0 ? SS_POOL_PER_CPU : 0);
    return bench::measure(pool, size, argc - 3, argv + 3);
  }
  if (strcmp(argv[1], "cache") == 0) {
    Cache cache(size);
    return bench::measure(cache, size, argc - 3, argv + 3);
  }
  bench::Malloc kind(size);
  return bench::measure(kind, size, argc - 3, argv + 3);
}

// Fixed pools. An ss_fixed_pool is a ProgramPool whose type C does not know.
#include <algorithm>
#include <cerrno>

#include "capi/c_api.h"
#include "capi/json_text.h"
#include "capi/pool_calls.h"
#include "capi/pool_text.h"
#include "malloc/fatal.h"
#include "malloc/program_pools.h"

using namespace superslab;

static_assert(sizeof(ss_fixed_cache) == sizeof(Magazine) &&
              offsetof(ss_fixed_cache, top) == offsetof(Magazine, top) &&
              offsetof(ss_fixed_cache, bottom) == offsetof(Magazine, bottom) &&
              offsetof(ss_fixed_cache, end) == offsetof(Magazine, end) &&
              offsetof(ss_fixed_cache, pool) == offsetof(Magazine, pool));

namespace {

constexpr unsigned kKnownFlags = SS_POOL_CHECKED | SS_POOL_NO_COLOURS | SS_POOL_PER_CPU;

const ProgramPool& from(const ss_fixed_pool* pool, const char* function = __builtin_FUNCTION()) {
  const auto* found = reinterpret_cast<const ProgramPool*>(pool);
  ProgramPool::check(function, found);
  return *found;
}
ProgramPool& from(ss_fixed_pool* pool, const char* function = __builtin_FUNCTION()) {
  return const_cast<ProgramPool&>(from(static_cast<const ss_fixed_pool*>(pool), function));
}

/// A pool that is taken for one.
ProgramPool& unchecked(ss_fixed_pool* pool) { return *reinterpret_cast<ProgramPool*>(pool); }

Magazine& magazine_of(ss_fixed_pool* pool) { return unchecked(pool).own_magazine(); }

/// With SUPERSLAB_CHECK: ends the process for a wrong put.
void fail_if_checked(const char* function, const void* object, FixedFault fault) {
  if (fault != FixedFault::kForeign && fault != FixedFault::kAlreadyFree) return;
  const ProcessHeap* process = ProcessHeap::get();
  if (process == nullptr || !process->policy().check) return;
  fail_on_address(
      function, object,
      fault == FixedFault::kForeign ? "another pool's, or inside an object" : "put already",
      "is no object of the pool that is out");
}

int put_bulk_slow(ProgramPool& pool, void* const* objects, std::size_t count, std::size_t good) {
  const FixedFault fault = with_errno([&] {
    if (good == count) return pool.put_bulk(objects, count);
    pool.fixed().count_foreign_put();
    return FixedFault::kForeign;
  });
  fail_if_checked("ss_fixed_pool_put_bulk", objects[std::min(good, count - 1)], fault);
  return fault == FixedFault::kNone ? 0 : -1;
}

/// False for what cannot be.
bool read_options(const ss_fixed_pool_options* given, ss_fixed_pool_options& out) {
  out = SS_FIXED_POOL_OPTIONS;
  if (!read_struct(given, out)) return false;
  if (out.alignment == 0) out.alignment = kMinAlignment;
  const ByteCount unit = FixedPool::block_bytes(out.object_bytes, out.alignment);
  return unit != 0 && out.max <= kMaxArenas * kArenaBytes / unit &&
         (out.max == 0 || out.initial <= out.max) && out.cached <= FixedCache::kMaxObjects &&
         (out.flags & ~kKnownFlags) == 0;
}

}  // namespace

ss_fixed_pool* ss_fixed_pool_new(const ss_fixed_pool_options* options) {
  ss_fixed_pool_options given;
  if (!read_options(options, given)) {
    errno = EINVAL;
    return nullptr;
  }
  const FixedPoolOptions own{
      .object_bytes = given.object_bytes,
      .alignment = given.alignment,
      .max = given.max,
      .initial = given.initial,
      .cached = static_cast<std::uint32_t>(given.cached),
      .has_colours = (given.flags & SS_POOL_NO_COLOURS) == 0,
      .is_checked = (given.flags & SS_POOL_CHECKED) != 0,
      .is_per_cpu = (given.flags & SS_POOL_PER_CPU) != 0,
      .hooks = {given.construct, given.destruct, given.context},
  };
  ProgramPool::Made made;
  with_errno([&] {
    made = ProgramPool::make(own, given.name == nullptr ? "" : given.name);
    return made.fault;
  });
  if (made.fault == FixedFault::kLimit) errno = EMFILE;
  return reinterpret_cast<ss_fixed_pool*>(made.pool);
}

namespace {

// Out of line: what needs a frame stays out of the way of magazines of processors.
[[gnu::noinline]] void* get_rest(ss_fixed_pool* pool) {
  void* object = nullptr;
  ProgramPool& own = from(pool, "ss_fixed_pool_get");
  with_errno([&] {
    FixedFault fault;
    object = own.get(fault);
    return fault;
  });
  return object;
}

[[gnu::noinline]] int put_rest(ss_fixed_pool* pool, void* object) {
  ProgramPool& own = from(pool, "ss_fixed_pool_put");
  const FixedFault fault = with_errno([&] { return own.put(object); });
  fail_if_checked("ss_fixed_pool_put", object, fault);
  return fault == FixedFault::kNone ? 0 : -1;
}

}  // namespace

// A pool with magazines of processors has none of threads. SUPERSLAB_CHECK has neither.
void* ss_fixed_pool_get_slow(ss_fixed_pool* pool) {
  void* object = unchecked(pool).fixed().cpu_pop();
  return object != nullptr ? object : get_rest(pool);
}

int ss_fixed_pool_put_slow(ss_fixed_pool* pool, void* object) {
  return unchecked(pool).fixed().cpu_push(object) ? 0 : put_rest(pool, object);
}

void* ss_fixed_cache_get(ss_fixed_cache* cache) {
  void* object = reinterpret_cast<Magazine*>(cache)->pop();
  return object != nullptr ? object : ss_fixed_pool_get_slow(cache->pool);
}

int ss_fixed_cache_put(ss_fixed_cache* cache, void* object) {
  if (reinterpret_cast<Magazine*>(cache)->push(object)) return 0;
  return ss_fixed_pool_put_slow(cache->pool, object);
}

void* ss_fixed_pool_get(ss_fixed_pool* pool) {
  void* object = magazine_of(pool).pop();
  return object != nullptr ? object : ss_fixed_pool_get_slow(pool);
}

int ss_fixed_pool_put(ss_fixed_pool* pool, void* object) {
  return magazine_of(pool).push(object) ? 0 : ss_fixed_pool_put_slow(pool, object);
}

int ss_fixed_pool_get_bulk(ss_fixed_pool* pool, void** objects, size_t count) {
  if (magazine_of(pool).pop_bulk(objects, count)) return 0;
  ProgramPool& own = from(pool);
  const FixedFault fault = with_errno([&] { return own.get_bulk(objects, count); });
  return fault == FixedFault::kNone ? 0 : -1;
}

int ss_fixed_pool_put_bulk(ss_fixed_pool* pool, void* const* objects, size_t count) {
  // SUPERSLAB_CHECK looks at the pool itself below, where no magazine has room.
  const ProgramPool& own = unchecked(pool);
  std::size_t good = 0;
  while (good < count && own.reaches(objects[good])) ++good;
  if (good == count && magazine_of(pool).push_bulk(objects, count)) return 0;
  return put_bulk_slow(from(pool), objects, count, good);
}

ss_fixed_cache* ss_fixed_pool_cache(ss_fixed_pool* pool) {
  Magazine* magazine = from(pool).magazine();
  if (magazine == nullptr) errno = ENOMEM;
  return reinterpret_cast<ss_fixed_cache*>(magazine);
}

size_t ss_fixed_pool_trim(ss_fixed_pool* pool) {
  const KeepErrno keep;
  return from(pool).trim();
}

size_t ss_fixed_pool_close(ss_fixed_pool* pool) {
  if (pool == nullptr) return 0;
  const KeepErrno keep;
  return from(pool).close();
}

const char* ss_fixed_pool_name(const ss_fixed_pool* pool) {
  return from(pool).fixed().name().data();
}

int ss_fixed_pool_stats(const ss_fixed_pool* pool, ss_pool_stats* stats) {
  return write_stats(stats, [&] { return stats_of(from(pool).fixed()); });
}

size_t ss_fixed_pool_stats_json(const ss_fixed_pool* pool, char* buffer, size_t size) {
  const KeepErrno keep;
  JsonText json(buffer, size);
  write_pool(json, from(pool).fixed(), Detail::kAll);
  return json.length();
}

const char* ss_fixed_pool_check(const ss_fixed_pool* pool) {
  return name_of(from(pool).fixed().check());
}

int ss_fixed_pool_owns(const ss_fixed_pool* pool, const void* p) {
  return from(pool).fixed().owns(p);
}

// A pool's blocks, on their way between slabs and JavaScript's magazines.
#include "binding/codes.h"
#include "binding/objects.h"
#include "heap/heap.h"
#include "heap/huge.h"
#include "heap/size_class.h"

namespace superslab {
namespace {

/// The class that a tag names, if JavaScript leases blocks of it.
std::optional<ClassIndex> class_at(const CallbackInfo& info, std::size_t i) {
  const auto tag = whole_at(info, i, kFixedClasses);
  if (!tag || *tag == 0 || !is_lease_class(*tag - 1)) return {};
  return static_cast<ClassIndex>(*tag - 1);
}

/// Bytes of a block beyond 2 MiB; 0 for no such number.
ByteCount huge_bytes_at(const CallbackInfo& info, std::size_t i) {
  const ByteCount bytes = whole_at(info, i, kMaxHugeBytes).value_or(0);
  return bytes > kMaxClassBytes ? bytes : 0;
}

Value value_of(Napi::Env env, NoBlocks code) {
  return Napi::Number::New(env, static_cast<std::int32_t>(code));
}

/// Tells why the heap gave nothing. That there is room now says little: another thread may have
/// made it since.
class Refusal {
 public:
  explicit Refusal(BufferThreadCache& cache)
      : cache_(cache), os_failures_(cache.pool().os_failures()) {}

  /// After the attempt.
  NoBlocks reason() {
    if (cache_.pool().os_failures() != os_failures_) return NoBlocks::kNoMemory;
    // What other threads cache counts too; the next request finds it given back.
    cache_.pool().caches().ask_for_flush(&cache_);
    return NoBlocks::kNoRoom;
  }

 private:
  BufferThreadCache& cache_;
  const std::uint64_t os_failures_;
};

/// What the other shares of the pool cache for this thread counts against its limit, too.
void flush_shares(EnvironmentPool& pool) {
  pool.environment.for_each_share(pool,
                                  [](const EnvironmentPool& share) { share.cache()->flush(); });
}

/// `refill(tag)`: blocks that are now in the magazine, or why there are none.
Value refill(const CallbackInfo& info, EnvironmentPool& pool) {
  BufferThreadCache* const cache = pool.cache();
  const auto c = class_at(info, 0);
  if (cache == nullptr || !c) return value_of(info.Env(), NoBlocks::kNoRoom);
  Refusal refusal(*cache);
  std::uint32_t got = cache->refill(*c);
  if (got == 0 && pool.has_shares) {
    flush_shares(pool);
    got = cache->refill(*c);
  }
  if (got == 0) return value_of(info.Env(), refusal.reason());
  ShownWindows* windows = pool.evaluation.windows();
  const bool recut = windows != nullptr && windows->note_recut({cache->refilled(), got});
  return Napi::Number::New(info.Env(), got + (recut ? kRecut : 0));
}

/// `spill(tag)`: makes room in a full magazine.
void spill(const CallbackInfo& info, EnvironmentPool& pool) {
  if (pool.cache() == nullptr) return;
  if (whole_at(info, 0) == LeaseMagazines::kHuge) return pool.cache()->spill_huge();
  if (const auto c = class_at(info, 0)) pool.cache()->spill(*c);
}

/// `give(block)`: a block of the calling environment's own slabs, or beyond 2 MiB.
void give(const CallbackInfo& info, EnvironmentPool& pool) {
  if (pool.cache() != nullptr) static_cast<void>(pool.cache()->give(block_number_at(info, 0)));
}

/// `takeHuge(bytes)`: a block number, or why there is none.
Value take_huge(const CallbackInfo& info, EnvironmentPool& pool) {
  const ByteCount bytes = huge_bytes_at(info, 0);
  if (pool.cache() == nullptr || bytes == 0) return value_of(info.Env(), NoBlocks::kNoRoom);
  Refusal refusal(*pool.cache());
  BlockNumber block = pool.cache()->take_huge(bytes);
  if (block == kNoBlock && pool.has_shares) {
    flush_shares(pool);
    block = pool.cache()->take_huge(bytes);
  }
  if (block == kNoBlock) return value_of(info.Env(), refusal.reason());
  return Napi::Number::New(info.Env(), to_word(block));
}

/// `hugeCapacity(bytes)`: what a block beyond 2 MiB is charged for.
Value huge_capacity(const CallbackInfo& info, EnvironmentPool& pool) {
  const ByteCount bytes = huge_bytes_at(info, 0);
  if (pool.cache() == nullptr || bytes == 0) return Napi::Number::New(info.Env(), 0);
  return Napi::Number::New(info.Env(),
                           static_cast<double>(pool.cache()->pool().huge().capacity(bytes)));
}

/// `countExhausted()`: a request found no room, and the caller had nothing to give back for it.
void count_exhausted(const CallbackInfo&, EnvironmentPool& pool) {
  if (pool.cache() != nullptr) pool.cache()->pool().count_exhausted();
}

void flush(const CallbackInfo&, EnvironmentPool& pool) {
  if (pool.cache() != nullptr) pool.cache()->flush();
}

}  // namespace

void add_pool_block_methods(Methods& methods) {
  add_hot_method<EnvironmentPool, refill>(methods, "refill");
  add_hot_method<EnvironmentPool, spill>(methods, "spill");
  add_hot_method<EnvironmentPool, give>(methods, "give");
  add_shared_method<EnvironmentPool, flush>(methods, "flush");
  add_hot_method<EnvironmentPool, take_huge>(methods, "takeHuge");
  add_shared_method<EnvironmentPool, count_exhausted>(methods, "countExhausted");
  add_shared_method<EnvironmentPool, huge_capacity>(methods, "hugeCapacity");
}

}  // namespace superslab

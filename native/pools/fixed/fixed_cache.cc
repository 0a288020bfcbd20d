#include "pools/fixed/fixed_cache.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "base/program_order.h"

namespace superslab {
namespace {

/// As in fixed_pool.cc: objects on their way lie on the stack.
constexpr std::size_t kBatch = 64;

}  // namespace

FixedCache::FixedCache(FixedPool& pool, Magazine& magazine, void* owner)
    : pool_(pool), magazine_(&magazine) {
  magazine.top = magazine.bottom = objects_;
  magazine.pool = owner;
  magazine.set_room(pool.cache_limit());
  pool.heap().caches().join(this);
}

FixedCache* FixedCache::attach(FixedPool& pool, Magazine& magazine, void* owner) {
  assert(magazine.depth() == 0 && magazine.room() == 0);
  Space& space = pool.heap().space();
  void* p = space.metadata().allocate(space.os(), sizeof(FixedCache), alignof(FixedCache));
  return p == nullptr ? nullptr : new (p) FixedCache(pool, magazine, owner);
}

void FixedCache::leave_thread() {
  // First, so that nobody looks at a magazine that is not its own any more.
  pool_.heap().caches().leave(this);
  become_orphan();
}

void FixedCache::become_orphan() {
  assert(has_thread());
  Magazine& magazine = *magazine_;
  left_ = magazine.depth();
  in_program_order();
  magazine_ = nullptr;
  // `pool` stays: who has the magazine itself gets the next cache by it.
  magazine.top = magazine.bottom = magazine.end = nullptr;
}

void FixedCache::end() {
  assert(!has_thread());
  flush();
  pool_.heap().caches().leave(this);
  pool_.heap().space().metadata().destroy(this);
}

void FixedCache::set_depth(std::size_t n) {
  if (magazine_ != nullptr) {
    magazine_->set_depth(n);
  } else {
    left_ = n;
  }
}

std::size_t FixedCache::take_off(void** out, std::size_t count) {
  const std::size_t held = depth();
  const std::size_t n = std::min(count, held);
  for (std::size_t i = 0; i < n; ++i) out[i] = objects_[held - 1 - i];
  in_program_order();
  set_depth(held - n);
  return n;
}

void FixedCache::give_own(void** objects, std::size_t count) {
  pool_.give(objects, pool_.keep_own(objects, count));
}

void FixedCache::flush() {
  // A destructor may get and put meanwhile: what is on its way is not in the magazine any more.
  void* batch[kBatch];
  while (const std::size_t n = take_off(batch, kBatch)) give_own(batch, n);
}

void FixedCache::flush_soon() {
  if (magazine_ != nullptr) magazine_->set_room(0);
}

void FixedCache::follow_signal() {
  const std::uint32_t limit = pool_.cache_limit();
  if (magazine_->room() == limit) return;
  flush();
  magazine_->set_room(limit);
}

void FixedCache::give_older() {
  void* batch[kBatch];
  for (std::size_t going = std::max(pool_.cache_limit() / 2, 1u); going != 0;) {
    const std::size_t held = depth();
    const std::size_t n = std::min({going, held, kBatch});
    if (n == 0) return;
    std::memcpy(batch, objects_, n * sizeof *batch);
    // In the child of a fork they are nowhere rather than in two places.
    set_depth(0);
    in_program_order();
    std::memmove(objects_, objects_ + n, (held - n) * sizeof *objects_);
    in_program_order();
    set_depth(held - n);
    give_own(batch, n);
    going -= n;
  }
}

void FixedCache::stash(void** objects, std::size_t count) {
  std::size_t kept = 0;
  while (kept < count && magazine_->push(objects[kept])) ++kept;
  if (kept < count) pool_.give(objects + kept, count - kept);
}

void* FixedCache::get(FixedFault& fault) {
  pool_.take_turn();
  // A constructor may be dear: then no more are made than are wanted.
  const bool constructs = pool_.options().hooks.construct != nullptr;
  const std::size_t wanted = constructs ? 1 : std::max(pool_.cache_limit() / 2, 1u);
  void* batch[kMaxObjects / 2];
  const std::size_t got = pool_.take_some(batch, wanted, fault);
  if (got != 0) {
    stash(batch + 1, got - 1);
    return batch[0];
  }
  if (fault == FixedFault::kLimit) pool_.heap().caches().ask_for_flush(this);
  return nullptr;
}

FixedFault FixedCache::get_bulk(void** out, std::size_t count) {
  pool_.take_turn();
  const std::size_t own = take_off(out, count);
  const FixedFault fault = own == count ? FixedFault::kNone : pool_.take(out + own, count - own);
  if (fault == FixedFault::kNone) return fault;
  put_bulk(out, own);
  if (fault == FixedFault::kLimit) pool_.heap().caches().ask_for_flush(this);
  return fault;
}

FixedFault FixedCache::put(void* object) {
  if (!pool_.owns(object)) {
    pool_.count_foreign_put();
    return FixedFault::kForeign;
  }
  pool_.take_turn();
  pool_.collect_orphans();
  follow_signal();
  if (magazine_->push(object)) return FixedFault::kNone;
  give_older();
  if (!magazine_->push(object)) pool_.give(&object, 1);
  return FixedFault::kNone;
}

void FixedCache::put_bulk(void* const* objects, std::size_t count) {
  pool_.take_turn();
  follow_signal();
  if (count <= pool_.cache_limit() / 2 && depth() + count > magazine_->room()) give_older();
  const std::size_t held = depth();
  if (held + count > magazine_->room()) {
    pool_.give(objects, count);
    return;
  }
  std::memcpy(objects_ + held, objects, count * sizeof *objects);
  in_program_order();
  set_depth(held + count);
}

std::uint32_t FixedCache::cached(ClassIndex c) const {
  return c == pool_.block_class() ? static_cast<std::uint32_t>(depth()) : 0;
}

}  // namespace superslab

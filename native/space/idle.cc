// Superslabs that were given with their memory: they serve again, or their memory goes back.
#include <bit>
#include <cassert>

#include "base/program_order.h"
#include "space/space.h"

namespace superslab {

void Space::join_idle(const Superslab* first, std::uint32_t count) {
  arena_of(*first).set_idle(place_of(*first), count);
  idle_superslabs_.fetch_add(count, std::memory_order_relaxed);
}

bool Space::leave_idle(const Superslab* first, std::uint32_t count) {
  const std::uint32_t idle = arena_of(*first).clear_idle(place_of(*first), count);
  idle_superslabs_.fetch_sub(idle, std::memory_order_relaxed);
  return idle == 0;
}

void Space::give_idle(Superslab* head, std::uint32_t from, Nanos now) {
  LockGuard guard(lock_);
  const std::uint32_t count = head->span;
  assert(from < count);
  // First: nothing is in a span and spare as well.
  head->span = from;
  in_program_order();
  for (std::uint32_t i = from; i < count; ++i) {
    head[i].use.store(SuperslabUse::kSpare, std::memory_order_relaxed);
    head[i].heap = nullptr;
    head[i].idle_since = now;
  }
  join_idle(head + from, count - from);
  in_program_order();
  set_spare(head + from, count - from);
}

TakenSpan Space::claim_idle(std::uint32_t count, const Backing& backing, std::uint32_t unit) {
  LockGuard guard(lock_);
  Superslab* head = claim(count, unit, Wanted::kIdle, backing);
  if (head == nullptr) return {.status = OsStatus::kNoMemory};
  TakenSpan taken =
      commit_and_place(head, count, ByteCount{count} * kSuperslabBytes, backing, unit);
  if (taken.head != nullptr) hand_out(taken, count, backing);
  return taken;
}

TakenSpan Space::take_idle(std::uint32_t count, const Backing& backing, std::uint32_t unit) {
  assert(count != 0 && is_power_of_two(unit));
  const ByteCount bytes = ByteCount{count} * kSuperslabBytes;
  if (idle_bytes() < bytes) return {.status = OsStatus::kNoMemory};
  TakenSpan taken = claim_idle(count, backing, unit);
  protect(taken, count, bytes, backing);
  assert(taken.head == nullptr || taken.head->span == count);
  return taken;
}

/// Idle superslabs on their way to the operating system. They are neither spare nor idle while the
/// system call runs: nobody takes them, and nobody else purges them.
struct Space::PurgeBatch {
  static constexpr std::size_t kMax = 32;  // on the smallest stacks
  Superslab* superslabs[kMax];
  OsRange ranges[kMax];
  std::size_t count = 0;
  std::size_t range_count = 0;

  ByteCount bytes() const { return count * kSuperslabBytes; }

  void add(Superslab& s) {
    const bool is_next = count != 0 && superslabs[count - 1]->base + kSuperslabBytes == s.base;
    if (is_next) {
      ranges[range_count - 1].bytes += kSuperslabBytes;
    } else {
      ranges[range_count++] = {s.base, kSuperslabBytes};
    }
    superslabs[count++] = &s;
  }
};

void Space::collect_idle(PurgeBatch& batch, Nanos before, ByteCount max) {
  LockGuard guard(lock_);
  for (Arena* arena : arenas_) {
    if (arena == nullptr) continue;
    for (std::uint32_t w = 0; w < kSuperslabsPerArena / 64; ++w) {
      for (std::uint64_t rest = arena->spare_word(Spare::kIdle, w); rest != 0; rest &= rest - 1) {
        const auto place = w * 64 + static_cast<std::uint32_t>(std::countr_zero(rest));
        Superslab& s = superslabs_[index_of(*arena, place)];
        if (s.idle_since > before) continue;
        leave_idle(&s, 1);
        arena->set_spare(place, 1, false);
        batch.add(s);
        if (batch.count == PurgeBatch::kMax || batch.bytes() >= max) return;
      }
    }
  }
}

ByteCount Space::purge_idle(Nanos before, ByteCount max_bytes) {
  ByteCount purged = 0;
  while (purged < max_bytes && idle_bytes() != 0) {
    PurgeBatch batch;
    collect_idle(batch, before, max_bytes - purged);
    if (batch.count == 0) break;
    const bool done = os_->purge(batch.ranges, batch.range_count) == OsStatus::kOk;
    LockGuard guard(lock_);
    for (std::size_t i = 0; i < batch.count; ++i) {
      if (!done) join_idle(batch.superslabs[i], 1);
      set_spare(batch.superslabs[i], 1);
    }
    if (!done) break;
    purged += batch.bytes();
  }
  return purged;
}

}  // namespace superslab

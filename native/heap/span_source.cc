#include "heap/span_source.h"

#include <bit>
#include <cassert>

#include "base/secure_zero.h"

namespace superslab {

SpanSource::SpanSource(HeapCore& core, MemoryAccount& account, void* heap, IdleSpans& idle)
    : core_(core), account_(account), heap_(heap), idle_(idle) {}

Backing SpanSource::backing_for(const SpanWish& wish) const {
  return {.pages = wish.pages,
          .node_placement = wish.node_placement,
          .access = core_.shape.access,
          .secrecy = core_.shape.secrecy,
          .tail_bytes = wish.tail_bytes};
}

TakenSpan SpanSource::take(std::uint32_t count, const SpanWish& wish) {
  core_.lock.assert_held();
  assert(count != 0 && wish.bytes != 0 && wish.bytes <= count * kSuperslabBytes);
  const Backing backing = backing_for(wish);
  // A limit on memory does not refuse: it kills.
  if (core_.shape.is_limited() && account_.room_left() < wish.bytes + core_.shape.memory / 8)
    idle_.give_back_idle_spans();
  TakenSpan taken = core_.space.take(count, wish.bytes, backing, wish.unit);
  if (taken.head == nullptr) {
    idle_.give_back_idle_spans();  // it may hold the memory, or the addresses
    taken = core_.space.take(count, wish.bytes, backing, wish.unit);
  }
  if (taken.fell_back) core_.counters.huge_page_fallbacks.add(count);
  if (taken.head == nullptr) {
    core_.counters.os_failures.add(1);
  } else {
    note_taken(taken, count, wish);
  }
  return taken;
}

TakenSpan SpanSource::take_idle(std::uint32_t count, const SpanWish& wish) {
  core_.lock.assert_held();
  assert(wish.bytes == count * kSuperslabBytes);
  const TakenSpan taken = core_.space.take_idle(count, backing_for(wish), wish.unit);
  if (taken.head != nullptr) note_taken(taken, count, wish);
  return taken;
}

void SpanSource::note_taken(const TakenSpan& taken, std::uint32_t count, const SpanWish& wish) {
  assert(taken.head->span == count);
  note_refused(taken.refused);
  core_.counters.superslabs_taken.add(count);
  Superslab* const head = taken.head;
  if (!taken.is_zero)
    account_.note_used(IdleBand::kSlabs, count * kSuperslabBytes, head->idle_since);
  const NodePlacement placement = wish.node_placement;
  head->home_node.store(wish.home_node, std::memory_order_relaxed);
  head->lies_on.store(placement.kind == NodePlacement::Kind::kNode ? placement.node : kNoNode,
                      std::memory_order_relaxed);
  head->moves_to.store(kNoNode, std::memory_order_relaxed);
  head->heap = heap_;
  // A span of several becomes one huge block.
  for (std::uint32_t i = 1; i < count; ++i) {
    head[i].heap = heap_;
    head[i].use.store(SuperslabUse::kHugeTail, std::memory_order_release);
  }
}

void SpanSource::give(Superslab* head) {
  core_.lock.assert_held();
  assert(head->span != 0 && head->next == nullptr && head->prev == nullptr);
  core_.counters.superslabs_given.add(head->span);
  core_.space.tag_slices(*head, 0, 1, kTagNone);
  note_refused(core_.space.give(head));
}

void SpanSource::scrub_and_give(Superslab* head, ByteCount bytes, ByteCount committed) {
  assert(committed <= bytes && bytes <= head->span * kSuperslabBytes);
  scrub(*head, bytes);
  account_.change_committed(-static_cast<std::int64_t>(committed));
  give(head);
}

void SpanSource::give_with_memory(Superslab* head, Nanos idle_since) {
  core_.lock.assert_held();
  core_.counters.superslabs_given.add(head->span);
  core_.space.give_idle(head, 0, idle_since);
}

void SpanSource::note_refused(Secrecy what) {
  if (what == Secrecy::kNone) return;
  core_.counters.secret_failures.shared_add(
      static_cast<std::uint64_t>(std::popcount(static_cast<unsigned>(what))));
  Secrecy before = refused_secrecy_.load(std::memory_order_relaxed);
  while (
      !refused_secrecy_.compare_exchange_weak(before, before | what, std::memory_order_relaxed)) {
  }
}

bool SpanSource::purge(const Superslab& s, const OsRange& range) {
  Os& os = core_.space.os();
  if (os.purge(&range, 1) == OsStatus::kOk) return true;
  if (!has(s.secrecy, Secrecy::kLocked)) return false;
  // Kernels before 5.18 purge no locked memory: it is unlocked for as long as that takes.
  note_refused(os.unprotect(range.address, range.bytes, Secrecy::kLocked));
  const bool is_purged = os.purge(&range, 1) == OsStatus::kOk;
  note_refused(os.protect(range.address, range.bytes, Secrecy::kLocked));
  return is_purged;
}

void SpanSource::scrub(const Superslab& s, ByteCount bytes) {
  if (!is_purgeable(s.pages) || !purge(s, {s.base, bytes})) secure_zero(s.base, bytes);
}

}  // namespace superslab

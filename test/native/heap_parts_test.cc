// Blocks beyond 2 MiB whose superslabs are reused one by one: a heap behind pointers.

#include <vector>

#include "check.h"
#include "heap_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

Policy parts_policy(ByteCount max_bytes = 0) {
  Policy policy = plain_policy();
  policy.max_bytes = max_bytes;
  return policy;
}

/// A heap behind malloc has this shape, but that it stays for ever.
struct PartsHeap : TestHeap {
  explicit PartsHeap(const Policy& policy = parts_policy()) : TestHeap(policy) {
    heap = std::make_unique<Heap>(space(), clock, policy, HeapShape{.access = Access::kPointers});
    owner = heap->attach();
  }
  Superslab* take(ByteCount bytes, ByteCount alignment = kSuperslabBytes) {
    return heap->huge().take(bytes, owner, alignment, &is_zero);
  }
  ByteCount idle() const { return space().idle_bytes(); }
  /// Every block is home: nothing is held, and all that is idle goes back.
  bool ends_parts_clean() {
    const HeapStats s = heap->stats();
    if (heap->committed_bytes() != 0 || s.superslabs_taken != s.superslabs_given) return false;
    space().purge_idle(~Nanos{0});
    if (idle() != 0) return false;
    heap->detach(owner);
    return ends_clean();
  }

  SlabOwner* owner;
  bool is_zero = false;
};

}  // namespace

TEST(heap, "in parts: a freed block's superslabs serve blocks of other sizes") {
  PartsHeap t;
  Superslab* a = t.take(10 * kMiB);
  CHECK(t.is_zero);
  CHECK_EQ(t->committed_bytes(), 10 * kMiB);
  fill(a->base, 10 * kMiB, 1);
  t->give_huge(a);
  CHECK_EQ(t->committed_bytes(), 0u);
  CHECK_EQ(t.idle(), 10 * kMiB);
  CHECK_EQ(t->budget().charged(), 0u);
  Superslab* b = t.take(3 * kMiB);
  CHECK(b == a && !t.is_zero);
  Superslab* c = t.take(6 * kMiB);
  CHECK(c == a + 2 && !t.is_zero);
  CHECK_EQ(t->stats().huge_hits, 2u);
  CHECK_EQ(t.idle(), 0u);
  CHECK_EQ(b->huge_bytes, 4 * kMiB);  // whole superslabs
  CHECK_EQ(t->budget().charged(), 10 * kMiB);
  t->give_huge(b);
  t->give_huge(c);
  CHECK(t.ends_parts_clean());
}

TEST(heap, "in parts: neighbours that are freed one by one make room for one larger block") {
  PartsHeap t;
  Superslab* blocks[4];
  for (Superslab*& s : blocks) s = t.take(4 * kMiB);
  Superslab* behind = t.take(4 * kMiB);
  for (const std::size_t i : {2u, 0u, 3u, 1u}) t->give_huge(blocks[i]);
  Superslab* whole = t.take(16 * kMiB);
  CHECK(whole == blocks[0]);
  CHECK_EQ(t.idle(), 0u);
  fill(whole->base, 16 * kMiB, 3);
  CHECK(t.take(16 * kMiB) != nullptr);
  t->give_huge(behind);
  t->give_huge(whole);
  Superslab* rest = t->huge().orphan(t.owner);
  CHECK(rest != nullptr);
  t->give_huge(rest);
  CHECK(t->huge().orphan(t.owner) == nullptr);
  CHECK(t.ends_parts_clean());
}

TEST(heap, "in parts: slabs are cut from what huge blocks left, and it is known to hold memory") {
  PartsHeap t;
  Superslab* a = t.take(5 * kMiB);
  std::memset(a->base, 0xd1, 5 * kMiB);
  t->give_huge(a);
  void* block = nullptr;
  CHECK_EQ(t.owner->take(class_for(100), &block, 1), 1u);
  CHECK(&t.space().superslab_of(block) == a);
  CHECK_EQ(t.idle(), 4 * kMiB);
  CHECK_EQ(t->committed_bytes(), kSuperslabBytes);  // all of it, not only the slab's slices
  t.owner->give(&block, 1);
  t.owner->retire_unused();
  t->trim(0);
  CHECK(is_zero(a->base, kSuperslabBytes));
  CHECK(t.ends_parts_clean());
}

TEST(heap, "in parts: a block starts at a multiple of what was asked for") {
  PartsHeap t;
  std::vector<Superslab*> blocks;
  for (ByteCount alignment = kSuperslabBytes; alignment <= kGiB; alignment *= 4) {
    for (const ByteCount bytes : {2 * kMiB + 1, 7 * kMiB}) {
      blocks.push_back(t.take(bytes, alignment));
      CHECK(blocks.back() != nullptr);
      CHECK_EQ(address_of(blocks.back()->base) % alignment, 0u);
      fill(blocks.back()->base, bytes, alignment);
    }
  }
  for (Superslab* s : blocks) t->give_huge(s);
  CHECK(t.ends_parts_clean());
}

TEST(heap, "in parts: a block shrinks where it is, and its end serves others") {
  PartsHeap t;
  Superslab* a = t.take(8 * kMiB);
  fill(a->base, 8 * kMiB, 1);
  CHECK(t->huge().resize(a, 3 * kMiB));
  CHECK_EQ(a->huge_bytes, 4 * kMiB);
  CHECK_EQ(a->span, 2u);
  CHECK_EQ(t->committed_bytes(), 4 * kMiB);
  CHECK_EQ(t->budget().charged(), 4 * kMiB);
  CHECK_EQ(t.idle(), 4 * kMiB);
  Superslab* b = t.take(4 * kMiB);
  CHECK(b == a + 2 && !t.is_zero);
  t->give_huge(b);
  t->give_huge(a);
  CHECK(t.ends_parts_clean());
}

TEST(heap, "in parts: a block grows where it is while what lies behind it is spare") {
  PartsHeap t;
  Superslab* a = t.take(3 * kMiB);
  Superslab* behind = t.take(3 * kMiB);
  CHECK(behind == a + 2);
  fill(a->base, 4 * kMiB, 1);
  CHECK(!t->huge().resize(a, 5 * kMiB));
  CHECK_EQ(a->huge_bytes, 4 * kMiB);
  CHECK_EQ(t->budget().charged(), 8 * kMiB);
  t->give_huge(behind);
  CHECK(t->huge().resize(a, 5 * kMiB));
  CHECK_EQ(t.idle(), 2 * kMiB);
  CHECK(t->huge().resize(a, 11 * kMiB));  // partly idle, partly fresh
  CHECK_EQ(a->span, 6u);
  CHECK_EQ(t->committed_bytes(), 12 * kMiB);
  CHECK_EQ(t->budget().charged(), 12 * kMiB);
  CHECK_EQ(t.idle(), 0u);
  CHECK(is_intact(a->base, 4 * kMiB, 1));
  fill(a->base, 12 * kMiB, 2);
  CHECK(t->huge().resize(a, 12 * kMiB));  // it is that long
  t->give_huge(a);
  CHECK_EQ(t.idle(), 12 * kMiB);
  CHECK(t.ends_parts_clean());
}

TEST(heap, "in parts: growing stops at maxBytes and without memory, and nothing has changed") {
  PartsHeap t(parts_policy(8 * kMiB));
  Superslab* a = t.take(4 * kMiB);
  CHECK(!t->huge().resize(a, 9 * kMiB));
  CHECK_EQ(t->budget().charged(), 4 * kMiB);
  t.os().fail_nth(FakeOs::Call::kCommit, 1, OsStatus::kNoMemory, FakeOs::Lasts::kFromThenOn);
  CHECK(!t->huge().resize(a, 8 * kMiB));
  CHECK_EQ(t->budget().charged(), 4 * kMiB);
  CHECK_EQ(t->committed_bytes(), 4 * kMiB);
  t.os().fail_none();
  CHECK(t->huge().resize(a, 8 * kMiB));
  CHECK(t.take(3 * kMiB) == nullptr);
  t->give_huge(a);
  CHECK(t.ends_parts_clean());
}

TEST(heap, "in parts: superslabs taken and given add up when blocks change their length") {
  PartsHeap t;
  Superslab* a = t.take(8 * kMiB);
  CHECK(t->huge().resize(a, 4 * kMiB));
  CHECK(t->huge().resize(a, 6 * kMiB));
  t->give_huge(a);
  const HeapStats s = t->stats();
  CHECK_EQ(s.superslabs_taken, s.superslabs_given);
  CHECK(t.ends_parts_clean());
}

TEST(heap, "in parts: random blocks, resized and freed, never overlap, and all memory comes back") {
  PartsHeap t;
  struct Held {
    Superslab* head;
    ByteCount bytes;
    std::uint64_t seed;
  };
  std::vector<Held> held;
  Random random(11);
  for (std::uint64_t op = 0; op < 4000; ++op) {
    const std::uint64_t what = random.below(10);
    if (held.size() < 12 && what < 5) {
      const ByteCount bytes = kMaxClassBytes + 1 + random.below(12 * kMiB);
      Superslab* head = t.take(bytes, kSuperslabBytes << random.below(4));
      CHECK(head != nullptr);
      if (t.is_zero) CHECK(is_intact(head->base, 0, 0) && head->base[bytes - 1] == std::byte{0});
      fill(head->base, bytes, op);
      held.push_back({head, bytes, op});
    } else if (!held.empty()) {
      const std::size_t which = random.below(held.size());
      Held& h = held[which];
      CHECK(is_intact(h.head->base, h.bytes, h.seed));
      if (what < 8) {
        const ByteCount bytes = kMaxClassBytes + 1 + random.below(16 * kMiB);
        if (t->huge().resize(h.head, bytes)) {
          h = {h.head, bytes, op};
          fill(h.head->base, h.bytes, h.seed);
        }
      } else {
        t->give_huge(h.head);
        h = held.back();
        held.pop_back();
      }
    }
    if (op % 100 == 0) t.space().purge_idle(~Nanos{0});
    ByteCount out = 0;
    for (const Held& h : held) out += align_up(h.bytes, kSuperslabBytes);
    if (t->committed_bytes() != out) CHECK_EQ(t->committed_bytes(), out);
    if (t->budget().charged() != out) CHECK_EQ(t->budget().charged(), out);
  }
  for (const Held& h : held) t->give_huge(h.head);
  CHECK_EQ(t.os().misuse().total(), 0u);
  CHECK(t.ends_parts_clean());
}

TEST(heap, "a heap that stays and has no limit does not count what is out") {
  TestHeap t;
  auto stays = std::make_unique<Heap>(
      t.space(), t.clock, plain_policy(),
      HeapShape{.access = Access::kPointers, .is_always_charged = false, .purges_tables = true});
  ThreadCache* cache = ThreadCache::attach(*stays);
  void* small = cache->allocate(100);
  void* huge = cache->allocate(5 * kMiB);
  CHECK_EQ(stays->budget().charged(), 0u);
  cache->free(small);
  cache->free(huge);
  cache->detach();
  stays.reset();
  CHECK(t.ends_clean());
}

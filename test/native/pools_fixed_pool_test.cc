// Fixed pools: objects of one size, a limit, constructors, and what is known of wrong puts.
#include "pools/fixed/fixed_pool.h"

#include <algorithm>
#include <set>

#include "check.h"
#include "fixed_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

PoolFigures figures_of(const Pool& pool) {
  PoolFigures figures;
  pool.stats({}, figures);
  return figures;
}

/// Counts what is alive, and refuses from `most` on.
struct Counted {
  int alive = 0;
  int constructed = 0;
  int most = 1 << 30;

  static int construct(void* object, void* context) {
    auto* counted = static_cast<Counted*>(context);
    if (counted->alive >= counted->most) return 1;
    ++counted->alive;
    ++counted->constructed;
    std::memset(object, 0x5a, 8);
    return 0;
  }
  static void destruct(void*, void* context) { --static_cast<Counted*>(context)->alive; }
  ObjectHooks hooks() { return {construct, destruct, this}; }
};

}  // namespace

TEST(pools, "fixed: objects of one size are apart, aligned, and used again, last put first") {
  for (const ByteCount bytes :
       {ByteCount{1}, ByteCount{64}, ByteCount{100}, ByteCount{2048}, 40 * kKiB, 2 * kMiB}) {
    const Context context(std::to_string(bytes) + " bytes");
    TestFixedPool t({.object_bytes = bytes});
    CHECK(t->open() == FixedFault::kNone);
    FixedUser user(*t);
    std::vector<void*> objects;
    for (std::size_t i = 0; i < 100; ++i) {
      objects.push_back(user.get());
      CHECK(objects.back() != nullptr && address_of(objects.back()) % 16 == 0);
      CHECK(t->owns(objects.back()));
      fill(objects.back(), bytes / 8 * 8, i);
    }
    for (std::size_t i = 0; i < 100; ++i) CHECK(is_intact(objects[i], bytes / 8 * 8, i));
    CHECK_EQ(std::set<void*>(objects.begin(), objects.end()).size(), 100u);
    CHECK_EQ(t->in_use(), 100u);
    CHECK_EQ(t->check(), PoolFault::kNone);
    for (void* object : objects) CHECK(user.put(object) == FixedFault::kNone);
    CHECK_EQ(t->in_use(), 0u);
    if (t->cache_limit() > 1) CHECK(user.get() == objects.back());
    if (t->cache_limit() > 1) user.put(objects.back());
    CHECK_EQ(t->check(), PoolFault::kNone);
    user.leave();
    CHECK(t.ends_clean());
  }
}

TEST(pools, "fixed: alignment up to a superslab, and sizes that there cannot be") {
  for (ByteCount alignment = 16; alignment <= 2 * kMiB; alignment *= 2) {
    TestFixedPool t({.object_bytes = 100, .alignment = alignment});
    CHECK(t->open() == FixedFault::kNone);
    FixedUser user(*t);
    void* objects[10];
    CHECK(user.get_bulk(objects, 10));
    for (void* object : objects) CHECK_EQ(address_of(object) % alignment, 0u);
    user.put_bulk(objects, 10);
    user.leave();
    CHECK(t.ends_clean());
  }
  CHECK_EQ(FixedPool::block_bytes(0, 16), 0u);
  CHECK_EQ(FixedPool::block_bytes(2 * kMiB + 1, 16), 0u);
  CHECK_EQ(FixedPool::block_bytes(16, 24), 0u);
  CHECK_EQ(FixedPool::block_bytes(16, 4 * kMiB), 0u);
  CHECK_EQ(FixedPool::block_bytes(1500, 4096), 4096u);
}

TEST(pools, "fixed: the limit is hard, and what is put makes room again") {
  TestFixedPool t({.object_bytes = 256, .max = 100});
  CHECK(t->open() == FixedFault::kNone);
  CHECK_EQ(t->limit(), 100 * 256u);
  FixedUser user(*t);
  std::vector<void*> objects;
  while (void* object = user.get()) objects.push_back(object);
  CHECK_EQ(objects.size(), 100u);
  CHECK(user.fault == FixedFault::kLimit);
  CHECK_EQ(figures_of(*t).heap.exhausted, 1u);
  void* more[2];
  user.put(objects.back());
  objects.pop_back();
  CHECK(!user.get_bulk(more, 2));  // all or none
  CHECK(user.fault == FixedFault::kLimit);
  CHECK_EQ(t->in_use(), 99u);
  CHECK(user.get_bulk(more, 1));
  objects.push_back(more[0]);
  user.put_bulk(objects.data(), objects.size());
  CHECK_EQ(t->in_use(), 0u);
  objects.assign(100, nullptr);
  CHECK(user.get_bulk(objects.data(), 100));
  user.put_bulk(objects.data(), 100);
  user.leave();
  CHECK(t.ends_clean());
}

TEST(pools,
     "fixed: at the limit other threads' caches give up what they hold, with their next put") {
  TestFixedPool t({.object_bytes = 256, .max = 64, .cached = 32});
  CHECK(t->open() == FixedFault::kNone);
  FixedUser one(*t);
  FixedUser two(*t);
  void* objects[33];
  for (void*& object : objects) object = one.get();
  for (std::size_t i = 0; i < 32; ++i) one.put(objects[i]);
  CHECK(one.magazine.depth() > 16);
  std::vector<void*> held;
  while (void* object = two.get()) held.push_back(object);
  const std::size_t before = held.size();
  CHECK(before < 63);
  CHECK(two.get() == nullptr);
  one.put(objects[32]);
  while (void* object = two.get()) held.push_back(object);
  CHECK(held.size() >= 62 && held.size() > before);
  two.put_bulk(held.data(), held.size());
  one.leave();
  two.leave();
  CHECK(t.ends_clean());
}

TEST(pools, "fixed: initial objects are there, touched, and stay when the pool is trimmed") {
  TestFixedPool t({.object_bytes = 2048, .max = 4000, .initial = 1000});
  CHECK(t->open() == FixedFault::kNone);
  CHECK_EQ(t->cached(), 1000u);
  CHECK(t.os().totals().populated >= 1000 * 2048);
  const std::uint64_t commits = t.os().calls(FakeOs::Call::kCommit);
  FixedUser user(*t);
  std::vector<void*> objects(1000);
  CHECK(user.get_bulk(objects.data(), 1000));
  CHECK_EQ(t.os().calls(FakeOs::Call::kCommit), commits);
  std::vector<void*> more(2000);
  CHECK(user.get_bulk(more.data(), 2000));
  user.put_bulk(more.data(), 2000);
  user.put_bulk(objects.data(), 1000);
  user.cache().flush();
  CHECK(t->trim(0) != 0);
  CHECK_EQ(t->cached(), 1000u);
  CHECK_EQ(t->check(), PoolFault::kNone);
  user.leave();
  CHECK(t.ends_clean());
}

TEST(pools, "fixed: slabs begin at different offsets, unless they must not") {
  for (const bool has_colours : {true, false}) {
    TestFixedPool t({.object_bytes = 192, .has_colours = has_colours});
    CHECK(t->open() == FixedFault::kNone);
    FixedUser user(*t);
    std::vector<void*> objects(4000);
    CHECK(user.get_bulk(objects.data(), objects.size()));
    std::set<std::uintptr_t> starts;
    for (void* object : objects)
      starts.insert(address_of(t.world.space->slab_of(object)->start) % kSliceBytes);
    CHECK_EQ(starts.size() > 4, has_colours);
    user.put_bulk(objects.data(), objects.size());
    user.leave();
    CHECK(t.ends_clean());
  }
}

TEST(pools,
     "fixed: objects are constructed fresh from their slab, and destructed on the way back") {
  Counted counted;
  TestFixedPool t({.object_bytes = 500, .max = 300, .initial = 10, .hooks = counted.hooks()});
  CHECK(t->open() == FixedFault::kNone);
  CHECK_EQ(counted.alive, 10);
  FixedUser user(*t);
  std::vector<void*> objects;
  for (int i = 0; i < 200; ++i) {
    objects.push_back(user.get());
    CHECK_EQ(*static_cast<unsigned char*>(objects.back()), 0x5a);
    std::memset(objects.back(), i, 8);
  }
  // No more than were asked for, and `initial`.
  CHECK_EQ(counted.constructed, 200);
  // As it was put, not fresh.
  user.put(objects.back());
  CHECK(user.get() == objects.back());
  CHECK_EQ(*static_cast<unsigned char*>(objects.back()), 199);
  for (void* object : objects) user.put(object);
  CHECK_EQ(counted.constructed, 200);
  user.leave();
  t->trim(0);
  CHECK_EQ(counted.alive, 10);
  t->close();
  CHECK_EQ(counted.alive, 0);
  CHECK(t.ends_clean());
}

TEST(pools, "fixed: where a constructor says no, nothing is got and nothing is lost") {
  Counted counted;
  TestFixedPool t({.object_bytes = 64, .hooks = counted.hooks()});
  CHECK(t->open() == FixedFault::kNone);
  FixedUser user(*t);
  counted.most = 5;
  void* objects[8];
  CHECK(!user.get_bulk(objects, 8));
  CHECK(user.fault == FixedFault::kRefused);
  CHECK_EQ(counted.alive, 5);  // cached
  CHECK(user.get_bulk(objects, 5));
  CHECK(user.get() == nullptr && user.fault == FixedFault::kRefused);
  CHECK_EQ(t->check(), PoolFault::kNone);
  user.put_bulk(objects, 5);
  user.leave();
  t->close();
  CHECK_EQ(counted.alive, 0);
  CHECK(t.ends_clean());
  TestFixedPool none({.object_bytes = 64, .initial = 100, .hooks = counted.hooks()});
  CHECK(none->open() == FixedFault::kRefused);
  CHECK(none.ends_clean());
  CHECK_EQ(counted.alive, 0);
}

namespace {

/// Gets and puts of the pool that it is called by, in the midst of that.
struct Reentrant {
  FixedPool* pool = nullptr;
  FixedUser* user = nullptr;
  bool is_inside = false;
  int alive = 0;

  void use() {
    if (is_inside || user == nullptr) return;
    is_inside = true;
    void* objects[5];
    if (user->get_bulk(objects, 5)) {
      for (void* object : objects) user->put(object);
    }
    is_inside = false;
  }
  static int construct(void*, void* context) {
    auto* self = static_cast<Reentrant*>(context);
    ++self->alive;
    self->use();
    return 0;
  }
  static void destruct(void*, void* context) {
    auto* self = static_cast<Reentrant*>(context);
    --self->alive;
    self->use();
  }
};

}  // namespace

TEST(pools, "fixed: constructors and destructors may use the pool") {
  Reentrant reentrant;
  TestFixedPool t({.object_bytes = 64,
                   .cached = 8,
                   .hooks = {Reentrant::construct, Reentrant::destruct, &reentrant}});
  CHECK(t->open() == FixedFault::kNone);
  {
    FixedUser user(*t);
    reentrant.user = &user;
    std::vector<void*> held;
    Random random(3);
    for (int i = 0; i < 20'000; ++i) {
      if (held.empty() || random.below(100) < 52) {
        held.push_back(user.get());
        CHECK(held.back() != nullptr);
      } else {
        std::swap(held[random.below(held.size())], held.back());
        user.put(held.back());
        held.pop_back();
      }
    }
    CHECK_EQ(std::set<void*>(held.begin(), held.end()).size(), held.size());
    CHECK_EQ(t->in_use(), held.size());
    for (void* object : held) user.put(object);
    user.cache().flush();
    t->trim(0);
    CHECK_EQ(t->check(), PoolFault::kNone);
    reentrant.user = nullptr;
    user.leave();
  }
  t->close();
  CHECK_EQ(reentrant.alive, 0);
  CHECK(t.ends_clean());
}

TEST(pools, "fixed: a checked pool finds every double put and every foreign one") {
  Counted counted;
  TestFixedPool t({.object_bytes = 64, .is_checked = true, .hooks = counted.hooks()});
  CHECK(t->open() == FixedFault::kNone);
  TestFixedPool other({.object_bytes = 64});
  CHECK(other->open() == FixedFault::kNone);
  void* objects[3];
  CHECK(t->take(objects, 3) == FixedFault::kNone);
  void* foreign;
  CHECK(other->take(&foreign, 1) == FixedFault::kNone);
  int local;
  CHECK(t->give_checked(objects[1]) == FixedFault::kNone);
  CHECK(t->give_checked(objects[1]) == FixedFault::kAlreadyFree);
  CHECK(t->give_checked(foreign) == FixedFault::kForeign);
  CHECK(t->give_checked(static_cast<std::byte*>(objects[0]) + 16) == FixedFault::kForeign);
  CHECK(t->give_checked(&local) == FixedFault::kForeign);
  CHECK(t->give_checked(nullptr) == FixedFault::kForeign);
  // Never got: behind what was carved.
  CHECK(t->give_checked(static_cast<std::byte*>(objects[0]) + 64 * 500) ==
        FixedFault::kAlreadyFree);
  CHECK_EQ(t->in_use(), 2u);
  CHECK_EQ(counted.alive, 2);
  CHECK_EQ(t->double_puts(), 2u);
  CHECK_EQ(t->foreign_puts(), 4u);
  CHECK(t->give_checked(objects[0]) == FixedFault::kNone);
  CHECK(t->give_checked(objects[2]) == FixedFault::kNone);
  other->give(&foreign, 1);
  CHECK(t.ends_clean());
  CHECK(other.ends_clean());
}

TEST(pools,
     "fixed: a foreign put is left out where a magazine gives away, a double one in the slab") {
  TestFixedPool t({.object_bytes = 64, .cached = 8});
  CHECK(t->open() == FixedFault::kNone);
  TestFixedPool other({.object_bytes = 64});
  CHECK(other->open() == FixedFault::kNone);
  void* foreign;
  CHECK(other->take(&foreign, 1) == FixedFault::kNone);
  FixedUser user(*t);
  void* objects[3];
  CHECK(user.get_bulk(objects, 3));
  user.put(objects[0]);
  user.put(foreign);
  user.put(objects[1]);
  CHECK_EQ(t->check(), PoolFault::kMagazine);
  user.cache().flush();
  CHECK_EQ(t->foreign_puts(), 1u);
  CHECK_EQ(t->check(), PoolFault::kNone);
  CHECK_EQ(t->in_use(), 1u);
  t->trim(0);
  user.put(objects[2]);
  user.put(objects[2]);
  user.cache().flush();
  t->trim(0);
  CHECK_EQ(t->double_puts(), 1u);
  CHECK(t->reaches(objects[0]) || t->cached() == 0);
  CHECK(!t->reaches(foreign) && !t->reaches(&t) && !t->reaches(nullptr));
  user.leave();
  other->give(&foreign, 1);
  CHECK(t.ends_clean());
  CHECK(other.ends_clean());
}

TEST(pools, "fixed: a closed pool gives nothing, takes back what is out, and ends with that") {
  Counted counted;
  TestFixedPool t({.object_bytes = 64, .initial = 20, .hooks = counted.hooks()});
  CHECK(t->open() == FixedFault::kNone);
  FixedUser user(*t);
  void* objects[30];
  CHECK(user.get_bulk(objects, 30));
  user.put(objects[29]);
  t->close();
  CHECK(t->is_closed() && figures_of(*t).closed);
  CHECK_EQ(counted.alive, 29);
  CHECK_EQ(t->cached(), 0u);
  CHECK(user.magazine.pop() == nullptr && !user.magazine.push(objects[0]));
  void* more;
  CHECK(t->take(&more, 1) == FixedFault::kClosed);
  CHECK(t->give_checked(objects[0]) == FixedFault::kNone);
  CHECK(t->give_checked(objects[0]) == FixedFault::kAlreadyFree);
  CHECK(!t->is_empty());
  t->give(objects + 1, 28);
  CHECK(t->is_empty());
  CHECK_EQ(counted.alive, 0);
  CHECK(t.ends_clean());
}

TEST(pools, "fixed: what the depot did not need for a while goes back, and memory in time") {
  TestFixedPool t({.object_bytes = 2048, .initial = 100});
  CHECK(t->open() == FixedFault::kNone);
  FixedUser user(*t);
  std::vector<void*> objects(1100);
  CHECK(user.get_bulk(objects.data(), objects.size()));
  user.put_bulk(objects.data(), objects.size());
  user.cache().flush();
  CHECK_EQ(t->cached(), 1100u);
  t->tick(true);  // the least since then was nothing
  t->tick(true);
  CHECK_EQ(t->cached(), 100u);
  const ByteCount before = t->heap().committed_bytes();
  for (int i = 0; i < 4; ++i) {
    t.clock.advance(100'000 * kMillisecond);
    t->tick(true);
  }
  CHECK(t->heap().committed_bytes() < before);
  CHECK_EQ(t->cached(), 100u);
  user.leave();
  CHECK(t.ends_clean());
}

TEST(pools, "fixed: figures are the heap's") {
  TestFixedPool t({.object_bytes = 100, .max = 1000}, plain_policy(), "packets");
  CHECK(t->open() == FixedFault::kNone);
  const Pool& pool = *t;
  FixedUser user(*t);
  void* objects[10];
  CHECK(user.get_bulk(objects, 10));
  user.put(objects[9]);
  const PoolFigures figures = figures_of(pool);
  CHECK(figures.name == std::string_view("packets"));
  const ClassStats& of = figures.classes[to_index(t->block_class())];
  CHECK_EQ(of.in_use_blocks, 9u);
  CHECK_EQ(of.cached_blocks, 1u);
  CHECK_EQ(figures.heap.charged_bytes, 10 * t->block_bytes());
  CHECK_EQ(figures.heap.max_bytes, 1000 * t->block_bytes());
  user.put_bulk(objects, 9);
  user.leave();
  CHECK(t.ends_clean());
}

TEST(pools, "fixed: check sees a magazine that is too deep, or has an object twice") {
  TestFixedPool t({.object_bytes = 100});
  CHECK(t->open() == FixedFault::kNone);
  FixedUser user(*t);
  void* objects[4];
  CHECK(user.get_bulk(objects, 4));
  user.put_bulk(objects, 4);
  CHECK_EQ(t->check(), PoolFault::kNone);
  const std::size_t count = user.magazine.depth();
  user.magazine.set_depth(FixedCache::kMaxObjects + 1);
  CHECK_EQ(t->check(), PoolFault::kDepth);
  user.magazine.set_depth(count);
  void* const first = user.magazine.bottom[0];
  user.magazine.bottom[0] = user.magazine.bottom[1];
  CHECK_EQ(t->check(), PoolFault::kMagazine);
  user.magazine.bottom[0] = first;
  CHECK_EQ(t->check(), PoolFault::kNone);
  user.leave();
  CHECK(t.ends_clean());
}

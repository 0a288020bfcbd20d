// A heap in the child of a fork, whose other thread stood anywhere.
//
// A thread works with the heap; a signal stops it wherever it happens to be, and there the test
// forks. test/shim/fork_anywhere.cc does the same with malloc, one instruction after the other, and
// takes long. These look into the heap.

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "check.h"
#include "heap_fixture.h"
#include "stopped_thread.h"

using namespace superslab;
using namespace superslab_test;

namespace {

constexpr ByteCount kSizes[] = {16,        100,        600,      3000,     20'000,
                                40 * kKiB, 300 * kKiB, 2 * kMiB, 3 * kMiB, 5 * kMiB};
constexpr std::size_t kHeld = 40;

struct Held {
  void* block;
  ByteCount bytes;
  std::uint64_t seed;
};

/// A block with a pattern at its beginning, or none.
bool is_whole(const Held& held) {
  return held.block == nullptr ||
         is_intact(held.block, std::min<ByteCount>(held.bytes, 512), held.seed);
}

Held take(ThreadCache& cache, ByteCount bytes, std::uint64_t seed) {
  void* block = cache.allocate(bytes);
  if (block != nullptr) fill(block, std::min<ByteCount>(bytes, 512), seed);
  return {block, bytes, seed};
}

/// The thread that vanishes.
struct Worker {
  explicit Worker(Heap& its_heap) : heap(its_heap) {}

  Heap& heap;
  ThreadCache* cache = nullptr;
  Held held[kHeld] = {};
  /// Blocks of the other thread, which it may free.
  std::atomic<void*> presents[16] = {};
  std::atomic<bool> ready{false};
  std::atomic<bool> stop{false};

  void work() {
    cache = ThreadCache::attach(heap);
    Random random(7);
    ready = true;
    for (std::uint64_t turn = 0; !stop.load(std::memory_order_relaxed); ++turn) {
      Held& place = held[random.below(kHeld)];
      if (void* block = std::exchange(place.block, nullptr); block != nullptr) {
        cache->free(block);
      } else {
        const Held taken = take(*cache, kSizes[random.below(std::size(kSizes))], turn);
        place.bytes = taken.bytes;
        place.seed = taken.seed;
        std::atomic_signal_fence(std::memory_order_seq_cst);
        place.block = taken.block;
      }
      if (void* block = presents[turn % 16].exchange(nullptr); block != nullptr) cache->free(block);
      switch (random.below(40)) {
        case 0:
          cache->flush();
          break;
        case 1:
          heap.trim(0);
          break;
        case 2:
          heap.purger().give_back_unused(~Nanos{0});
          break;
        case 3:
          cache->retire_idle();
          break;
        case 4: {
          ThreadCache* const before = std::exchange(cache, nullptr);
          for (Held& one : held)
            if (void* block = std::exchange(one.block, nullptr); block != nullptr)
              before->free(block);
          before->detach();
          cache = ThreadCache::attach(heap);
          break;
        }
      }
    }
    for (Held& one : held)
      if (one.block != nullptr) cache->free(one.block);
    cache->detach();
  }
};

enum Verdict {
  kGood,
  kMineLost,    // a block of this thread's does not hold what was written to it
  kTheirsLost,  // one of the vanished thread's
  kOverlap,     // a block that was taken in the child is somebody else's as well
  kNoMemory,
  kInside,      // this thread is said to be in the middle of something
  kNotOne,      // other threads are still attached
  kMuchIsLost,  // more than an operation can have had in hand
  kMiscounted,  // what is idle, or committed, is not what there is
};

/// What the child does before anything else: ProcessHeap::after_fork_in_child(). False when this
/// thread itself is in the middle of something.
bool survive(Heap& heap, Space& space, ThreadCache* mine) {
  space.survive_fork();
  const bool is_suspect = SlabOwner::survive_last_frees() == Holder::kVanished;
  if (heap.survive_fork(&mine->owner(), is_suspect)) return false;
  ThreadCache::detach_others(heap, mine);
  return true;
}

Verdict look(Heap& heap, Space& space, ThreadCache& mine, Held* own, std::size_t count,
             Worker& worker) {
  if (!survive(heap, space, &mine)) return kInside;
  if (heap.stats().threads != 1) return kNotOne;
  const auto are_whole = [&] {
    for (std::size_t i = 0; i < count; ++i)
      if (!is_whole(own[i])) return kMineLost;
    for (const Held& held : worker.held)
      if (!is_whole(held)) return kTheirsLost;
    return kGood;
  };
  if (const Verdict verdict = are_whole(); verdict != kGood) return verdict;
  // Work of all kinds, on what the other thread left.
  Held taken[60];
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < std::size(taken); ++i) {
      taken[i] = take(mine, kSizes[i % std::size(kSizes)], 1'000 + i);
      if (taken[i].block == nullptr) return kNoMemory;
    }
    for (const Held& one : taken)
      if (!is_whole(one)) return kOverlap;
    if (are_whole() != kGood) return kOverlap;
    for (const Held& one : taken) mine.free(one.block);
  }
  for (Held& held : worker.held)
    if (held.block != nullptr) mine.free(held.block);
  for (auto& present : worker.presents)
    if (present.load() != nullptr) mine.free(present.load());
  for (std::size_t i = 0; i < count; ++i) mine.free(own[i].block);
  mine.flush();
  heap.trim(0);
  space.purge_idle(~Nanos{0});
  if (space.idle_bytes() != 0) return kMiscounted;
  // Superslabs and slabs that are not empty hold what was lost: what one operation had in hand, of
  // which the largest is a batch of purges.
  if (heap.committed_bytes() > 40 * kMiB) return kMuchIsLost;
  if (heap.idle_bytes() > heap.committed_bytes() + kSuperslabBytes) return kMiscounted;
  return kGood;
}

/// Holds one thread up in a call to the operating system.
class HoldingOs final : public OsProxy {
 public:
  using OsProxy::OsProxy;
  enum class In : std::uint8_t { kCommit, kPopulate, kPurge };

  /// The calling thread, from its next call of that kind on.
  void hold_me(In where) {
    where_ = where;
    held_ = this_thread();
  }
  bool is_holding() const { return is_holding_.load(); }
  void let_go() { goes_on_ = true; }

  OsStatus commit(void* address, ByteCount bytes, HugePages pages) override {
    stop(In::kCommit);
    return OsProxy::commit(address, bytes, pages);
  }
  OsStatus populate(void* address, ByteCount bytes) override {
    stop(In::kPopulate);
    return OsProxy::populate(address, bytes);
  }
  OsStatus purge(const OsRange* ranges, std::size_t count) override {
    stop(In::kPurge);
    return OsProxy::purge(ranges, count);
  }

 private:
  void stop(In where) {
    if (held_ != this_thread() || where != where_) return;
    is_holding_ = true;
    while (!goes_on_.load()) sched_yield();
    held_ = 0;
  }

  In where_{};
  std::uintptr_t held_ = 0;
  std::atomic<bool> is_holding_{false};
  std::atomic<bool> goes_on_{false};
};

constexpr std::size_t kEach = 7;

/// Of the other thread: slabs in every slice of a superslab.
void* filling[2 * kSuperslabBytes / 512];

/// The child has everything of both threads, but for what the other one had in hand, and gives it
/// back: then no more than `lost` is left.
Verdict look_for_all(Heap& heap, Space& space, ThreadCache& mine,
                     Held (&blocks)[2][kFixedClasses * kEach], ByteCount lost) {
  alarm(60);
  if (!survive(heap, space, &mine)) return kInside;
  if (heap.stats().threads != 1) return kNotOne;
  for (const auto& of_one : blocks)
    for (const Held& held : of_one)
      if (!is_whole(held)) return kTheirsLost;
  // What is free in the other one's slabs serves: the heap need not grow for it.
  const std::uint64_t superslabs = heap.stats().superslabs_taken;
  for (std::size_t c = 0; c < kFixedClasses; ++c) {
    void* block = mine.allocate(class_bytes(c));
    if (block == nullptr) return kNoMemory;
    std::memset(block, 0x77, std::min<ByteCount>(class_bytes(c), 512));
    mine.free(block);
  }
  if (heap.stats().superslabs_taken > superslabs + 2) return kMuchIsLost;
  for (const auto& of_one : blocks)
    for (const Held& held : of_one)
      if (!is_whole(held)) return kOverlap;
  for (auto& of_one : blocks)
    for (Held& held : of_one)
      if (held.block != nullptr) mine.free(held.block);
  for (void* block : filling) mine.free(block);
  mine.flush();
  heap.trim(0);
  space.purge_idle(~Nanos{0});
  if (heap.committed_bytes() > lost) return kMuchIsLost;
  if (heap.idle_bytes() > heap.committed_bytes() || space.idle_bytes() != 0) return kMiscounted;
  return kGood;
}

/// Forks while the other thread is held up in a call that `act` makes.
void fork_in(HoldingOs::In where, Populate populate, ByteCount lost,
             void (*act)(Heap&, ThreadCache&)) {
  Policy policy = plain_policy();
  policy.populate = populate;
  policy.purge_delay_ms = Millis{0};
  policy.cache_blocks = 4;
  HoldingOs os(system_os());
  auto space = std::make_unique<Space>();
  CHECK(space->open(os, 2));
  SystemClock clock;
  auto heap = std::make_unique<Heap>(
      *space, clock, policy,
      HeapShape{.access = Access::kPointers, .is_always_charged = false, .purges_tables = true});
  heap->account().set_excess_hook([] {});
  ThreadCache* mine = ThreadCache::attach(*heap);
  // Of each class some are out and some free, of both threads; each frees some of the other's.
  static Held blocks[2][kFixedClasses * kEach];
  const auto take_all = [](ThreadCache& cache, Held* held) {
    for (std::size_t i = 0; i < kFixedClasses * kEach; ++i)
      held[i] = take(cache, class_bytes(i / kEach), i);
  };
  const auto free_some = [](ThreadCache& cache, Held* held, std::size_t which) {
    for (std::size_t i = which; i < kFixedClasses * kEach; i += 3)
      if (void* block = std::exchange(held[i].block, nullptr); block != nullptr) cache.free(block);
  };
  take_all(*mine, blocks[0]);
  std::atomic<int> step{0};
  std::thread thread([&] {
    ThreadCache* cache = ThreadCache::attach(*heap);
    take_all(*cache, blocks[1]);
    for (void*& block : filling) block = cache->allocate(512);
    free_some(*cache, blocks[1], 0);
    free_some(*cache, blocks[0], 1);
    cache->flush();
    step = 1;
    while (step.load() == 1) sched_yield();
    os.hold_me(where);
    act(*heap, *cache);
    cache->detach();
  });
  while (step.load() != 1) sched_yield();
  free_some(*mine, blocks[1], 1);
  mine->flush();
  step = 2;
  while (!os.is_holding()) sched_yield();
  const pid_t child = fork();
  if (child == 0) _exit(look_for_all(*heap, *space, *mine, blocks, lost));
  os.let_go();
  thread.join();
  int status = 0;
  CHECK(child > 0 && waitpid(child, &status, 0) == child);
  for (auto& of_one : blocks)
    for (Held& held : of_one)
      if (void* block = std::exchange(held.block, nullptr); block != nullptr) mine->free(block);
  for (void* block : filling) mine->free(block);
  mine->detach();
  heap.reset();
  space->close();
  CHECK_EQ(WIFSIGNALED(status) ? 256 + WTERMSIG(status) : WEXITSTATUS(status), kGood);
}

}  // namespace

TEST(heap, "after a fork in the midst of a commit, under the heap's lock, nothing is lost") {
#if defined(__SANITIZE_THREAD__)
  SKIP("ThreadSanitizer does not follow a fork among threads");
#endif
  fork_in(HoldingOs::In::kCommit, Populate::kOff, 0,
          [](Heap&, ThreadCache& cache) { cache.free(cache.allocate(40 * kMiB)); });
}

TEST(heap, "after a fork in the midst of a refill, under the owner's lock, its blocks are lost") {
#if defined(__SANITIZE_THREAD__)
  SKIP("ThreadSanitizer does not follow a fork among threads");
#endif
  // The refill goes from one slab on to the next.
  const ByteCount slabs = ByteCount{2} * size_class(class_for(7 * kKiB)).slices * kSliceBytes;
  fork_in(HoldingOs::In::kPopulate, Populate::kDemand, slabs, [](Heap&, ThreadCache& cache) {
    void* blocks[40];
    for (void*& block : blocks) block = cache.allocate(7 * kKiB);
    for (void* block : blocks) cache.free(block);
  });
}

TEST(heap, "after a fork in the midst of a refill what the owner had at hand is at hand still") {
#if defined(__SANITIZE_THREAD__)
  SKIP("ThreadSanitizer does not follow a fork among threads");
#endif
  constexpr ClassIndex kClass = class_for(100 * kKiB);
  Policy policy = plain_policy();
  policy.populate = Populate::kDemand;
  HoldingOs os(system_os());
  Space space;
  CHECK(space.open(os, 2));
  SystemClock clock;
  auto heap = std::make_unique<Heap>(space, clock, policy, HeapShape{.access = Access::kPointers});
  ThreadCache* mine = ThreadCache::attach(*heap);
  std::uint32_t at_hand = 0;
  SlabOwner* theirs = nullptr;
  std::thread thread([&] {
    ThreadCache* cache = ThreadCache::attach(*heap);
    theirs = &cache->owner();
    give_blocks(*cache, take_blocks(*cache, 12, 100 * kKiB));
    at_hand = theirs->spare_blocks(kClass);
    os.hold_me(HoldingOs::In::kPopulate);
    cache->free(cache->allocate(100));
    cache->detach();
  });
  while (!os.is_holding()) sched_yield();
  const pid_t child = fork();
  if (child == 0) {
    alarm(30);
    space.survive_fork();
    if (heap->survive_fork(&mine->owner(), false)) _exit(kInside);
    _exit(theirs->spare_blocks(kClass) == at_hand ? kGood : kMuchIsLost);
  }
  os.let_go();
  thread.join();
  int status = 0;
  CHECK(child > 0 && waitpid(child, &status, 0) == child);
  mine->detach();
  heap.reset();
  space.close();
  CHECK(at_hand >= 2);
  CHECK_EQ(WIFSIGNALED(status) ? 256 + WTERMSIG(status) : WEXITSTATUS(status), kGood);
}

TEST(heap, "after a fork in the midst of a purge what was being purged is lost") {
#if defined(__SANITIZE_THREAD__)
  SKIP("ThreadSanitizer does not follow a fork among threads");
#endif
  fork_in(HoldingOs::In::kPurge, Populate::kOff, 32 * kMiB,
          [](Heap& heap, ThreadCache&) { heap.trim(0); });
}

TEST(heap, "after a fork the child goes on, wherever the other thread was") {
#if defined(__SANITIZE_THREAD__)
  SKIP("ThreadSanitizer does not follow a fork among threads");
#endif
  Policy policy = plain_policy();
  policy.purge_delay_ms = Millis{0};
  policy.cache_blocks = 8;
  auto space = std::make_unique<Space>();
  CHECK(space->open(system_os(), 2));
  SystemClock clock;
  auto heap = std::make_unique<Heap>(
      *space, clock, policy,
      HeapShape{.access = Access::kPointers, .is_always_charged = false, .purges_tables = true});
  // Then it counts what is idle. Nothing comes of it here.
  heap->account().set_excess_hook([] {});
  ThreadCache* mine = ThreadCache::attach(*heap);
  Held own[60];
  for (std::size_t i = 0; i < std::size(own); ++i)
    own[i] = take(*mine, kSizes[i % std::size(kSizes)], 500 + i);

  const auto worker = std::make_unique<Worker>(*heap);
  std::thread thread([&] { worker->work(); });
  while (!worker->ready.load()) std::this_thread::yield();
  Random random(3);
  StoppedThread stopped;
  int verdict = kGood;
  int forks = 0;
  for (; forks < kForks && verdict == kGood; ++forks) {
    for (auto& present : worker->presents) {
      if (present.load() == nullptr)
        present = mine->allocate(kSizes[random.below(std::size(kSizes))]);
    }
    verdict = stopped.fork_beside(thread, random.below(100'000), [&] {
      return look(*heap, *space, *mine, own, std::size(own), *worker);
    });
  }
  worker->stop = true;
  thread.join();
  const Context context("fork " + std::to_string(forks));
  CHECK_EQ(verdict, kGood);
  for (auto& present : worker->presents)
    if (present.load() != nullptr) mine->free(present.load());
  for (const Held& one : own) {
    CHECK(is_whole(one));
    mine->free(one.block);
  }
  mine->detach();
  heap.reset();
  space->close();
}

TEST(heap, "the child of a fork goes by one policy, wherever the thread stood that published") {
#if defined(__SANITIZE_THREAD__)
  SKIP("ThreadSanitizer does not follow a fork among threads");
#endif
  TestHeap t;
  std::atomic<bool> stop{false};
  std::atomic<bool> is_ready{false};
  std::thread thread([&] {
    Policy policy = plain_policy();
    for (std::uint32_t n = 1; !stop.load(); ++n) {
      policy.max_bytes = (n % 8 + 1) * kMiB;
      policy.cache_blocks = n % 8 + 1;
      if (!t->publish(policy)) break;
      is_ready = true;
    }
  });
  while (!is_ready.load()) sched_yield();
  StoppedThread stopped;
  int wrong = 0;
  for (int i = 0; i < kForks * 4; ++i) {
    wrong += 0 != stopped.fork_beside(thread, static_cast<std::uint64_t>(i) * 97, [&] {
      t.space().survive_fork();
      if (t->survive_fork(nullptr, false)) return 1;
      if (t->budget().max_bytes() != t->policy()->max_bytes) return 2;
      Policy policy = plain_policy();
      policy.max_bytes = 9 * kMiB;
      return t->publish(policy) && t->budget().max_bytes() == 9 * kMiB ? 0 : 3;
    });
  }
  stop = true;
  thread.join();
  CHECK_EQ(wrong, 0);
  CHECK(t.ends_clean());
}

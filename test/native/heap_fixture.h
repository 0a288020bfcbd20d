// A heap on a fake operating system and a clock that the test moves.
#pragma once

#include <cstring>
#include <memory>
#include <vector>

#include "heap/heap.h"
#include "heap/thread_cache.h"
#include "pools/buffer/buffer_thread_cache.h"
#include "space_fixture.h"

namespace superslab_test {

/// Plain pages and no population, so that what is committed follows from the requests alone.
inline superslab::Policy plain_policy() {
  superslab::Policy policy;
  policy.huge_pages = superslab::HugePages::kOff;
  policy.populate = superslab::Populate::kOff;
  return policy;
}

/// In one region, as thread caches need it.
inline constexpr std::uint32_t kTestArenas = 4;

template <class Kind>
struct TestHeapOf {
  TestSpace world{kTestArenas};
  superslab::ManualClock clock;
  std::unique_ptr<Kind> heap;

  explicit TestHeapOf(const superslab::Policy& policy = plain_policy())
      : heap(make(*world.space, clock, policy)) {}
  /// A test that failed half-way leaves blocks out, and some do on purpose: the heap is then left
  /// as it is. A sanitizer finds it by this list.
  ~TestHeapOf() {
    if (heap == nullptr || heap->budget().charged() == 0) return;
    static auto* left = new std::vector<const void*>;
    left->push_back(heap.release());
    left->push_back(world.space.release());
    world.open = false;
  }
  TestHeapOf(const TestHeapOf&) = delete;
  TestHeapOf& operator=(const TestHeapOf&) = delete;
  Kind* operator->() const { return heap.get(); }
  superslab::Space& space() const { return *world.space; }
  superslab::FakeOs& os() { return world.os; }

  superslab::ThreadCache* attach() { return superslab::ThreadCache::attach(*heap); }

  static std::unique_ptr<Kind> make(superslab::Space& space, const superslab::Clock& clock,
                                    const superslab::Policy& policy) {
    if constexpr (std::is_same_v<Kind, superslab::Heap>) {
      return std::make_unique<Kind>(space, clock, policy,
                                    superslab::HeapShape{
                                        .secrecy = secrecy_of(policy),
                                        .has_guard_pages = has_guard_pages(policy),
                                    });
    } else {
      return std::make_unique<Kind>(space, clock, policy);
    }
  }

  void pass(std::uint64_t ms) { clock.advance(ms * superslab::kMillisecond); }

  /// Ends the heap and the space; whether everything came home.
  bool ends_clean() {
    if (heap->budget().charged() != 0 || !heap->is_abandoned()) return false;
    heap.reset();
    world.close();
    return world.is_balanced();
  }
};

/// For caches of malloc's kind.
using TestHeap = TestHeapOf<superslab::Heap>;
/// For JavaScript's: see Script.
using TestPool = TestHeapOf<superslab::BufferPool>;

inline std::vector<void*> take_blocks(superslab::ThreadCache& cache, std::size_t count,
                                      superslab::ByteCount bytes) {
  std::vector<void*> blocks;
  for (std::size_t i = 0; i < count; ++i) blocks.push_back(cache.allocate(bytes));
  return blocks;
}

inline void give_blocks(superslab::ThreadCache& cache, const std::vector<void*>& blocks) {
  for (void* block : blocks) cache.free(block);
}

/// The words of a block that tests look at: all of a small one, a sample of a larger one.
template <class Visit>
void for_each_word(void* block, superslab::ByteCount bytes, Visit visit) {
  auto* words = static_cast<std::uint64_t*>(block);
  const superslab::ByteCount count = bytes / sizeof *words;
  const superslab::ByteCount step = count <= 64 ? 1 : count / 64;
  for (superslab::ByteCount i = 0; i < count; i += step) visit(words[i], i);
  if (count != 0) visit(words[count - 1], count - 1);
}

inline void fill(void* block, superslab::ByteCount bytes, std::uint64_t seed) {
  for_each_word(block, bytes,
                [&](std::uint64_t& word, std::uint64_t i) { word = seed ^ i * 0x9e37; });
}

inline void fill(void* block, superslab::ByteCount bytes, superslab::BlockNumber seed) {
  fill(block, bytes, to_word(seed));
}

/// Whether nobody wrote to the block since fill().
inline bool is_intact(void* block, superslab::ByteCount bytes, std::uint64_t seed) {
  bool intact = true;
  for_each_word(block, bytes, [&](std::uint64_t& word, std::uint64_t i) {
    intact &= word == (seed ^ i * 0x9e37);
  });
  return intact;
}

inline bool is_intact(void* block, superslab::ByteCount bytes, superslab::BlockNumber seed) {
  return is_intact(block, bytes, to_word(seed));
}

inline bool is_zero(const void* p, superslab::ByteCount bytes) {
  const auto* at = static_cast<const char*>(p);
  return bytes == 0 || (at[0] == 0 && std::memcmp(at, at + 1, bytes - 1) == 0);
}

/// xorshift64*: the same on every machine.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 2 + 1) {}
  std::uint64_t below(std::uint64_t limit) {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return (state_ * 0x2545f4914f6cdd1dULL >> 16) % limit;
  }
  /// Sizes of every order of magnitude alike.
  superslab::ByteCount size(superslab::ByteCount max) {
    const superslab::ByteCount scale = max >> below(static_cast<unsigned>(std::bit_width(max)));
    return below(scale) + 1;
  }

 private:
  std::uint64_t state_;
};

/// What the JavaScript of one environment does with its magazines (lib/pool/pool-core.ts).
class Script {
 public:
  explicit Script(superslab::BufferPool& pool, superslab::NodeOrdinal node = 0)
      : pool_(pool), cache_(superslab::BufferThreadCache::attach(pool, wake, this, node)) {}
  ~Script() {
    if (cache_ != nullptr) cache_->detach();
  }
  Script(const Script&) = delete;
  Script& operator=(const Script&) = delete;

  superslab::BufferThreadCache& cache() { return *cache_; }
  void detach() {
    cache_->detach();
    cache_ = nullptr;
  }

  /// kNoBlock when there is no room or no memory.
  superslab::BlockNumber acquire(superslab::ByteCount bytes) {
    using namespace superslab;
    if (bytes > kMaxClassBytes) {
      const BlockNumber kept = take_kept(bytes);
      return kept == kNoBlock ? cache_->take_huge(bytes) : kept;
    }
    const ClassIndex c = lease_class_for(bytes);
    LeaseMagazines& m = cache_->magazines();
    const SliceTag tag = tag_of(c);
    if (depth(tag).load() == 0) {
      if (cache_->refill(c) == 0) return kNoBlock;
      publish();
    }
    const std::atomic_ref<std::uint32_t> acquired(m.acquired[tag]);  // statistics read it
    acquired.store(acquired.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    const std::uint32_t top = depth(tag).load() - 1;
    depth(tag).store(top);
    return m.blocks[tag * kMagazineBlocks + top];
  }

  /// Puts what a refill staged into its magazine.
  void publish() {
    using namespace superslab;
    LeaseMagazines& m = cache_->magazines();
    for (std::uint32_t i = 0; i < m.staged; ++i)
      m.blocks[m.staged_tag * kMagazineBlocks + i] = m.staged_blocks[i];
    depth(static_cast<SliceTag>(m.staged_tag)).store(m.staged);
    std::atomic_ref(m.staged).store(0);
  }

  void release(superslab::BlockNumber n) {
    using namespace superslab;
    LeaseMagazines& m = cache_->magazines();
    const bool is_huge = superslab::is_huge(pool_.space(), n);
    const SliceTag tag = is_huge ? LeaseMagazines::kHuge : pool_.space().tag_at(bytes_of(n));
    if (depth(tag).load() >= limit(tag)) {
      if (is_huge) {
        if (limit(tag) != 0) cache_->spill_huge();
      } else {
        cache_->spill(class_of_tag(tag));
      }
      if (depth(tag).load() >= limit(tag)) {
        cache_->give(n);
        return;
      }
    }
    const std::uint32_t top = depth(tag).load();
    m.blocks[tag * kMagazineBlocks + top] = n;
    depth(tag).store(top + 1);
  }

  std::byte* bytes_of(superslab::BlockNumber n) const {
    return superslab::address_of_number(pool_.space(), n);
  }
  superslab::ByteCount capacity(superslab::BlockNumber n) const {
    return superslab::capacity_of(pool_.space(), n);
  }
  std::uint32_t limit(superslab::SliceTag tag) {
    return std::atomic_ref(cache_->magazines().limit[tag]).load();
  }
  std::atomic_ref<std::uint32_t> depth(superslab::SliceTag tag) {
    return std::atomic_ref(cache_->magazines().depth[tag]);
  }
  /// Calls of the signal function so far.
  unsigned woken() const { return woken_.load(); }

 private:
  /// A block beyond 2 MiB out of its magazine, as lib/pool/huge-magazine.ts does it.
  superslab::BlockNumber take_kept(superslab::ByteCount bytes) {
    using namespace superslab;
    LeaseMagazines& m = cache_->magazines();
    constexpr SliceTag kTag = LeaseMagazines::kHuge;
    BlockNumber* const row = m.blocks + kTag * kMagazineBlocks;
    const ByteCount wanted = pool_.huge().capacity(bytes);
    for (std::uint32_t i = depth(kTag).load(); i-- > 0;) {
      const BlockNumber n = row[i];
      const ByteCount charged = pool_.space().superslab(superslab_of(n)).charged_bytes;
      if (charged < wanted || charged > wanted + wanted * m.huge_waste / 100) continue;
      const std::uint32_t top = depth(kTag).load() - 1;
      row[i] = row[top];
      depth(kTag).store(top);
      ++m.acquired[kTag];
      return n;
    }
    return kNoBlock;
  }

  static void wake(void* self) { static_cast<Script*>(self)->woken_.fetch_add(1); }

  superslab::BufferPool& pool_;
  std::atomic<unsigned> woken_{0};
  superslab::BufferThreadCache* cache_;
};

}  // namespace superslab_test

// Slabs that change hands while other threads free into them: owners, their queues and the heap as
// they are, in every order of their steps. interleaving.h says how; steps are the operations on one
// slab and on its owners' queues, and the taking of the heap's lock.

#include "interleaving.h"

#ifdef SUPERSLAB_HAS_INTERLEAVING

#include "interleaving_begin.h"

#include "base/biased_lock.cc"
#include "heap/cache_registry.cc"
#include "heap/expansion.cc"
#include "heap/heap.cc"
#include "heap/heap_statistics.cc"
#include "heap/huge_blocks.cc"
#include "heap/memory_account.cc"
#include "heap/purger.cc"
#include "heap/room.cc"
#include "heap/slab_owner.cc"
#include "heap/slab_owner_runs.cc"
#include "heap/slab_owners.cc"
#include "heap/slab_source.cc"
#include "heap/span_source.cc"
#include "heap/unused_slabs.cc"
#include "space/address_range.cc"
#include "space/arena.cc"
#include "space/idle.cc"
#include "space/metadata.cc"
#include "space/space.cc"
#include "space/take.cc"

#include "interleaving_end.h"

using namespace superslab_stepped;
using stepped::Exploration;
using Body = Exploration::Body;

namespace {

/// Just enough of one.
class PlainOs final : public Os {
 public:
  ByteCount page_bytes() const override { return 4 * kKiB; }
  void* reserve(ByteCount bytes, ByteCount alignment) override {
    void* p = mmap(nullptr, bytes + alignment, PROT_NONE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) return nullptr;
    auto* start = reinterpret_cast<std::byte*>(align_up(address_of(p), alignment));
    const ByteCount head = address_of(start) - address_of(p);
    if (head != 0) munmap(p, head);
    munmap(start + bytes, alignment - head);
    return start;
  }
  OsStatus reserve_at(void* address, ByteCount bytes) override {
    void* p = mmap(address, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == address) return OsStatus::kOk;
    if (p == MAP_FAILED) return OsStatus::kNoMemory;
    munmap(p, bytes);
    return OsStatus::kTaken;
  }
  void unreserve(void* address, ByteCount bytes) override { munmap(address, bytes); }
  OsStatus commit(void* address, ByteCount bytes, HugePages) override {
    return mprotect(address, bytes, PROT_READ | PROT_WRITE) == 0 ? OsStatus::kOk
                                                                 : OsStatus::kNoMemory;
  }
  OsStatus purge(const OsRange*, std::size_t) override { return OsStatus::kUnsupported; }
  OsStatus populate(void*, ByteCount) override { return OsStatus::kUnsupported; }
  OsStatus place(void*, ByteCount, NodePlacement) override { return OsStatus::kOk; }
  Secrecy protect(void*, ByteCount, Secrecy what) override { return what; }
  Secrecy unprotect(void*, ByteCount, Secrecy) override { return Secrecy::kNone; }
  unsigned node_count() const override { return 1; }
  bool is_resident(const void*) const override { return false; }
  FaultCounts fault_counts() const override { return {}; }
};

/// A heap with a slab that a thread has left behind, some of its blocks still out.
class Scene {
 public:
  static constexpr std::size_t kMaxOut = 4;

  explicit Scene(ByteCount block_bytes) : class_(class_for(block_bytes)) {
    Policy policy;
    policy.huge_pages = HugePages::kOff;
    policy.populate = Populate::kOff;
    policy.purge_delay_ms = Millis{0};
    if (!space_->open(os_)) return;
    heap_ = std::make_unique<Heap>(*space_, clock_, policy);
    // All owners, and superslabs enough, exist before the first run, so that all runs are alike.
    for (SlabOwner*& owner : owners_) owner = heap_->attach();
    const std::size_t some = owners_[0]->take(class_, blocks, kMaxOut);
    owners_[0]->give(blocks, some);
    owners_[0]->retire_unused();
    for (SlabOwner* owner : owners_) heap_->detach(owner);
  }
  ~Scene() {
    // A run that failed left blocks out: the heap stays as it is.
    if (heap_ != nullptr && (superslab_test::has_failed() || heap_->budget().charged() != 0)) {
      heap_.release();
      space_.release();
      return;
    }
    heap_.reset();
    space_->close();
  }

  /// `out` blocks of one slab, whose owner is then vacant, and a live thread, the heir.
  void reset(std::size_t out) {
    const HeapStats before = heap_->stats();
    retired_before_ = before.slabs_retired;
    made_before_ = before.slabs_made;
    // What settle() remembers of earlier runs is the same for all: nothing has changed.
    settle();
    settle();
    heir = heap_->attach();
    SlabOwner* old = heap_->attach();
    taken_ = old->take(class_, blocks, out);
    out_ = out;
    slab_ = space_->slab_of(blocks[0]);
    touched_too_late_ = handed_out_twice_ = false;
    for (bool& free : is_free_) free = false;
    if (slab_is_left_) {
      heap_->detach(old);
    } else {
      heap_->detach(std::exchange(heir, old));
    }
  }

  // What the threads do --------------------------------------------------------------------

  void free_remote(std::size_t which) {
    is_free_[which] = true;
    // Whose it is does not matter; without one the frees would come one after the other.
    SlabOwner::give_remote(heap_->slabs(), blocks[which], owners_[which]);
  }

  /// A live thread wants a block, and gives it back.
  void take_and_give(SlabOwner* owner) {
    void* block = nullptr;
    if (owner->take(class_, &block, 1) != 1) return;
    for (std::size_t i = 0; i < out_; ++i) handed_out_twice_ |= block == blocks[i] && !is_free_[i];
    owner->give(&block, 1);
  }

  /// A thread that comes, takes the vacant owner over whole, and goes.
  void come_and_go() {
    SlabOwner* owner = heap_->attach();
    take_and_give(owner);
    heap_->detach(owner);
  }

  void tick() { heap_->tick(); }

  /// Somebody looks after all owners, whether their threads are there or not.
  void settle() {
    heap_->purger().settle();
    heap_->purger().settle();
  }

  // What must be so ------------------------------------------------------------------------

  /// Every free was seen, by whoever owns the slab by now: nothing is out, and no slab is left.
  void verify() {
    CHECK_EQ(taken_, out_);
    CHECK(!touched_too_late_);
    CHECK(!handed_out_twice_);
    heap_->detach(heir);
    // As many rounds as a slab may be forwarded.
    for (int round = 0; round < 3; ++round) heap_->trim(0);
    const HeapStats now = heap_->stats();
    CHECK_EQ(heap_->budget().charged(), 0u);
    CHECK_EQ(now.double_frees, 0u);
    CHECK_EQ(now.slabs_made - made_before_, now.slabs_retired - retired_before_);
    CHECK(heap_->is_abandoned());
    heap_->tick();  // what owners remember between ticks is as before the run
  }

  std::uint64_t explore(std::size_t out, const std::vector<Body>& bodies,
                        unsigned preemptions = Exploration::kEveryOrder) {
    if (heap_ == nullptr) return 0;
    Exploration exploration;
    exploration.is_step = [this](const void* where) {
      return is_in_slab(where) || is_queue(where);
    };
    exploration.observe = [this](const void* where) {
      if (slab_->slices == 0 && is_in_slab(where)) touched_too_late_ = true;
    };
    return exploration.explore(
        bodies, [&] { reset(out); }, [&] { verify(); }, preemptions);
  }

  /// The slab stays with its owner: the heir is he.
  void keep_slab() { slab_is_left_ = false; }

  SlabOwner* heir = nullptr;
  void* blocks[kMaxOut] = {};

 private:
  static constexpr std::size_t kOwners = 3;

  bool is_in_slab(const void* where) const {
    const std::uintptr_t at = address_of(where);
    return at - address_of(slab_) < sizeof *slab_ ||
           at - address_of(slab_->free_words) < slab_->words * sizeof(std::uint64_t) ||
           at - address_of(slab_->remote_words) < slab_->words * sizeof(std::uint64_t);
  }
  /// The queue stands last in an owner, on cache lines of its own.
  bool is_queue(const void* where) const {
    for (const SlabOwner* owner : owners_) {
      if (address_of(owner + 1) - address_of(where) <= kCacheLinePair) return true;
    }
    return false;
  }

  PlainOs os_;
  ManualClock clock_;
  std::unique_ptr<Space> space_ = std::make_unique<Space>();
  std::unique_ptr<Heap> heap_;
  const ClassIndex class_;
  SlabOwner* owners_[kOwners] = {};
  bool slab_is_left_ = true;
  Slab* slab_ = nullptr;
  std::size_t out_ = 0;
  std::size_t taken_ = 0;
  std::uint64_t made_before_ = 0;
  std::uint64_t retired_before_ = 0;
  bool touched_too_late_ = false;
  bool handed_out_twice_ = false;
  bool is_free_[kMaxOut] = {};
};

}  // namespace

TEST(heap, "an owner takes, gives and dissolves while two threads free into its slab") {
  Scene scene(32 * kKiB);
  scene.keep_slab();
  const std::uint64_t runs =
      scene.explore(2,
                    {[&] { scene.free_remote(0); }, [&] { scene.free_remote(1); },
                     [&] {
                       scene.take_and_give(scene.heir);
                       scene.heir->retire_unused();
                       scene.take_and_give(scene.heir);
                     }},
                    4);
  CHECK(runs > 1'000);
}

TEST(heap, "a slab is taken over while a block of it is freed, in every order") {
  Scene scene(32 * kKiB);
  const std::uint64_t runs =
      scene.explore(1, {[&] { scene.free_remote(0); }, [&] { scene.take_and_give(scene.heir); }});
  CHECK(runs > 1'000);
}

TEST(heap, "a slab without a block left is taken over while one comes home, in every order") {
  Scene scene(kMaxClassBytes);  // one block a slab
  const std::uint64_t runs =
      scene.explore(1, {[&] { scene.free_remote(0); }, [&] { scene.take_and_give(scene.heir); }});
  CHECK(runs > 1'000);
}

TEST(heap, "a slab is taken over, dissolved and made again while a block of it is freed") {
  Scene scene(32 * kKiB);
  const std::uint64_t runs = scene.explore(1, {[&] { scene.free_remote(0); },
                                               [&] {
                                                 scene.take_and_give(scene.heir);
                                                 scene.heir->retire_unused();
                                                 scene.take_and_give(scene.heir);
                                               }});
  CHECK(runs > 1'000);
}

TEST(heap, "a slab is taken over while two threads free into it") {
  Scene scene(32 * kKiB);
  const std::uint64_t runs =
      scene.explore(2,
                    {[&] { scene.free_remote(0); }, [&] { scene.free_remote(1); },
                     [&] {
                       scene.take_and_give(scene.heir);
                       scene.heir->retire_unused();
                     }},
                    3);
  CHECK(runs > 1'000);
}

TEST(heap, "a slab is taken over while its vacant owner is visited by a tick") {
  Scene scene(32 * kKiB);
  const std::uint64_t runs =
      scene.explore(1,
                    {[&] { scene.free_remote(0); }, [&] { scene.take_and_give(scene.heir); },
                     [&] { scene.tick(); }},
                    3);
  CHECK(runs > 1'000);
}

TEST(heap, "a slab is taken over while somebody looks after its owners") {
  Scene scene(32 * kKiB);
  const std::uint64_t runs =
      scene.explore(1,
                    {[&] { scene.free_remote(0); }, [&] { scene.take_and_give(scene.heir); },
                     [&] { scene.settle(); }},
                    3);
  CHECK(runs > 1'000);
}

TEST(heap, "a slab is taken over while a thread comes and takes its owner over") {
  Scene scene(32 * kKiB);
  const std::uint64_t runs =
      scene.explore(1,
                    {[&] { scene.free_remote(0); }, [&] { scene.take_and_give(scene.heir); },
                     [&] { scene.come_and_go(); }},
                    3);
  CHECK(runs > 1'000);
}

#endif

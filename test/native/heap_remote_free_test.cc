// Remote frees against their owner, in every order of their atomic operations.
//
// The real source of heap/slab_bits.h is compiled here a second time, in a namespace of its own and
// with atomics that hand control to a scheduler before each operation. The scheduler runs the
// threads as fibres and walks through all interleavings, one by one. Memory is sequentially
// consistent in this test; that the weaker orders suffice is argued in the source and watched by
// ThreadSanitizer in heap_threads_test.cc.

#include <ucontext.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "check.h"

#if !defined(__SANITIZE_THREAD__)

namespace stepped {

/// Lets another thread run; called before each atomic operation. `where` is what it operates on.
void step(const void* where);

}  // namespace stepped

// What the source finds as std: everything of it, but for atomics.
namespace stepped_std {
using namespace std;

template <class T>
class atomic {
 public:
  T load(memory_order = memory_order_seq_cst) const {
    stepped::step(this);
    return value_;
  }
  void store(T v, memory_order = memory_order_seq_cst) {
    stepped::step(this);
    value_ = v;
  }
  T fetch_add(T v, memory_order) {
    stepped::step(this);
    return std::exchange(value_, value_ + v);
  }
  T fetch_sub(T v, memory_order) {
    stepped::step(this);
    return std::exchange(value_, value_ - v);
  }

 private:
  T value_{};
};

template <class T>
class atomic_ref {
 public:
  explicit atomic_ref(T& at) : at_(at) {}
  T load(memory_order) const {
    stepped::step(&at_);
    return at_;
  }
  T exchange(T v, memory_order) const {
    stepped::step(&at_);
    return std::exchange(at_, v);
  }
  T fetch_or(T v, memory_order) const {
    stepped::step(&at_);
    return std::exchange(at_, at_ | v);
  }

 private:
  T& at_;
};

}  // namespace stepped_std

#define superslab superslab_stepped
#define std stepped_std
#include "heap/slab_bits.h"
#undef std
#undef superslab

namespace stepped {

using namespace superslab_stepped;

/// All interleavings of a few fibres, depth first: each run replays the choices of the last one up
/// to the deepest that can still be increased.
class Explorer {
 public:
  using Body = std::function<void()>;

  /// Runs bodies[0..] in every order of their steps; before each run `reset`, after it `verify`.
  /// Returns the number of runs; stops at the first failed check.
  std::uint64_t explore(const std::vector<Body>& bodies, const Body& reset, const Body& verify) {
    choices_.clear();
    std::uint64_t runs = 0;
    do {
      reset();
      run(bodies);
      verify();
      ++runs;
    } while (!superslab_test::has_failed() && next_choices());
    return runs;
  }

  void yield() {
    if (current_ == kScheduler) return;
    const std::size_t self = current_;
    swapcontext(&fibres_[self].context, &scheduler_);
  }

 private:
  static constexpr std::size_t kStack = 64 * 1024;
  static constexpr std::size_t kScheduler = ~std::size_t{0};
  struct Fibre {
    ucontext_t context;
    std::unique_ptr<char[]> stack;
    const Body* body;
    bool done;
  };
  struct Choice {
    std::size_t taken;
    std::size_t of;
  };

  static void enter(unsigned high, unsigned low) {
    auto* self = reinterpret_cast<Explorer*>(std::uintptr_t{high} << 32 | low);
    Fibre& fibre = self->fibres_[self->current_];
    (*fibre.body)();
    fibre.done = true;
  }

  void run(const std::vector<Body>& bodies) {
    fibres_.resize(bodies.size());
    for (std::size_t i = 0; i < bodies.size(); ++i) {
      Fibre& f = fibres_[i];
      if (f.stack == nullptr) f.stack = std::make_unique<char[]>(kStack);
      f.body = &bodies[i];
      f.done = false;
      getcontext(&f.context);
      f.context.uc_stack.ss_sp = f.stack.get();
      f.context.uc_stack.ss_size = kStack;
      f.context.uc_link = &scheduler_;
      const auto self = reinterpret_cast<std::uintptr_t>(this);
      makecontext(&f.context, reinterpret_cast<void (*)()>(enter), 2,
                  static_cast<unsigned>(self >> 32), static_cast<unsigned>(self));
    }
    for (std::size_t depth = 0;; ++depth) {
      std::size_t runnable[8];
      std::size_t count = 0;
      for (std::size_t i = 0; i < fibres_.size(); ++i) {
        if (!fibres_[i].done) runnable[count++] = i;
      }
      if (count == 0) return;
      if (depth == choices_.size()) choices_.push_back({0, count});
      current_ = runnable[choices_[depth].taken];
      swapcontext(&scheduler_, &fibres_[current_].context);
      current_ = kScheduler;
    }
  }

  bool next_choices() {
    while (!choices_.empty() && choices_.back().taken + 1 == choices_.back().of)
      choices_.pop_back();
    if (choices_.empty()) return false;
    ++choices_.back().taken;
    return true;
  }

  ucontext_t scheduler_;
  std::vector<Fibre> fibres_;
  std::vector<Choice> choices_;
  std::size_t current_ = kScheduler;
};

namespace {

Explorer explorer;

/// One slab, its owner's queue, and what must never happen.
struct Scene {
  Slab slab;
  std::uint64_t words[2 * 64];
  bool retired = false;
  bool touched_after_retirement = false;
  bool queued_twice = false;
  unsigned queued = 0;  // length of the queue, which has only one slab to hold

  void reset(ByteCount block_bytes, unsigned out) {
    slab = Slab{};
    slab_init(slab, class_for(block_bytes), reinterpret_cast<std::byte*>(kSuperslabBytes), words);
    void* blocks[256];
    slab_take(slab, blocks, out);
    retired = touched_after_retirement = queued_twice = false;
    queued = 0;
  }

  void free_remote(std::uint32_t word, std::uint64_t mask) {
    if (!remote_free(slab, word, mask).must_queue) return;
    step(&slab.owner);  // reads the owner
    step(&queued);
    queued_twice |= queued != 0;
    ++queued;
  }

  /// What SlabOwner::collect() and after_free() do.
  void collect() {
    step(&queued);
    if (queued != 0) {
      queued = 0;
      slab_collect(slab);
    }
    retire_if_unused();
  }

  void retire_if_unused() {
    if (!retired && slab_is_unused(slab)) retired = true;
  }

  bool contains(const void* p) const {
    const auto at = reinterpret_cast<std::uintptr_t>(p);
    const auto first = reinterpret_cast<std::uintptr_t>(&slab);
    const auto first_word = reinterpret_cast<std::uintptr_t>(words);
    return at - first < sizeof slab || at - first_word < sizeof words;
  }
};

Scene scene;

/// After the threads have ended: nothing is lost and nothing was touched too late.
void verify_home() {
  CHECK(!scene.queued_twice);
  CHECK(!scene.touched_after_retirement);
  if (!scene.retired) scene.collect();
  CHECK_EQ(scene.queued, 0u);
  CHECK(slab_is_valid(scene.slab));
  CHECK(scene.retired);
  CHECK_EQ(scene.slab.pending.load(), 0);
}

}  // namespace

void step(const void* where) {
  // After the switch: the operation itself comes now.
  explorer.yield();
  if (scene.retired && scene.contains(where)) scene.touched_after_retirement = true;
}

}  // namespace stepped

using stepped::Explorer;
using stepped::explorer;
using stepped::scene;

TEST(heap, "two remote frees of one word and their owner, in every order") {
  const std::uint64_t runs = explorer.explore(
      {[] { scene.free_remote(0, 1); }, [] { scene.free_remote(0, 2); },
       [] {
         scene.collect();
         scene.collect();
       }},
      [] { scene.reset(32 * 1024, 2); }, stepped::verify_home);
  CHECK(runs > 5'000);
}

TEST(heap, "two remote frees of different words and their owner, in every order") {
  const std::uint64_t runs = explorer.explore(
      {[] { scene.free_remote(0, ~std::uint64_t{0}); }, [] { scene.free_remote(1, 1); },
       [] { scene.collect(); }},
      [] { scene.reset(1024 - 128, 65); }, stepped::verify_home);
  CHECK(runs > 1'000);
}

TEST(heap, "a batch, a single remote free and the owner's own, in every order") {
  const std::uint64_t runs = explorer.explore(
      {[] { scene.free_remote(0, 0b011); }, [] { scene.free_remote(0, 0b100); },
       [] {
         scene.collect();
         superslab_stepped::slab_free(scene.slab, 0, 0b1000);
         scene.retire_if_unused();
       }},
      [] { scene.reset(32 * 1024, 4); }, stepped::verify_home);
  CHECK(runs > 2'000);
}

TEST(heap, "a batch that lifts pending from below zero to above it queues the slab") {
  // Block 3 is in the queue already, so that the owner may collect a block that is not announced.
  const std::uint64_t runs = explorer.explore(
      {[] { scene.free_remote(0, 0b0001); }, [] { scene.free_remote(0, 0b0110); },
       [] { scene.collect(); }},
      [] {
        scene.reset(32 * 1024, 4);
        scene.free_remote(0, 0b1000);
      },
      stepped::verify_home);
  CHECK(runs > 1'000);
}

TEST(heap, "three remote frees, in every order, leave the slab queued once") {
  const std::uint64_t runs = explorer.explore(
      {[] { scene.free_remote(0, 1); }, [] { scene.free_remote(0, 2); },
       [] { scene.free_remote(0, 4); }},
      [] { scene.reset(32 * 1024, 3); },
      [] {
        CHECK_EQ(scene.queued, 1u);
        stepped::verify_home();
      });
  CHECK(runs > 1'000);
}

TEST(heap, "a remote thread that frees again what was collected and handed out meanwhile") {
  // The owner takes block 0 again after it was collected and gives it to the same remote thread's
  // second free. Only one block is ever out, so each free is a fresh one.
  static bool out_again;
  const std::uint64_t runs = explorer.explore(
      {[] {
         scene.free_remote(0, 1);
         stepped::step(&out_again);
         if (out_again) scene.free_remote(0, 1);
       },
       [] { scene.free_remote(0, 2); },
       [] {
         stepped::step(&scene.queued);
         if (scene.queued != 0) {
           scene.queued = 0;
           superslab_stepped::slab_collect(scene.slab);
         }
         if ((scene.slab.free_words[0] & 1) != 0) {
           scene.slab.free_words[0] &= ~std::uint64_t{1};
           out_again = true;
         }
       }},
      [] {
        scene.reset(32 * 1024, 2);
        out_again = false;
      },
      [] {
        CHECK(!scene.queued_twice);
        // Given out, but the remote thread had looked before: it is still out.
        scene.collect();
        CHECK(superslab_stepped::slab_is_valid(scene.slab));
        CHECK_EQ(scene.slab.pending.load(), 0);
        const bool lost = out_again && (scene.slab.free_words[0] & 1) == 0;
        if (!lost) CHECK(scene.retired);
      });
  CHECK(runs > 1'000);
}

#endif

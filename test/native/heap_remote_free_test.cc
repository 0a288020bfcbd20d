// Remote frees against their owner, in every order of their atomic operations.
//
// One slab and the functions of heap/slab_bits.h; interleaving.h says how. The owners around them
// are in heap_hand_over_test.cc.

#include "interleaving.h"

#ifdef SUPERSLAB_HAS_INTERLEAVING

#include "interleaving_begin.h"

#include "heap/slab_bits.h"

#include "interleaving_end.h"

using namespace superslab_stepped;
using stepped::Exploration;
using stepped::step;

namespace {

/// One slab, its owner's queue, and what must never happen.
struct Scene {
  Slab slab;
  std::uint64_t words[2 * 64];
  bool retired = false;
  bool touched_after_retirement = false;
  bool queued_twice = false;
  unsigned queued = 0;  // length of the queue, which has only one slab to hold

  void reset(ByteCount block_bytes, unsigned out) {
    new (&slab) Slab{};
    slab_init(slab, class_for(block_bytes), reinterpret_cast<std::byte*>(kSuperslabBytes), words);
    void* blocks[256];
    slab_take(slab, blocks + out, out);
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

/// Every order of `bodies`, on a slab of `block_bytes` of which `out` blocks are out.
std::uint64_t explore(const std::vector<Exploration::Body>& bodies, const Exploration::Body& reset,
                      const Exploration::Body& verify = verify_home) {
  Exploration exploration;
  exploration.observe = [](const void* where) {
    if (scene.retired && scene.contains(where)) scene.touched_after_retirement = true;
  };
  return exploration.explore(bodies, reset, verify);
}

}  // namespace

TEST(heap, "two remote frees of one word and their owner, in every order") {
  const std::uint64_t runs =
      explore({[] { scene.free_remote(0, 1); }, [] { scene.free_remote(0, 2); },
               [] {
                 scene.collect();
                 scene.collect();
               }},
              [] { scene.reset(32 * 1024, 2); });
  CHECK(runs > 5'000);
}

TEST(heap, "two remote frees of different words and their owner, in every order") {
  const std::uint64_t runs = explore({[] { scene.free_remote(0, ~std::uint64_t{0}); },
                                      [] { scene.free_remote(1, 1); }, [] { scene.collect(); }},
                                     [] { scene.reset(1024 - 128, 65); });
  CHECK(runs > 1'000);
}

TEST(heap, "a batch, a single remote free and the owner's own, in every order") {
  const std::uint64_t runs =
      explore({[] { scene.free_remote(0, 0b011); }, [] { scene.free_remote(0, 0b100); },
               [] {
                 scene.collect();
                 slab_free(scene.slab, 0, 0b1000);
                 scene.retire_if_unused();
               }},
              [] { scene.reset(32 * 1024, 4); });
  CHECK(runs > 2'000);
}

TEST(heap, "a batch that lifts pending from below zero to above it queues the slab") {
  // Block 3 is in the queue already, so that the owner may collect a block that is not announced.
  const std::uint64_t runs =
      explore({[] { scene.free_remote(0, 0b0001); }, [] { scene.free_remote(0, 0b0110); },
               [] { scene.collect(); }},
              [] {
                scene.reset(32 * 1024, 4);
                scene.free_remote(0, 0b1000);
              });
  CHECK(runs > 1'000);
}

TEST(heap, "three remote frees, in every order, leave the slab queued once") {
  const std::uint64_t runs = explore(
      {[] { scene.free_remote(0, 1); }, [] { scene.free_remote(0, 2); },
       [] { scene.free_remote(0, 4); }},
      [] { scene.reset(32 * 1024, 3); },
      [] {
        CHECK_EQ(scene.queued, 1u);
        verify_home();
      });
  CHECK(runs > 1'000);
}

TEST(heap, "a remote thread that frees again what was collected and handed out meanwhile") {
  // The owner takes block 0 again after it was collected and gives it to the same remote thread's
  // second free. Only one block is ever out, so each free is a fresh one.
  static bool out_again;
  const std::uint64_t runs = explore(
      {[] {
         scene.free_remote(0, 1);
         step(&out_again);
         if (out_again) scene.free_remote(0, 1);
       },
       [] { scene.free_remote(0, 2); },
       [] {
         step(&scene.queued);
         if (scene.queued != 0) {
           scene.queued = 0;
           slab_collect(scene.slab);
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
        CHECK(slab_is_valid(scene.slab));
        CHECK_EQ(scene.slab.pending.load(), 0);
        const bool lost = out_again && (scene.slab.free_words[0] & 1) == 0;
        if (!lost) CHECK(scene.retired);
      });
  CHECK(runs > 1'000);
}

#endif

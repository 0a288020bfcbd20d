// Threads with objects of random lifetimes and rare large sizes. Some objects are exchanged with
// the other threads through a shared table, and what a thread still holds when it exits goes there
// too, for threads of later rounds to free. After mstress of mimalloc (Leijen, Zorn, de Moura,
// 2019).
#include <atomic>

#include "support.h"

namespace {

constexpr size_t kTableSlots = 1000;
constexpr size_t kMaxHeld = 2000;

std::atomic<void*> table[kTableSlots];

struct alignas(bench::kApart) Worker {
  pthread_t thread;
  uint64_t seed;
  uint64_t operations;
  uint64_t check;
};

/// Mostly 16 B to 1 KiB; one in a hundred to 32 KiB, one in ten thousand to 1 MiB.
void* make(bench::Random& random) {
  const uint64_t rarity = random.below(10'000);
  const size_t size = rarity == 0    ? random.skewed(32'768, 1 << 20)
                      : rarity < 100 ? random.skewed(1024, 32'768)
                                     : random.skewed(16, 1024);
  return bench::allocate_labelled(size, static_cast<uint32_t>(random.next()));
}

/// Puts `block` into the shared table and returns what was there.
void* exchange(bench::Random& random, void* block) {
  return table[random.below(kTableSlots)].exchange(block, std::memory_order_acq_rel);
}

void* live(void* argument) {
  auto& worker = *static_cast<Worker*>(argument);
  bench::Pages<void*> held(kMaxHeld);
  size_t count = 0;
  bench::Random random(worker.seed);
  const auto drop = [&](void* block) {
    if (block != nullptr) worker.check += bench::free_labelled(block);
  };
  // What is drawn must not depend on the other threads, or the check would: so neither does
  // `count`, and a block that comes out of the table is freed at once.
  for (uint64_t i = 0; i < worker.operations; i++) {
    if (count == kMaxHeld || (count > 0 && random.below(2) == 0)) {
      // Recent objects die more often than old ones.
      const size_t age =
          random.below(4) == 0 ? random.below(count) : random.below(count < 32 ? count : 32);
      void*& block = held[count - 1 - age];
      drop(random.below(8) == 0 ? exchange(random, block) : block);
      block = held[--count];
    } else {
      held[count++] = make(random);
    }
  }
  for (size_t i = 0; i < count; i++)
    drop(random.below(2) == 0 ? exchange(random, held[i]) : held[i]);
  return nullptr;
}

uint64_t work(uint64_t operations, uint64_t threads, uint64_t rounds) {
  bench::Pages<Worker> workers(threads);
  uint64_t check = 0;
  for (uint64_t round = 0; round < rounds; round++) {
    for (uint64_t i = 0; i < threads; i++) {
      workers[i] = {{}, round * threads + i + 1, operations, 0};
      workers[i].thread = bench::start_thread(live, &workers[i]);
    }
    for (uint64_t i = 0; i < threads; i++) {
      bench::join_thread(workers[i].thread);
      check += workers[i].check;
    }
  }
  for (auto& slot : table) {
    void* block = slot.exchange(nullptr);
    if (block != nullptr) check += bench::free_labelled(block);
  }
  return check;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Run run(argc, argv, "OPERATIONS THREADS ROUNDS    (operations of each thread of a round)");
  const uint64_t operations = run.number();
  const uint64_t threads = run.number();
  const uint64_t rounds = run.number();
  run.start();
  const uint64_t check = work(operations, threads, rounds);
  run.stop(operations * threads * rounds, check);
  return run.finish();
}

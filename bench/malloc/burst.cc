// Allocates many blocks, then frees them all: in the order they came, backwards, or in random
// order.
#include "support.h"

namespace {

void arrange(uint32_t* order, uint64_t count, const char* name, bench::Random& random) {
  const bool backwards = strcmp(name, "reverse") == 0;
  for (uint64_t i = 0; i < count; i++)
    order[i] = static_cast<uint32_t>(backwards ? count - 1 - i : i);
  if (strcmp(name, "random") != 0) return;
  for (uint64_t i = count - 1; i > 0; i--) {
    const uint64_t j = random.below(i + 1);
    const uint32_t swapped = order[i];
    order[i] = order[j];
    order[j] = swapped;
  }
}

void work(bench::Run& run, uint64_t rounds, const char* name, uint64_t count, size_t min,
          size_t max) {
  bench::Pages<uint32_t> order(count);
  bench::Pages<void*> blocks(count);
  bench::Random random(1);
  arrange(order.data(), count, name, random);
  run.start();
  uint64_t check = 0;
  for (uint64_t round = 0; round < rounds; round++) {
    for (uint64_t i = 0; i < count; i++) {
      const size_t size = random.between(min, max);
      blocks[i] = bench::allocate_labelled(size, static_cast<uint32_t>(i ^ size));
    }
    for (uint64_t i = 0; i < count; i++) check += bench::free_labelled(blocks[order[i]]);
  }
  run.stop(rounds * count, check);
}

}  // namespace

int main(int argc, char** argv) {
  bench::Run run(argc, argv, "ROUNDS forward|reverse|random BLOCKS MIN MAX");
  const uint64_t rounds = run.number();
  const char* order = run.word();
  const uint64_t count = run.number();
  const size_t min = run.number();
  work(run, rounds, order, count, min, run.number());
  return run.finish();
}

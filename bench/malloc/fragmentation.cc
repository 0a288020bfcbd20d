// A heap full of small blocks loses nine tenths of them, in runs of RUN neighbours, and is then
// filled again with larger ones. How much is resident beyond what is live?
#include "support.h"

namespace {

constexpr size_t kFirstMin = 16;
constexpr size_t kFirstMax = 256;
constexpr size_t kSecondMin = 200;
constexpr size_t kSecondMax = 2000;
constexpr uint64_t kKeptOneIn = 10;

/// Allocates until `bytes` are reached; returns the number of blocks.
uint64_t fill(void** blocks, uint64_t bytes, size_t min, size_t max, bench::Random& random) {
  uint64_t count = 0;
  for (uint64_t filled = 0; filled < bytes;) {
    const size_t size = random.between(min, max);
    blocks[count++] = bench::allocate_labelled(size, static_cast<uint32_t>(random.next()));
    filled += size;
  }
  return count;
}

uint64_t empty(void** blocks, uint64_t count) {
  uint64_t check = 0;
  for (uint64_t i = 0; i < count; i++) {
    if (blocks[i] != nullptr) check += bench::free_labelled(blocks[i]);
  }
  return check;
}

void work(bench::Run& run, uint64_t bytes, uint64_t neighbours) {
  // A tenth more than blocks of the mean size need: the sum of so many random sizes stays below.
  bench::Pages<void*> first(bytes / ((kFirstMin + kFirstMax) / 2) * 11 / 10 + 100);
  bench::Pages<void*> second(bytes / 2 / ((kSecondMin + kSecondMax) / 2) * 11 / 10 + 100);
  bench::Random random(1);
  run.start();
  const uint64_t count = fill(first.data(), bytes, kFirstMin, kFirstMax, random);
  uint64_t check = 0;
  uint64_t kept = 0;
  bool keep = false;
  for (uint64_t i = 0; i < count; i++) {
    if (i % neighbours == 0) keep = random.below(kKeptOneIn) == 0;
    if (keep) {
      kept += static_cast<bench::Label*>(first[i])->size;
    } else {
      check += bench::free_labelled(first[i]);
      first[i] = nullptr;
    }
  }
  const uint64_t refilled = bytes / 2;
  const uint64_t added = fill(second.data(), refilled, kSecondMin, kSecondMax, random);
  run.note_live(kept + refilled, first.bytes() + second.bytes());
  check += empty(first.data(), count) + empty(second.data(), added);
  run.stop(count + added, check);
}

}  // namespace

int main(int argc, char** argv) {
  bench::Run run(argc, argv, "MEBIBYTES RUN");
  const uint64_t bytes = run.number() << 20;
  work(run, bytes, run.number());
  return run.finish();
}

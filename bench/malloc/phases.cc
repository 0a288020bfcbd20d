// The same amount of memory in blocks of one size after the other, from 64 bytes to 4 MiB: a program
// that loads, then parses, then builds, then sends. Does what one kind of block freed serve the next?
#include <string.h>

#include "support.h"

namespace {

constexpr size_t kSmallest = 64;
constexpr size_t kSizes = 9;  // each four times as large as the one before

enum class Order { kForward, kRandom, kThread };

/// Blocks to be freed, in the order in which that is to be done.
struct Batch {
  void** blocks;
  uint64_t count;
  uint64_t check;
};

void* free_all(void* argument) {
  auto& batch = *static_cast<Batch*>(argument);
  for (uint64_t i = 0; i < batch.count; i++) batch.check += bench::free_labelled(batch.blocks[i]);
  return nullptr;
}

void shuffle(void** blocks, uint64_t count, bench::Random& random) {
  for (uint64_t i = count; i > 1; i--) {
    const uint64_t other = random.below(i);
    void* block = blocks[i - 1];
    blocks[i - 1] = blocks[other];
    blocks[other] = block;
  }
}

/// Of each size `kept_percent` of the blocks stay to the end, so that less of the next is needed.
void work(bench::Run& run, uint64_t bytes, Order order, uint64_t kept_percent) {
  bench::Pages<void*> blocks(bytes / kSmallest);
  bench::Pages<void*> kept(bytes / kSmallest * kept_percent / 100 * 2 + 1000);
  bench::Random random(1);
  run.start();
  uint64_t check = 0;
  uint64_t operations = 0;
  uint64_t kept_count = 0;
  uint64_t kept_bytes = 0;
  size_t size = kSmallest;
  for (size_t phase = 0; phase < kSizes; phase++, size *= 4) {
    uint64_t count = 0;
    for (uint64_t live = kept_bytes; live + size <= bytes; live += size) {
      void* block = bench::allocate_labelled(size, static_cast<uint32_t>(random.next()));
      // Every page is used; labels stand at its ends.
      for (size_t at = 4096; at + 4096 < size; at += 4096) static_cast<char*>(block)[at] = 1;
      blocks[count++] = block;
    }
    operations += count;
    uint64_t going = 0;
    for (uint64_t i = 0; i < count; i++) {
      if (random.below(100) < kept_percent) {
        kept[kept_count++] = blocks[i];
        kept_bytes += size;
      } else {
        blocks[going++] = blocks[i];
      }
    }
    if (order == Order::kRandom) shuffle(blocks.data(), going, random);
    Batch batch{blocks.data(), going, 0};
    if (order == Order::kThread) {
      bench::join_thread(bench::start_thread(free_all, &batch));
    } else {
      free_all(&batch);
    }
    check += batch.check;
  }
  if (kept_bytes != 0) run.note_live(kept_bytes, blocks.bytes() + kept.bytes());
  Batch rest{kept.data(), kept_count, 0};
  free_all(&rest);
  run.stop(operations, check + rest.check);
}

}  // namespace

int main(int argc, char** argv) {
  bench::Run run(argc, argv, "MEBIBYTES forward|random|thread KEPT_PERCENT");
  const uint64_t bytes = run.number() << 20;
  const char* order = run.word();
  const uint64_t kept_percent = run.number();
  if (strcmp(order, "forward") == 0) {
    work(run, bytes, Order::kForward, kept_percent);
  } else if (strcmp(order, "random") == 0) {
    work(run, bytes, Order::kRandom, kept_percent);
  } else if (strcmp(order, "thread") == 0) {
    work(run, bytes, Order::kThread, kept_percent);
  } else {
    run.wrong_usage();
  }
  return run.finish();
}

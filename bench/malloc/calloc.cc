// calloc: "fresh" only grows and then frees everything, so an allocator that knows the kernel's
// pages to be zero need not clear them; "reused" fills blocks that others have dirtied.
#include "support.h"

namespace {

// One word of each cache line is checked and dirtied: that finds a missed clearing, and leaves the
// time to calloc.
constexpr size_t kLine = 64;
constexpr uint64_t kDirt = 0xD1D1D1D1D1D1D1D1u;

struct Slot {
  uint8_t* bytes;
  size_t size;
};

struct Setting {
  uint64_t operations;
  bool reused;
  uint64_t slots;
  size_t min;
  size_t max;
};

void take(Slot& slot, size_t size) {
  slot.size = size;
  slot.bytes = static_cast<uint8_t*>(calloc(size / 8, 8));
  if (slot.bytes == nullptr) bench::die("calloc(%zu, 8) failed", size / 8);
  for (size_t at = 0; at + 8 <= size / 8 * 8; at += kLine) {
    auto& word = *reinterpret_cast<uint64_t*>(slot.bytes + at);
    if (word != 0) bench::die("calloc of %zu B: not zero at %zu", size, at);
    word = kDirt;
  }
}

uint64_t give_back(Slot& slot) {
  if (*reinterpret_cast<uint64_t*>(slot.bytes) != kDirt) {
    bench::die("block of %zu B was overwritten", slot.size);
  }
  free(slot.bytes);
  slot.bytes = nullptr;
  return slot.size;
}

uint64_t work(const Setting& setting) {
  bench::Pages<Slot> slots(setting.slots);
  bench::Random random(1);
  uint64_t check = 0;
  for (uint64_t i = 0; i < setting.operations; i++) {
    Slot& slot = slots[setting.reused ? random.below(setting.slots) : i % setting.slots];
    const size_t size = random.skewed(setting.min, setting.max);
    if (slot.bytes != nullptr) check = check * 31 + give_back(slot);
    take(slot, size);
  }
  for (uint64_t i = 0; i < setting.slots; i++) {
    if (slots[i].bytes != nullptr) check = check * 31 + give_back(slots[i]);
  }
  return check;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Run run(argc, argv,
                 "OPERATIONS fresh|reused SLOTS MIN MAX    (fresh: SLOTS is OPERATIONS)");
  Setting setting{run.number(), strcmp(run.word(), "reused") == 0, run.number(), run.number(),
                  run.number()};
  if (!setting.reused) setting.slots = setting.operations;
  run.start();
  const uint64_t check = work(setting);
  run.stop(setting.operations, check);
  return run.finish();
}

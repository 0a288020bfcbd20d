// One thread, a table of slots: each operation picks a slot and frees what is there, or allocates
// into it.
#include "support.h"

namespace {

struct Slot {
  uint8_t* bytes;
  uint32_t size;
  uint8_t tag;
};

struct Setting {
  uint64_t operations;
  uint64_t slots;
  uint64_t seed;
  size_t min;
  size_t max;
  bool touch_last;
};

uint8_t release(Slot& slot, bool touch_last) {
  const uint8_t tag = slot.tag;
  if (slot.bytes[0] != tag || (touch_last && slot.bytes[slot.size - 1] != tag)) {
    bench::die("block %p of %u B was overwritten", static_cast<void*>(slot.bytes), slot.size);
  }
  free(slot.bytes);
  slot.bytes = nullptr;
  return tag;
}

uint64_t work(const Setting& setting) {
  bench::Pages<Slot> slots(setting.slots);
  bench::Random random(setting.seed);
  uint64_t check = 0;
  for (uint64_t i = 0; i < setting.operations; i++) {
    Slot& slot = slots[random.below(setting.slots)];
    if (slot.bytes != nullptr) {
      check += release(slot, setting.touch_last);
      continue;
    }
    const size_t size = random.between(setting.min, setting.max);
    slot.bytes = static_cast<uint8_t*>(malloc(size));
    if (slot.bytes == nullptr) bench::die("malloc(%zu) failed", size);
    slot.size = static_cast<uint32_t>(size);
    slot.tag = static_cast<uint8_t>(size ^ i);
    slot.bytes[0] = slot.tag;
    if (setting.touch_last) slot.bytes[size - 1] = slot.tag;
  }
  for (uint64_t i = 0; i < setting.slots; i++) {
    if (slots[i].bytes != nullptr) check += release(slots[i], setting.touch_last);
  }
  return check;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Run run(argc, argv, "OPERATIONS SLOTS SEED MIN MAX [first|ends]");
  Setting setting{run.number(), run.number(), run.number(), run.number(), run.number(), false};
  setting.touch_last = strcmp(run.word("first"), "ends") == 0;
  run.start();
  const uint64_t check = work(setting);
  run.stop(setting.operations, check);
  return run.finish();
}

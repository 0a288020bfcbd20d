// Large blocks as buffers of a pipeline: some are given back by the stage that took them last
// (LIFO), some by the one that took them first (FIFO). A few pages of each are touched, not all.
#include "support.h"

namespace {

// Written at the start of as many pages, spread over the block.
constexpr size_t kTouches = 4;

struct Setting {
  uint64_t operations;
  uint64_t live;
  size_t min;
  size_t max;
};

class Deque {
 public:
  explicit Deque(uint64_t capacity) : capacity_(capacity), blocks_(capacity) {}
  uint64_t size() const { return used_; }
  void push(void* block) { blocks_[(first_ + used_++) % capacity_] = block; }
  void* pop_last() { return blocks_[(first_ + --used_) % capacity_]; }
  void* pop_first() {
    void* block = blocks_[first_];
    first_ = (first_ + 1) % capacity_;
    used_--;
    return block;
  }

 private:
  uint64_t capacity_;
  uint64_t first_ = 0;
  uint64_t used_ = 0;
  bench::Pages<void*> blocks_;
};

void* take(bench::Random& random, const Setting& setting) {
  const size_t size = random.skewed(setting.min, setting.max);
  const auto tag = static_cast<uint32_t>(random.next());
  void* block = bench::allocate_labelled(size, tag);
  for (size_t i = 1; i < kTouches; i++) {
    static_cast<uint8_t*>(block)[size / kTouches * i] = static_cast<uint8_t>(tag);
  }
  return block;
}

uint64_t give_back(void* block) {
  const auto [size, tag] = *static_cast<bench::Label*>(block);
  for (size_t i = 1; i < kTouches; i++) {
    if (static_cast<uint8_t*>(block)[size / kTouches * i] != static_cast<uint8_t>(tag)) {
      bench::die("block %p of %u B was overwritten", block, size);
    }
  }
  return bench::free_labelled(block);
}

uint64_t work(const Setting& setting) {
  Deque deque(setting.live);
  bench::Random random(1);
  uint64_t check = 0;
  uint64_t taken = 0;
  while (taken < setting.operations) {
    // Runs, not single steps: a pipeline fills for a while and empties for a while.
    for (uint64_t i = random.below(setting.live - deque.size() + 1); i > 0; i--) {
      deque.push(take(random, setting));
      taken++;
    }
    const bool first = random.below(2) == 0;
    for (uint64_t i = random.below(deque.size() + 1); i > 0; i--) {
      check += give_back(first ? deque.pop_first() : deque.pop_last());
    }
  }
  while (deque.size() > 0) {
    check += give_back(deque.pop_first());
  }
  return check;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Run run(argc, argv, "BLOCKS LIVE MIN MAX");
  const Setting setting{run.number(), run.number(), run.number(), run.number()};
  run.start();
  const uint64_t check = work(setting);
  run.stop(setting.operations, check);
  return run.finish();
}

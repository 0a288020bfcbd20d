// Blocks wander between threads that come and go; content stays what it was.
#include <atomic>
#include <thread>
#include <vector>

#include "check.h"

namespace {

struct Block {
  std::size_t bytes;
  std::size_t seed;
};

constexpr int kSlots = 512;
std::atomic<Block*> slots[kSlots];

void free_checked(Block* block) {
  if (block == nullptr) return;
  CHECK(holds(block + 1, block->bytes, block->seed));
  free(block);
}

void churn(unsigned seed, int rounds) {
  for (int i = 0; i < rounds; ++i) {
    seed = seed * 1664525 + 1013904223;
    const unsigned n = seed >> 8;
    const std::size_t bytes = n % 2000 == 0 ? 4 << 20 : n % 100 == 0 ? n % 300000 : n % 400;
    auto* block = static_cast<Block*>(malloc(sizeof(Block) + bytes));
    CHECK(block != nullptr);
    *block = {bytes, n};
    fill(block + 1, bytes, n);
    free_checked(slots[n % kSlots].exchange(block));
  }
}

}  // namespace

int main() {
  for (int generation = 0; generation < 10; ++generation) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back(churn, generation * 4 + i, 10000);
    for (std::thread& thread : threads) thread.join();
  }
  for (auto& slot : slots) free_checked(slot.exchange(nullptr));
}

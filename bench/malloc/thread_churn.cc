// Many short threads: what a thread's first allocations cost, and whether what it leaves behind is
// reused.
#include "support.h"

namespace {

constexpr uint64_t kMaxBlocks = 1024;

struct alignas(bench::kApart) Worker {
  pthread_t thread;
  uint64_t seed;
  uint64_t blocks;
  size_t min;
  size_t max;
  uint64_t check;
};

void* live(void* argument) {
  auto& worker = *static_cast<Worker*>(argument);
  void* blocks[kMaxBlocks];
  bench::Random random(worker.seed);
  for (uint64_t i = 0; i < worker.blocks; i++) {
    const size_t size = random.skewed(worker.min, worker.max);
    blocks[i] = bench::allocate_labelled(size, static_cast<uint32_t>(random.next()));
  }
  for (uint64_t i = 0; i < worker.blocks; i++) worker.check += bench::free_labelled(blocks[i]);
  return nullptr;
}

uint64_t work(uint64_t threads, uint64_t together, const Worker& sample) {
  bench::Pages<Worker> workers(together);
  uint64_t check = 0;
  for (uint64_t begun = 0; begun < threads; begun += together) {
    for (uint64_t i = 0; i < together; i++) {
      workers[i] = sample;
      workers[i].seed = begun + i + 1;
      workers[i].thread = bench::start_thread(live, &workers[i]);
    }
    for (uint64_t i = 0; i < together; i++) {
      bench::join_thread(workers[i].thread);
      check += workers[i].check;
    }
  }
  return check;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Run run(argc, argv, "THREADS TOGETHER BLOCKS MIN MAX    (operations: threads)");
  const uint64_t threads = run.number();
  const uint64_t together = run.number();
  Worker sample{};
  sample.blocks = run.number();
  sample.min = run.number();
  sample.max = run.number();
  if (sample.blocks > kMaxBlocks) run.wrong_usage();
  run.start();
  const uint64_t check = work(threads, together, sample);
  run.stop(threads, check);
  return run.finish();
}

// A server that replaces its threads: each thread keeps an array of blocks and exchanges random
// ones; after a while it hands the array to a new thread and exits, so blocks outlive the threads
// that allocated them. After Larson and Krishnan, "Memory allocation for long-running server
// applications", ISMM 1998.
#include <semaphore.h>

#include "support.h"

namespace {

struct Setting {
  uint64_t exchanges;  // of one thread
  uint64_t generations;
  uint64_t chains;  // threads at a time
  uint64_t slots;   // of one chain
  size_t min;
  size_t max;
};

struct alignas(bench::kApart) Chain {
  const Setting* setting;
  void** blocks;
  bench::Random random;
  uint64_t generation;
  uint64_t check;
  sem_t* done;
};

void* allocate(Chain& chain) {
  const size_t size = chain.random.between(chain.setting->min, chain.setting->max);
  return bench::allocate_labelled(size, static_cast<uint32_t>(chain.random.next()));
}

void* serve(void* argument) {
  auto& chain = *static_cast<Chain*>(argument);
  const Setting& setting = *chain.setting;
  for (uint64_t i = 0; i < setting.exchanges; i++) {
    void*& block = chain.blocks[chain.random.below(setting.slots)];
    chain.check += bench::free_labelled(block);
    block = allocate(chain);
  }
  if (++chain.generation < setting.generations) {
    pthread_detach(bench::start_thread(serve, argument));
  } else {
    sem_post(chain.done);
  }
  return nullptr;
}

uint64_t work(const Setting& setting) {
  bench::Pages<Chain> chains(setting.chains);
  bench::Pages<void*> blocks(setting.chains * setting.slots);
  sem_t done;
  sem_init(&done, 0, 0);
  for (uint64_t c = 0; c < setting.chains; c++) {
    chains[c] = {&setting, blocks.data() + c * setting.slots, bench::Random(c + 1), 0, 0, &done};
    // The first blocks are the main thread's, as a server's often are.
    for (uint64_t i = 0; i < setting.slots; i++) chains[c].blocks[i] = allocate(chains[c]);
  }
  for (uint64_t c = 0; c < setting.chains; c++) {
    pthread_detach(bench::start_thread(serve, &chains[c]));
  }
  for (uint64_t c = 0; c < setting.chains; c++) sem_wait(&done);
  uint64_t check = 0;
  for (uint64_t c = 0; c < setting.chains; c++) {
    for (uint64_t i = 0; i < setting.slots; i++) {
      chains[c].check += bench::free_labelled(chains[c].blocks[i]);
    }
    check += chains[c].check;
  }
  return check;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Run run(argc, argv, "EXCHANGES GENERATIONS THREADS SLOTS MIN MAX");
  const Setting setting{run.number(), run.number(), run.number(),
                        run.number(), run.number(), run.number()};
  run.start();
  const uint64_t check = work(setting);
  run.stop(setting.exchanges * setting.generations * setting.chains, check);
  return run.finish();
}

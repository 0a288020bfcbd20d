// Does the allocator put blocks of different threads on one cache line? Each thread allocates a
// small block, writes it many times, frees it. "passive": it first frees a block that the main
// thread allocated beside those of the others, which may keep the line shared for ever. After
// cache-scratch and cache-thrash of Hoard (Berger et al., ASPLOS 2000).
#include "support.h"

namespace {

struct Worker {
  void* handed;  // nullptr: active
  pthread_t thread;
  uint64_t rounds;
  uint64_t writes;
  size_t size;
  uint64_t check;
};

void* scratch(void* argument) {
  // A copy: the workers' own records must not be what shares a line.
  Worker worker = *static_cast<Worker*>(argument);
  free(worker.handed);
  for (uint64_t i = 0; i < worker.rounds; i++) {
    auto* bytes = static_cast<volatile uint8_t*>(malloc(worker.size));
    if (bytes == nullptr) bench::die("malloc(%zu) failed", worker.size);
    for (size_t at = 0; at < worker.size; at++) bytes[at] = 0;
    for (uint64_t write = 0; write < worker.writes; write++) {
      bytes[write % worker.size] = static_cast<uint8_t>(bytes[write % worker.size] + 1);
    }
    for (size_t at = 0; at < worker.size; at++) worker.check += bytes[at];
    free(const_cast<uint8_t*>(bytes));
  }
  static_cast<Worker*>(argument)->check = worker.check;
  return nullptr;
}

uint64_t work(uint64_t rounds, bool passive, uint64_t threads, uint64_t writes, size_t size) {
  bench::Pages<Worker> workers(threads);
  for (uint64_t i = 0; i < threads; i++) {
    workers[i] = {passive ? malloc(size) : nullptr, {}, rounds, writes, size, 0};
  }
  for (uint64_t i = 0; i < threads; i++)
    workers[i].thread = bench::start_thread(scratch, &workers[i]);
  uint64_t check = 0;
  for (uint64_t i = 0; i < threads; i++) {
    bench::join_thread(workers[i].thread);
    check += workers[i].check;
  }
  return check;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Run run(argc, argv, "ROUNDS passive|active THREADS WRITES SIZE    (SIZE a power of two)");
  const uint64_t rounds = run.number();
  const bool passive = strcmp(run.word(), "passive") == 0;
  const uint64_t threads = run.number();
  const uint64_t writes = run.number();
  const size_t size = run.number();
  run.start();
  const uint64_t check = work(rounds, passive, threads, writes, size);
  run.stop(rounds * threads, check);
  return run.finish();
}

// Threads in a ring: each allocates batches of blocks of one size, passes them to its neighbour and
// frees those it gets. Every thread allocates and frees, but never a block of its own. After
// xmalloc-test (Lever and Boreham, "malloc() performance in a multithreaded Linux environment",
// 2000).
#include "support.h"

namespace {

constexpr size_t kBatchBlocks = 256;
// What may wait for one thread: enough that nobody waits for long, little enough to bound the
// memory.
constexpr uint64_t kWaitingBatches = 16;

struct Batch {
  Batch* next;
  void* blocks[kBatchBlocks];
};

struct Ring;

struct alignas(bench::kApart) Member {
  Ring* ring;
  Member* neighbour;
  pthread_t thread;
  uint64_t seed;
  uint64_t check;
  Batch* waiting;
  uint64_t waiting_count;
};

struct Ring {
  uint64_t batches;  // of one member
  size_t min;
  size_t max;
  // One lock for all: a batch is a few microseconds' work, the hand-over a small part of that.
  pthread_mutex_t lock;
  pthread_cond_t changed;
};

Batch* make_batch(bench::Random& random, size_t min, size_t max) {
  // The batch too is a block that another thread frees.
  auto* batch = static_cast<Batch*>(malloc(sizeof(Batch)));
  if (batch == nullptr) bench::die("malloc(%zu) failed", sizeof(Batch));
  const size_t size = random.skewed(min, max);
  for (void*& block : batch->blocks) {
    block = bench::allocate_labelled(size, static_cast<uint32_t>(random.next()));
  }
  return batch;
}

/// Frees a list of batches; returns how many there were.
uint64_t drop(Batch* batch, uint64_t& check) {
  uint64_t count = 0;
  for (; batch != nullptr; count++) {
    for (void* block : batch->blocks) check += bench::free_labelled(block);
    Batch* next = batch->next;
    free(batch);
    batch = next;
  }
  return count;
}

void* turn(void* argument) {
  auto& self = *static_cast<Member*>(argument);
  Ring& ring = *self.ring;
  bench::Random random(self.seed);
  uint64_t made = 0;
  uint64_t dropped = 0;
  Batch* ready = nullptr;
  while (made < ring.batches || dropped < ring.batches) {
    if (made < ring.batches && ready == nullptr) ready = make_batch(random, ring.min, ring.max);
    pthread_mutex_lock(&ring.lock);
    const auto room = [&] {
      return ready != nullptr && self.neighbour->waiting_count < kWaitingBatches;
    };
    while (self.waiting == nullptr && !room()) pthread_cond_wait(&ring.changed, &ring.lock);
    if (room()) {
      ready->next = self.neighbour->waiting;
      self.neighbour->waiting = ready;
      self.neighbour->waiting_count++;
      ready = nullptr;
      made++;
    }
    Batch* received = self.waiting;
    self.waiting = nullptr;
    self.waiting_count = 0;
    pthread_cond_broadcast(&ring.changed);
    pthread_mutex_unlock(&ring.lock);
    dropped += drop(received, self.check);
  }
  return nullptr;
}

uint64_t work(uint64_t batches, uint64_t threads, size_t min, size_t max) {
  Ring ring{batches, min, max, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER};
  bench::Pages<Member> members(threads);
  for (uint64_t i = 0; i < threads; i++) {
    members[i] = {&ring, &members[(i + 1) % threads], {}, i + 1, 0, nullptr, 0};
  }
  for (uint64_t i = 0; i < threads; i++) members[i].thread = bench::start_thread(turn, &members[i]);
  uint64_t check = 0;
  for (uint64_t i = 0; i < threads; i++) {
    bench::join_thread(members[i].thread);
    check += members[i].check;
  }
  return check;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Run run(argc, argv, "BATCHES THREADS MIN MAX    (batches of each thread)");
  const uint64_t batches = run.number();
  const uint64_t threads = run.number();
  const size_t min = run.number();
  const size_t max = run.number();
  if (threads < 2) run.wrong_usage();
  run.start();
  const uint64_t check = work(batches, threads, min, max);
  run.stop(batches * kBatchBlocks * threads, check);
  return run.finish();
}

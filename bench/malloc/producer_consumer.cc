// Producers allocate, consumers free: every block is freed by another thread than the one it came
// from.
#include "support.h"

namespace {

// Blocks travel in batches so that the queue's lock costs a small part of the allocator's work.
constexpr size_t kBatchBlocks = 128;
constexpr size_t kQueueBatches = 32;

struct Batch {
  void* blocks[kBatchBlocks];
};

class Queue {
 public:
  void push(const Batch& batch) {
    pthread_mutex_lock(&lock_);
    while (used_ == kQueueBatches) pthread_cond_wait(&not_full_, &lock_);
    batches_[(first_ + used_++) % kQueueBatches] = batch;
    pthread_cond_signal(&not_empty_);
    pthread_mutex_unlock(&lock_);
  }

  /// False: closed and empty.
  bool pop(Batch& batch) {
    pthread_mutex_lock(&lock_);
    while (used_ == 0 && !closed_) pthread_cond_wait(&not_empty_, &lock_);
    const bool found = used_ > 0;
    if (found) {
      batch = batches_[first_];
      first_ = (first_ + 1) % kQueueBatches;
      used_--;
      pthread_cond_signal(&not_full_);
    }
    pthread_mutex_unlock(&lock_);
    return found;
  }

  void close() {
    pthread_mutex_lock(&lock_);
    closed_ = true;
    pthread_cond_broadcast(&not_empty_);
    pthread_mutex_unlock(&lock_);
  }

 private:
  pthread_mutex_t lock_ = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t not_full_ = PTHREAD_COND_INITIALIZER;
  pthread_cond_t not_empty_ = PTHREAD_COND_INITIALIZER;
  size_t first_ = 0;
  size_t used_ = 0;
  bool closed_ = false;
  Batch batches_[kQueueBatches];
};

struct alignas(bench::kApart) Worker {
  Queue* queue;
  pthread_t thread;
  uint64_t seed;
  uint64_t batches;  // to produce
  size_t min;
  size_t max;
  uint64_t check;
};

void* produce(void* argument) {
  auto& worker = *static_cast<Worker*>(argument);
  bench::Random random(worker.seed);
  for (uint64_t i = 0; i < worker.batches; i++) {
    Batch batch;
    for (void*& block : batch.blocks) {
      const size_t size = random.skewed(worker.min, worker.max);
      block = bench::allocate_labelled(size, static_cast<uint32_t>(random.next()));
    }
    worker.queue->push(batch);
  }
  return nullptr;
}

void* consume(void* argument) {
  auto& worker = *static_cast<Worker*>(argument);
  Batch batch;
  while (worker.queue->pop(batch)) {
    for (void* block : batch.blocks) worker.check += bench::free_labelled(block);
  }
  return nullptr;
}

uint64_t work(uint64_t batches, uint64_t pairs, size_t min, size_t max) {
  static Queue queue;
  bench::Pages<Worker> workers(2 * pairs);
  for (uint64_t i = 0; i < 2 * pairs; i++) {
    workers[i] = {&queue, {}, i + 1, batches, min, max, 0};
    workers[i].thread = bench::start_thread(i < pairs ? produce : consume, &workers[i]);
  }
  uint64_t check = 0;
  for (uint64_t i = 0; i < 2 * pairs; i++) {
    if (i == pairs) queue.close();
    bench::join_thread(workers[i].thread);
    check += workers[i].check;
  }
  return check;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Run run(argc, argv, "BLOCKS PAIRS MIN MAX    (blocks of each of the producers)");
  const uint64_t batches = run.number() / kBatchBlocks + 1;
  const uint64_t pairs = run.number();
  const size_t min = run.number();
  const size_t max = run.number();
  run.start();
  const uint64_t check = work(batches, pairs, min, max);
  run.stop(batches * kBatchBlocks * pairs, check);
  return run.finish();
}

// First-class heaps: what lives in one ends with it.
#include <sys/resource.h>

#include <cstdint>
#include <thread>
#include <vector>

#include "check.h"
#include "superslab.h"

namespace {

unsigned long stat(const char* key) {
  static char text[64 << 10];
  CHECK(ss_stats_json(text, sizeof text) < sizeof text);
  const char* at = strstr(text, key);
  CHECK(at != nullptr);
  return strtoul(at + strlen(key), nullptr, 10);
}

const std::size_t kSizes[] = {0, 1, 100, 1000, 5000, 40000, 300000, 2 << 20, 5 << 20};
volatile std::size_t too_many = SIZE_MAX / 2;

void the_family() {
  ss_heap* heap = ss_heap_new(0);
  CHECK(heap != nullptr && stat("\"heaps\":") == 1);
  for (const std::size_t size : kSizes) {
    void* p = ss_heap_malloc(heap, size);
    CHECK(p != nullptr && reinterpret_cast<std::uintptr_t>(p) % 16 == 0 && ss_owns(p));
    CHECK(ss_usable_size(p) >= size);
    fill(p, size, 1);
    p = ss_heap_realloc(heap, p, size * 3 + 1);
    CHECK(p != nullptr && holds(p, size, 1));
    fill(p, size * 3 + 1, 2);
    // Plain realloc() knows it too.
    p = realloc(p, size * 2 + 1);
    CHECK(p != nullptr && holds(p, size * 2 + 1, 2));
    free(p);
    p = ss_heap_calloc(heap, 1, size);
    CHECK(p != nullptr && is_zero(p, size));
    free(p);
    for (const std::size_t alignment : {32, 4096, 1 << 20, 8 << 20}) {
      p = ss_heap_aligned_alloc(heap, alignment, size);
      CHECK(p != nullptr && reinterpret_cast<std::uintptr_t>(p) % alignment == 0);
      fill(p, size, 3);
      free(p);
    }
  }
  errno = 0;
  CHECK(ss_heap_malloc(heap, SS_HEAP_MAX_BYTES + 1) == nullptr && errno == ENOMEM);
  errno = 0;
  CHECK(ss_heap_calloc(heap, too_many, 3) == nullptr && errno == ENOMEM);
  errno = 0;
  CHECK(ss_heap_aligned_alloc(heap, 24, 3) == nullptr && errno == EINVAL);
  void* largest = ss_heap_malloc(heap, SS_HEAP_MAX_BYTES);
  CHECK(largest != nullptr);
  ss_heap_delete(heap);
  ss_heap_delete(nullptr);
  CHECK(stat("\"heaps\":") == 0);
}

void deleting_frees_everything() {
  for (int round = 0; round < 50; ++round) {
    ss_heap* heap = ss_heap_new(0);
    for (const std::size_t size : kSizes) {
      for (int i = 0; i < (size < 10000 ? 500 : 3); ++i) {
        void* p = ss_heap_malloc(heap, size);
        CHECK(p != nullptr);
        memset(p, round, size);
        if (i % 3 == 0) free(p);
      }
    }
    CHECK(stat("\"heapsCommittedBytes\":") > 10 << 20);
    void* last = ss_heap_malloc(heap, 24);
    CHECK(ss_owns(last));
    ss_heap_delete(heap);
    CHECK(!ss_owns(last));
  }
  CHECK(stat("\"heapsCommittedBytes\":") == 0);
  ss_trim();
  CHECK(stat("\"committedBytes\":") + stat("\"idleBytes\":") < 16 << 20);
  // Of the 50 times 30 MB no two were there at once.
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  CHECK(usage.ru_maxrss < 100 << 10);
}

// What was freed in a heap that is gone since has no say in what lies there now.
void frees_end_with_the_heap() {
  for (int round = 0; round < 20; ++round) {
    ss_heap* heap = ss_heap_new(0);
    std::vector<void*> blocks;
    for (int i = 0; i < 2000; ++i) blocks.push_back(ss_heap_malloc(heap, 64));
    for (int i = 0; i < 20; ++i) free(blocks[i * 100]);
    ss_heap_delete(heap);

    heap = ss_heap_new(0);
    blocks.clear();
    for (std::size_t i = 0; i < 4000; ++i) {
      blocks.push_back(ss_heap_malloc(heap, 64));
      fill(blocks.back(), 64, i);
    }
    // A thread that ends passes on all that it freed.
    std::thread([] { free(opaque(malloc(64))); }).join();
    ss_trim();
    for (std::size_t i = 0; i < 10000; ++i) fill(ss_heap_malloc(heap, 64), 64, 7777);
    for (std::size_t i = 0; i < blocks.size(); ++i) CHECK(holds(blocks[i], 64, i));
    ss_heap_delete(heap);
  }
}

void blocks_are_of_their_heap() {
  ss_heap* one = ss_heap_new(0);
  ss_heap* other = ss_heap_new(0);
  std::vector<void*> kept;
  for (int i = 0; i < 10000; ++i) {
    ss_heap_malloc(one, 64) ? (void)0 : abort();
    kept.push_back(ss_heap_malloc(other, 64));
    fill(kept.back(), 64, i);
    kept.push_back(malloc(64));
    fill(kept.back(), 64, i);
  }
  ss_heap_delete(one);
  for (int i = 0; i < 10000; ++i) opaque(malloc(64));
  for (std::size_t i = 0; i < kept.size(); ++i) CHECK(holds(kept[i], 64, i / 2));
  for (void* p : kept) free(p);
  ss_heap_delete(other);
}

void a_limit() {
  ss_heap* heap = ss_heap_new(1 << 20);
  std::vector<void*> kept;
  errno = 0;
  while (void* p = ss_heap_malloc(heap, 1024)) kept.push_back(p);
  CHECK(errno == ENOMEM);
  CHECK(kept.size() == 1024);
  // Freed by another thread, they make room again.
  std::thread([&] {
    for (void* p : kept) free(p);
  }).join();
  for (std::size_t i = 0; i < kept.size(); ++i) CHECK(ss_heap_malloc(heap, 1024) != nullptr);
  CHECK(ss_heap_malloc(heap, 1024) == nullptr);
  CHECK(ss_heap_malloc(heap, 4 << 20) == nullptr);
  ss_heap_delete(heap);
}

void shared_by_threads() {
  ss_heap* heap = ss_heap_new(0);
  std::vector<std::thread> threads;
  static void* handed[4][20000];
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([heap, t] {
      for (std::size_t i = 0; i < 20000; ++i) {
        handed[t][i] = ss_heap_malloc(heap, 16 + i % 500);
        fill(handed[t][i], 16, i);
        void* p = ss_heap_malloc(heap, 3000);
        free(p);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  threads.clear();
  // Each frees what its neighbour took.
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (std::size_t i = 0; i < 20000; ++i) {
        void* p = handed[(t + 1) % 4][i];
        CHECK(holds(p, 16, i));
        free(p);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ss_heap_delete(heap);
}

}  // namespace

int main() {
  the_family();
  deleting_frees_everything();
  frees_end_with_the_heap();
  blocks_are_of_their_heap();
  a_limit();
  shared_by_threads();
}

// Destructors of a thread's objects use memory, in any order, also after the heap's own has run.
#include <pthread.h>

#include <string>
#include <thread>
#include <vector>

#include "check.h"

namespace {

struct OfThread {
  OfThread() : words(100, std::string(60, 'w')) {}
  ~OfThread() {
    CHECK(words[99] == std::string(60, 'w'));
    std::vector<std::string> more(100, std::string(90, 'm'));
    CHECK(more[99][89] == 'm');
  }
  std::vector<std::string> words;
};
thread_local OfThread of_thread;

// Keys made before and after the heap's own, which was made at the first allocation. A destructor
// that sets its key again is called again, up to PTHREAD_DESTRUCTOR_ITERATIONS times.
constexpr int kKeys = 8;
pthread_key_t keys[kKeys];

template <int which>
void key_ends(void* value) {
  CHECK(holds(value, 300, which));
  free(value);
  void* next = malloc(3000);
  fill(next, 300, which);
  free(opaque(malloc(100000)));
  static thread_local int rounds = 0;
  if (++rounds < 3) {
    pthread_setspecific(keys[which], next);
  } else {
    free(next);
  }
}

template <int which = 0>
void make_keys() {
  if constexpr (which < kKeys) {
    CHECK(pthread_key_create(&keys[which], key_ends<which>) == 0);
    make_keys<which + 1>();
  }
}

void body(int n) {
  of_thread.words[0] = std::to_string(n);
  for (int i = 0; i < kKeys; ++i) {
    void* value = malloc(300);
    fill(value, 300, i);
    pthread_setspecific(keys[i], value);
  }
}

}  // namespace

int main() {
  make_keys();
  for (int round = 0; round < 100; ++round) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back(body, i);
    for (std::thread& thread : threads) thread.join();
  }
  body(0);
  // The main thread's end runs them too.
  pthread_exit(nullptr);
}

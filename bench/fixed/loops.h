// What the programs of this folder share: the kinds of memory that objects of one size come from, and
// how a loop is timed.
#pragma once

#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

namespace bench {

[[noreturn]] inline void die(const char* what) {
  dprintf(STDERR_FILENO, "%s\n", what);
  _exit(1);
}

inline uint64_t now_ns() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(time.tv_nsec);
}

inline uint64_t number(const char* text) { return strtoull(text, nullptr, 10); }

/// The object is used here: what was written to it has to be there, and everything is read again.
inline void use(void* object) {
  auto* word = static_cast<volatile uint64_t*>(object);
  *word = *word + 1;
  __asm__ volatile("" : : "r"(object) : "memory");
}

/// One by one, for kinds that have no calls for many.
template <class Kind>
struct OneByOne {
  using InLoop = Kind&;
  void get_bulk(void** out, size_t count) {
    for (size_t i = 0; i < count; i++) out[i] = self().get();
  }
  void put_bulk(void* const* objects, size_t count) {
    for (size_t i = 0; i < count; i++) self().put(objects[i]);
  }

 private:
  Kind& self() { return static_cast<Kind&>(*this); }
};

/// The least that hands out the same objects again: a second put lends one twice, and one thread only.
class BareArray : public OneByOne<BareArray> {
 public:
  explicit BareArray(size_t size) : objects_(new void*[kObjects]) {
    for (; count_ < kObjects; count_++) objects_[count_] = aligned_alloc(64, (size + 63) / 64 * 64);
  }
  void* get() { return objects_[--count_]; }
  void put(void* object) { objects_[count_++] = object; }

 private:
  static constexpr size_t kObjects = 256;
  void** objects_;
  size_t count_ = 0;
};

/// The same for threads: what a careful program writes.
class LockedList : public OneByOne<LockedList> {
 public:
  explicit LockedList(size_t size) : size_(size < sizeof(Node) ? sizeof(Node) : size) {}
  void* get() {
    pthread_mutex_lock(&lock_);
    Node* node = first_;
    if (node != nullptr) first_ = node->next;
    pthread_mutex_unlock(&lock_);
    return node != nullptr ? node : malloc(size_);
  }
  void put(void* object) {
    auto* node = static_cast<Node*>(object);
    pthread_mutex_lock(&lock_);
    node->next = first_;
    first_ = node;
    pthread_mutex_unlock(&lock_);
  }

 private:
  struct Node {
    Node* next;
  };
  const size_t size_;
  pthread_mutex_t lock_ = PTHREAD_MUTEX_INITIALIZER;
  Node* first_ = nullptr;
};

/// malloc and free, of whichever library the process has.
class Malloc : public OneByOne<Malloc> {
 public:
  explicit Malloc(size_t size) : size_(size) {}
  void* get() { return malloc(size_); }
  void put(void* object) { free(object); }

 private:
  const size_t size_;
};

/// Nanoseconds per object that is got, used and put, `count` at a time: of the fastest of many short
/// runs, which is what is left of a machine's noise when others use it too.
/// `kind` is what a function has in its own variables, by value or by reference.
template <class Kind>
double time_loop(Kind kind, size_t count) {
  constexpr int kRuns = 60;
  constexpr size_t kObjects = 320'000;
  void* objects[256];
  if (count > 256) die("at most 256 at a time");
  double fastest = 1e18;
  for (int run = 0; run < kRuns; run++) {
    const uint64_t start = now_ns();
    if (count == 1) {
      for (size_t i = 0; i < kObjects; i++) {
        void* object = kind.get();
        use(object);
        kind.put(object);
      }
    } else {
      for (size_t i = 0; i < kObjects; i += count) {
        kind.get_bulk(objects, count);
        for (size_t k = 0; k < count; k++) use(objects[k]);
        kind.put_bulk(objects, count);
      }
    }
    const double ns = static_cast<double>(now_ns() - start) / kObjects;
    if (ns < fastest) fastest = ns;
  }
  return fastest;
}

/// What threads do at the same time.
enum class Pattern { kOwn, kPass, kBurst };

/// What is resident, in KiB.
inline uint64_t rss_kib() {
  unsigned long pages = 0;
  FILE* file = fopen("/proc/self/statm", "r");
  if (file == nullptr || fscanf(file, "%*u %lu", &pages) != 1) die("no /proc/self/statm");
  fclose(file);
  return pages * static_cast<unsigned long>(sysconf(_SC_PAGESIZE)) / 1024;
}

struct Figures {
  double ns;  // of a core per object
  double cpu_ns = 0;  // the same, but only while threads ran: what others left of the machine
  uint64_t kib = 0;  // more resident while the threads ran than before
};

/// Objects on their way from one thread to the next.
struct alignas(128) Ring {
  static constexpr size_t kPlaces = 256;
  alignas(128) size_t put = 0;
  alignas(128) size_t taken = 0;
  alignas(128) void* objects[kPlaces];

  bool push(void* object) {
    const size_t at = put;
    if (at - __atomic_load_n(&taken, __ATOMIC_ACQUIRE) == kPlaces) return false;
    objects[at % kPlaces] = object;
    __atomic_store_n(&put, at + 1, __ATOMIC_RELEASE);
    return true;
  }
  void* pop() {
    const size_t at = taken;
    if (at == __atomic_load_n(&put, __ATOMIC_ACQUIRE)) return nullptr;
    void* object = objects[at % kPlaces];
    __atomic_store_n(&taken, at + 1, __ATOMIC_RELEASE);
    return object;
  }
};

/// Threads that get, use and put at the same time.
template <class Kind>
class Crowd {
 public:
  Crowd(Kind& kind, size_t size, size_t threads, Pattern pattern)
      : kind_(kind), size_(size), pattern_(pattern), count_(threads) {
    void* place = nullptr;
    if (posix_memalign(&place, alignof(Member), threads * sizeof(Member)) != 0) die("no memory");
    memset(place, 0, threads * sizeof(Member));
    members_ = static_cast<Member*>(place);
  }

  Figures run(uint64_t ms) {
    const uint64_t before = rss_kib();
    pthread_barrier_init(&ready_, nullptr, static_cast<unsigned>(count_) + 1);
    for (size_t i = 0; i < count_; i++) {
      members_[i].crowd = this;
      members_[i].next = &members_[(i + 1) % count_].ring;
      if (pthread_create(&members_[i].thread, nullptr, work, &members_[i]) != 0) die("no thread");
    }
    pthread_barrier_wait(&ready_);
    const uint64_t start = now_ns();
    timespec rest{static_cast<time_t>(ms / 1000), static_cast<long>(ms % 1000) * 1'000'000};
    nanosleep(&rest, nullptr);
    const uint64_t resident = rss_kib();
    __atomic_store_n(&stop_, true, __ATOMIC_RELAXED);
    uint64_t objects = 0;
    uint64_t cpu_ns = 0;
    for (size_t i = 0; i < count_; i++) pthread_join(members_[i].thread, nullptr);
    const uint64_t took = now_ns() - start;
    for (size_t i = 0; i < count_; i++) {
      objects += members_[i].done;
      cpu_ns += members_[i].cpu_ns;
      while (void* object = members_[i].ring.pop()) kind_.put(object);
    }
    const auto cores = static_cast<size_t>(sysconf(_SC_NPROCESSORS_ONLN));
    const double ns = static_cast<double>(took * (count_ < cores ? count_ : cores)) /
                      static_cast<double>(objects);
    return {ns, static_cast<double>(cpu_ns) / static_cast<double>(objects),
            resident - (resident < before ? resident : before)};
  }

 private:
  struct Member {
    Ring ring;
    Crowd* crowd;
    Ring* next;
    uint64_t done;
    uint64_t cpu_ns;
    pthread_t thread;
  };

  static void* work(void* argument) {
    auto& me = *static_cast<Member*>(argument);
    pthread_barrier_wait(&me.crowd->ready_);
    switch (me.crowd->pattern_) {
      case Pattern::kOwn:
        me.crowd->work_alone(me);
        break;
      case Pattern::kPass:
        me.crowd->pass_on(me);
        break;
      case Pattern::kBurst:
        me.crowd->burst(me);
        break;
    }
    timespec used;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    me.cpu_ns = static_cast<uint64_t>(used.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(used.tv_nsec);
    return nullptr;
  }

  bool stops() const { return __atomic_load_n(&stop_, __ATOMIC_RELAXED); }

  /// 16 objects live, the oldest of them replaced.
  void work_alone(Member& me) {
    void* live[16];
    for (void*& object : live) object = kind_.get();
    uint64_t done = 0;
    while (!stops()) {
      for (int i = 0; i < 1024; i++) {
        void*& place = live[i % 16];
        kind_.put(place);
        place = kind_.get();
        use(place);
      }
      done += 1024;
    }
    for (void* object : live) kind_.put(object);
    me.done = done;
  }

  /// 64 objects at a time, whole, and then another thread's turn.
  void burst(Member& me) {
    void* live[64];
    while (!stops()) {
      for (void*& object : live) {
        object = kind_.get();
        memset(object, 1, size_);
        use(object);
      }
      for (void* object : live) kind_.put(object);
      me.done += 64;
      sched_yield();
    }
  }

  /// What it gets the next thread puts.
  void pass_on(Member& me) {
    uint64_t done = 0;
    while (!stops()) {
      bool is_stuck = true;
      for (int i = 0; i < 64; i++) {
        void* object = kind_.get();
        use(object);
        if (!me.next->push(object)) {
          kind_.put(object);
          break;
        }
        is_stuck = false;
      }
      while (void* object = me.ring.pop()) {
        use(object);
        kind_.put(object);
        done++;
        is_stuck = false;
      }
      if (is_stuck) sched_yield();
    }
    me.done = done;
  }

  Kind& kind_;
  const size_t size_;
  const Pattern pattern_;
  const size_t count_;
  Member* members_;
  pthread_barrier_t ready_;
  bool stop_ = false;
};

/// Does what the arguments after the kind say: SIZE loop COUNT, or SIZE own|pass|burst THREADS MS.
template <class Kind>
int measure(Kind& kind, size_t size, int argc, char** argv) {
  if (argc < 2) die("usage: KIND SIZE loop COUNT | SIZE own|pass|burst THREADS MS");
  Figures figures;
  if (strcmp(argv[0], "loop") == 0) {
    figures = {time_loop<typename Kind::InLoop>(kind, number(argv[1]))};
  } else {
    const Pattern pattern = strcmp(argv[0], "own") == 0    ? Pattern::kOwn
                            : strcmp(argv[0], "pass") == 0 ? Pattern::kPass
                                                           : Pattern::kBurst;
    if (argc < 3) die("no MS");
    figures = Crowd<Kind>(kind, size, number(argv[1]), pattern).run(number(argv[2]));
  }
  printf("%.4f %lu %.4f\n", figures.ns, static_cast<unsigned long>(figures.kib), figures.cpu_ns);
  return 0;
}

}  // namespace bench

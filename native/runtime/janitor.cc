#include "runtime/janitor.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include <algorithm>
#if defined(__GLIBC__) && defined(__has_include)
#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#define SUPERSLAB_KNOWS_SINGLE_THREADED 1
#endif
#endif

#include "runtime/process_heap.h"

namespace superslab {
namespace {

/// Looks in each purge delay: what is idle goes back after one delay and at most this part of one.
constexpr unsigned kLooksPerDelay = 4;

constexpr Nanos kLeastLook = 10 * kMillisecond;

/// Less than this is not worth a thread.
constexpr ByteCount kWorthwhileBytes = 2 * kMiB;

/// A second thread costs a program with one thread more than its stack: the C library takes its
/// locks for real from then on, for good.
constexpr ByteCount kWorthwhileBytesAlone = 8 * kMiB;

constexpr ByteCount kStackBytes = 256 * kKiB;

bool is_alone() {
#ifdef SUPERSLAB_KNOWS_SINGLE_THREADED
  return __libc_single_threaded != 0;
#else
  return false;
#endif
}

void sleep_for(Nanos span) {
  timespec left{static_cast<time_t>(span / 1'000'000'000), static_cast<long>(span % 1'000'000'000)};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

}  // namespace

void* Janitor::run(void* self) {
  auto& janitor = *static_cast<Janitor*>(self);
  const Nanos look = to_nanos(janitor.heap_.policy().purge_delay_ms) / kLooksPerDelay;
  do {
    sleep_for(std::max(look, kLeastLook));
  } while (janitor.heap_.clean());
  janitor.is_running_.store(false, std::memory_order_relaxed);
  return nullptr;
}

void Janitor::start() {
  if (heap_.idle_bytes() < (is_alone() ? kWorthwhileBytesAlone : kWorthwhileBytes)) return;
  if (is_running_.exchange(true, std::memory_order_relaxed)) return;
  const int error = errno;
  // Every signal is for the program's own threads.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  // Without a thread memory goes back with the next allocations.
  if (pthread_create(&thread, &attributes, run, this) != 0) forget_thread();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  errno = error;
}

}  // namespace superslab

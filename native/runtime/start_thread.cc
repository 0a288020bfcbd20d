#include "runtime/start_thread.h"

#include <signal.h>

#include "base/keep_errno.h"
#include "base/types.h"

namespace superslab {
namespace {

/// Batches of a thousand pages lie there, and what a program has of thread-local variables.
constexpr ByteCount kStackBytes = 256 * kKiB;

}  // namespace

bool start_thread(void* (*run)(void* context), void* context, pthread_t& out) {
  const KeepErrno keep;
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return false;
  pthread_attr_setstacksize(&attributes, kStackBytes);
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const bool is_made = pthread_create(&out, &attributes, run, context) == 0;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  return is_made;
}

}  // namespace superslab

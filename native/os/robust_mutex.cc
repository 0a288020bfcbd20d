#include "os/robust_mutex.h"

#include <cerrno>

namespace superslab {
namespace {

RobustLock outcome(int code) {
  switch (code) {
    case 0:
      return RobustLock::kLocked;
    case EOWNERDEAD:
      return RobustLock::kOwnerDied;
    case EBUSY:
      return RobustLock::kBusy;
    default:
      return RobustLock::kLost;
  }
}

}  // namespace

bool RobustMutex::init() {
  pthread_mutexattr_t attributes;
  if (pthread_mutexattr_init(&attributes) != 0) return false;
  const bool ok = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) == 0 &&
                  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) == 0 &&
                  pthread_mutex_init(&mutex_, &attributes) == 0;
  pthread_mutexattr_destroy(&attributes);
  return ok;
}

RobustLock RobustMutex::lock() { return outcome(pthread_mutex_lock(&mutex_)); }

RobustLock RobustMutex::try_lock() { return outcome(pthread_mutex_trylock(&mutex_)); }

}  // namespace superslab

// A mutex in memory that processes share, which outlives the death of whoever holds it.
//
// The words of a pthread mutex mean something to the running kernel only: after the machine was
// started again init() has to be called before anybody locks it.
#pragma once

#include <pthread.h>

#include <cstdint>

namespace superslab {

enum class RobustLock : std::uint8_t {
  kLocked,
  kOwnerDied,  // locked; the holder died: repair what it guards, then call make_consistent()
  kBusy,       // try_lock() only
  kLost,       // a holder died and nobody repaired: the mutex has to be made anew
};

class RobustMutex {
 public:
  /// Once, in memory of zeros or of an earlier boot. False when the system lacks such mutexes.
  bool init();
  RobustLock lock();
  RobustLock try_lock();
  /// Whoever got kOwnerDied and unlocks without this makes it kLost.
  void make_consistent() { pthread_mutex_consistent(&mutex_); }
  void unlock() { pthread_mutex_unlock(&mutex_); }

 private:
  pthread_mutex_t mutex_;
};

}  // namespace superslab

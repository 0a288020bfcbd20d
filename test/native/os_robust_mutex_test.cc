// A mutex whose holder dies.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "os/robust_mutex.h"

namespace superslab {
namespace {

/// In memory that a child shares.
RobustMutex* shared_mutex() {
  void* const at = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return at == MAP_FAILED ? nullptr : static_cast<RobustMutex*>(at);
}

void die_holding(RobustMutex& mutex) {
  const pid_t child = fork();
  if (child == 0) {
    mutex.lock();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
}

TEST(os, "the next to lock learns that the holder died, and repairs") {
  RobustMutex* const mutex = shared_mutex();
  CHECK(mutex != nullptr);
  CHECK(mutex->init());
  CHECK(mutex->lock() == RobustLock::kLocked);
  mutex->unlock();
  die_holding(*mutex);
  CHECK(mutex->try_lock() == RobustLock::kOwnerDied);
  mutex->make_consistent();
  mutex->unlock();
  CHECK(mutex->lock() == RobustLock::kLocked);
  mutex->unlock();
  munmap(mutex, 4096);
}

TEST(os, "what nobody repaired cannot be locked any more") {
  RobustMutex* const mutex = shared_mutex();
  CHECK(mutex->init());
  die_holding(*mutex);
  CHECK(mutex->lock() == RobustLock::kOwnerDied);
  mutex->unlock();
  CHECK(mutex->lock() == RobustLock::kLost);
  munmap(mutex, 4096);
}

TEST(os, "a mutex that another process holds is busy") {
  RobustMutex* const mutex = shared_mutex();
  CHECK(mutex->init());
  CHECK(mutex->lock() == RobustLock::kLocked);
  const pid_t child = fork();
  if (child == 0) _exit(mutex->try_lock() == RobustLock::kBusy ? 0 : 1);
  int status = 0;
  CHECK_EQ(waitpid(child, &status, 0), child);
  CHECK_EQ(status, 0);
  mutex->unlock();
  munmap(mutex, 4096);
}

}  // namespace
}  // namespace superslab

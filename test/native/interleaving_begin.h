// Before real source that is compiled a second time: see interleaving.h. No #pragma once.
#define superslab superslab_stepped
#define std stepped_std
// Its locks are those of interleaving.h.
#define Mutex UnsteppedMutex
#define LockGuard UnsteppedLockGuard
#define Condition UnsteppedCondition
#include "base/lock.h"
#undef Mutex
#undef LockGuard
#undef Condition
namespace superslab {
using stepped::Condition;
using stepped::LockGuard;
class Mutex : public stepped::Mutex {
 public:
  using stepped::Mutex::Mutex;
  Holder survive_fork() { return Holder::kNobody; }
};
}  // namespace superslab

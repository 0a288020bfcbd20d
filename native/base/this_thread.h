// Who runs: a number that differs between the threads that are alive, and stays with a thread over
// fork(), so that the child can tell what it holds itself from what a vanished thread held.
#pragma once

#include <pthread.h>
#include <sched.h>

#include <cstdint>

namespace superslab {

/// Never 0, and always even. Safe in signal handlers; no call where the compiler knows the
/// register.
inline std::uintptr_t this_thread() {
#if defined(__linux__) && defined(__x86_64__) && defined(__has_builtin)
#if __has_builtin(__builtin_thread_pointer)
  return reinterpret_cast<std::uintptr_t>(__builtin_thread_pointer());
#else
  return reinterpret_cast<std::uintptr_t>(pthread_self());
#endif
#else
  return reinterpret_cast<std::uintptr_t>(pthread_self());
#endif
}

/// Lets another thread run that this one waits for. No cancellation point.
inline void yield_thread() { sched_yield(); }

/// Whose hands something is in, as the child of a fork sees it.
enum class Holder : std::uint8_t {
  kNobody,
  kMe,        // this thread, which a signal handler interrupted and forked
  kVanished,  // a thread that is not in the child: what it was about is half done
};

inline Holder holder_of(std::uintptr_t thread) {
  if (thread == 0) return Holder::kNobody;
  return thread == this_thread() ? Holder::kMe : Holder::kVanished;
}

}  // namespace superslab

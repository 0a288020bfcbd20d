// Threads of ours: small stacks, and no signals, which are for the program's threads.
#pragma once

#include <pthread.h>

namespace superslab {

/// Calls run(context) on a thread of its own. With `joinable` the caller joins it, else nobody
/// does. False when the system gives no thread.
[[nodiscard]] bool start_thread(void* (*run)(void* context), void* context,
                                pthread_t* joinable = nullptr);

}  // namespace superslab

// Threads of ours: small stacks, and no signals, which are for the program's threads.
#pragma once

#include <pthread.h>

namespace superslab {

/// Calls run(context) on a thread of its own, which the caller joins as `out`. False when the
/// system gives no thread.
[[nodiscard]] bool start_thread(void* (*run)(void* context), void* context, pthread_t& out);

}  // namespace superslab

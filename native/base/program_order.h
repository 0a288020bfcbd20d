// fork() may come between any two stores of a thread, and its child sees those before and none of
// those after. Data that the child goes on with is written in such an order that what is missing
// costs memory at most, never its integrity.
#pragma once

#include <atomic>

namespace superslab {

/// Stores before it are not moved behind it by the compiler, nor the other way round. No
/// instruction: to itself a processor, and to fork() the kernel, shows a thread's stores in order.
inline void in_program_order() { std::atomic_signal_fence(std::memory_order_seq_cst); }

}  // namespace superslab

// Restartable sequences of Linux (rseq(2)): a few instructions on data of the processor that the
// thread runs on, which start again from the beginning when the thread is moved or interrupted
// before the last of them. No atomic instruction, and no data that a thread leaves behind.
#pragma once

#include <cstddef>
#include <cstdint>

// ThreadSanitizer sees nothing of what they do.
#if defined(__linux__) && defined(__x86_64__) && defined(__GNUC__) && !defined(__SANITIZE_THREAD__)
#define SUPERSLAB_HAS_RSEQ 1
#else
#define SUPERSLAB_HAS_RSEQ 0
#endif

namespace superslab {

/// What the kernel and a thread tell each other, as linux/rseq.h lays it out.
struct RseqArea {
  std::uint32_t cpu_id_start;
  std::uint32_t cpu_id;
  std::uint64_t rseq_cs;
};

/// How far from the thread pointer the C library has put the area of each thread; 0 where it has
/// registered none. Looks the C library's symbols up, which takes the loader's lock.
std::ptrdiff_t find_rseq_offset();

}  // namespace superslab

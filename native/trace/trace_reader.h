// Reads a trace that nobody vouches for, and puts its events in order: of each process those of all
// its threads by time, with blocks as numbers instead of addresses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "trace/trace_format.h"

namespace superslab::trace {

/// One event of a process.
struct Op {
  Nanos at;              // since the process's first event
  std::uint32_t block;   // a number that the block has while it lives; kNoBlock for a thread's end
  std::uint32_t thread;  // from 0 on
  std::uint64_t bytes : 56;
  std::uint64_t kind : 8;
};
inline constexpr std::uint32_t kNoBlock = ~std::uint32_t{0};

struct TracedProcess {
  std::uint32_t number = 0;
  std::uint32_t parent = 0;  // that it was forked from; 0: none
  std::uint64_t pid = 0;
  std::uint32_t threads = 0;
  std::uint32_t blocks = 0;  // most that live at once
  /// Frees of blocks that the trace does not know: from before it began, from the parent, or
  /// foreign.
  std::uint64_t unknown_frees = 0;
  /// Blocks that were allocated anew without a free that the trace knows.
  std::uint64_t lost_frees = 0;
  std::vector<Op> ops;
};

struct Trace {
  std::string superslab;  // the version that wrote it
  std::uint32_t page_bytes = 0;
  std::uint32_t processors = 0;
  std::uint32_t sources = 0;  // bits of Source
  std::uint64_t dropped = 0;
  bool is_full = false;  // recording ended before the program did
  std::uint64_t events = 0;
  std::vector<TracedProcess> processes;  // by number
};

/// Reads `bytes`, which may be all that a killed program left. Empty, or what is wrong in words.
[[nodiscard]] std::string read_trace(std::span<const std::byte> bytes, Trace& out);

/// The same of a file.
[[nodiscard]] std::string read_trace_file(const char* path, Trace& out);

}  // namespace superslab::trace

// What a saved policy depends on beside the program.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/types.h"

namespace superslab {

/// When the kernel gives transparent huge pages.
enum class ThpMode : std::uint8_t { kNone, kNever, kAdvise, kAlways };
inline constexpr std::string_view kThpWords = "none|never|madvise|always";

struct MachineFacts {
  ByteCount page_bytes = 0;
  ThpMode thp = ThpMode::kNone;
  unsigned processors = 0;  // that are running
};

/// Of this machine, by system calls that allocate nothing. `sys` is the mount point of /sys.
MachineFacts read_machine(const char* sys = "/sys");

/// Reads a whole file of at most size - 1 bytes into `text` and ends it with NUL. False for one
/// that cannot be read, is longer, or has a NUL in it. Allocates nothing.
bool read_whole_file(const char* path, char* text, std::size_t size);

}  // namespace superslab

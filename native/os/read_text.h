// Small text files of /sys and /proc, read without allocating: the shim calls this inside malloc.
#pragma once

#if defined(__linux__)

#include <cstddef>
#include <cstdint>

namespace superslab {

/// Reads at most size - 1 bytes of `root` + `path` into `text` and ends them with NUL.
/// False, and an empty text, when the file cannot be read.
bool read_text(const char* root, const char* path, char* text, std::size_t size);

/// The decimal number a one-line file holds, or `otherwise`.
std::uint64_t read_number(const char* root, const char* path, std::uint64_t otherwise);

}  // namespace superslab

#endif

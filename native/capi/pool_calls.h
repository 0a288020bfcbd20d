// What the functions of all pools have in common: errno, options and statistics whose size the
// caller knows, and faults in words.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/keep_errno.h"
#include "pools/fixed/fixed_pool.h"
#include "pools/pool.h"

namespace superslab {

inline int error_of(FixedFault fault) {
  switch (fault) {
    case FixedFault::kNone:
      break;
    case FixedFault::kNoMemory:
      return ENOMEM;
    case FixedFault::kLimit:
      return ENOBUFS;
    case FixedFault::kClosed:
      return ESHUTDOWN;
    case FixedFault::kRefused:
      return ECANCELED;
    case FixedFault::kForeign:
      return EINVAL;
    case FixedFault::kAlreadyFree:
      return EALREADY;
  }
  return 0;
}

/// Sets errno only where something is wrong, whatever was called meanwhile.
template <class Call>
auto with_errno(Call call) {
  const int before = errno;
  const auto fault = call();
  errno = fault == decltype(fault)::kNone ? before : error_of(fault);
  return fault;
}

/// Reads a struct that the caller may know shorter or longer, over the defaults in `out`. What ours
/// has not must be 0: false if it is not.
template <class Struct>
bool read_struct(const Struct* given, Struct& out) {
  if (given == nullptr || given->struct_bytes < sizeof given->struct_bytes) return false;
  const auto* bytes = reinterpret_cast<const unsigned char*>(given);
  for (std::size_t i = sizeof out; i < given->struct_bytes; ++i)
    if (bytes[i] != 0) return false;
  std::memcpy(&out, given, std::min(given->struct_bytes, sizeof out));
  return true;
}

/// Fills in as much as the caller's struct has: -1 with EINVAL where it has nothing.
template <class Struct, class Make>
int write_stats(Struct* stats, Make make) {
  if (stats == nullptr || stats->struct_bytes < sizeof stats->struct_bytes) {
    errno = EINVAL;
    return -1;
  }
  const Struct all = make();
  const std::size_t bytes = stats->struct_bytes;
  std::memset(stats, 0, bytes);
  std::memcpy(stats, &all, std::min(bytes, sizeof all));
  stats->struct_bytes = bytes;
  return 0;
}

inline const char* name_of(PoolFault fault) {
  switch (fault) {
    case PoolFault::kNone:
      break;
    case PoolFault::kHeap:
      return "heap";
    case PoolFault::kDepth:
      return "depth";
    case PoolFault::kMagazine:
    case PoolFault::kStaged:
      return "magazine";
  }
  return nullptr;
}

}  // namespace superslab

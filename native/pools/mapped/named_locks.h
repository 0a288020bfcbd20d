// Locks that a program gives names, for things of its own. Each is a lock of a byte of the file, so
// that the kernel ends it with its process; two names whose hashes agree, of 61 bits, would be one.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>

#include "pools/mapped/sharing.h"

namespace superslab::mapped {

/// Those of one pool. One thread.
class NamedLocks {
 public:
  enum class Result : std::uint8_t {
    kLocked,
    kHeldHere,  // by this pool, which would wait for itself
    kHeldElsewhere,
    kFailed,  // the file system has no locks, or no memory for them
  };

  /// At once or not at all. Without `sharing` no other pool can have the file.
  Result lock(std::string_view name, FileLock kind, Sharing* sharing);
  /// One of them; of a name that is not locked, nothing.
  void unlock(std::string_view name, Sharing* sharing);

 private:
  struct Held {
    FileLock kind;
    std::uint32_t count;
  };

  std::unordered_map<std::uint64_t, Held> held_;  // by the hash
};

}  // namespace superslab::mapped

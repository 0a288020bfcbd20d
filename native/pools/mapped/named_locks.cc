#include "pools/mapped/named_locks.h"

namespace superslab::mapped {
namespace {

/// FNV-1a, stirred, as its upper bits know little of the last letters.
std::uint64_t hash_of(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char letter : name) hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001b3;
  hash = (hash ^ hash >> 32) * 0x9e3779b97f4a7c15;
  return (hash ^ hash >> 29) & kNamedLockMask;
}

}  // namespace

NamedLocks::Result NamedLocks::lock(std::string_view name, FileLock kind, Sharing* sharing) {
  const std::uint64_t hash = hash_of(name);
  const auto known = held_.find(hash);
  if (known != held_.end()) {
    if (kind == FileLock::kExclusive || known->second.kind == FileLock::kExclusive)
      return Result::kHeldHere;
    ++known->second.count;
    return Result::kLocked;
  }
  if (sharing != nullptr) {
    const FileError error = sharing->file().lock_byte(kNamedLocks + hash, kind);
    if (error.status == FileStatus::kLocked) return Result::kHeldElsewhere;
    if (!error.ok()) return Result::kFailed;
  }
  held_.emplace(hash, Held{kind, 1});
  return Result::kLocked;
}

void NamedLocks::unlock(std::string_view name, Sharing* sharing) {
  const std::uint64_t hash = hash_of(name);
  const auto known = held_.find(hash);
  if (known == held_.end() || --known->second.count > 0) return;
  held_.erase(known);
  if (sharing == nullptr) return;
  static_cast<void>(sharing->file().unlock_byte(kNamedLocks + hash));
  sharing->tell();
}

}  // namespace superslab::mapped

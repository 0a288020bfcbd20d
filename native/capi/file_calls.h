// What the functions of pools in files have in common.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include "os/file.h"

namespace superslab {

inline int or_else(int code, int otherwise) { return code != 0 ? code : otherwise; }

/// The errno for a file that cannot be opened.
inline int error_of(const FileError& file) {
  switch (file.status) {
    case FileStatus::kForeignOwner:
    case FileStatus::kTooOpen:
      return EPERM;
    case FileStatus::kNotRegular:
      return or_else(file.code, EINVAL);
    case FileStatus::kLink:
      return ELOOP;
    case FileStatus::kNoSpace:
      return or_else(file.code, ENOSPC);
    case FileStatus::kUnsupported:
      return or_else(file.code, ENOTSUP);
    default:
      return or_else(file.code, EIO);
  }
}

/// A path that stays what it is when the program goes to another folder.
inline std::string absolute(const char* path) {
  char* const folder = path[0] == '/' ? nullptr : getcwd(nullptr, 0);
  if (folder == nullptr) return path;
  std::string whole = std::string(folder) + "/" + path;
  std::free(folder);
  return whole;
}

/// The end of a path, as much as `to` has room for.
template <std::size_t kBytes>
void show_path(const std::string& path, char (&to)[kBytes]) {
  const std::size_t shown = std::min(path.size(), kBytes - 1);
  std::memcpy(to, path.data() + path.size() - shown, shown);
}

}  // namespace superslab

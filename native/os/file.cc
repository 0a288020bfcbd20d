#include "os/file.h"

#include <cerrno>

namespace superslab {

FileError file_error(int code) {
  switch (code) {
    case 0:
      return {};
    case ENOENT:
    case ENOTDIR:
      return {FileStatus::kNotFound, code};
    case EEXIST:
      return {FileStatus::kExists, code};
    case EISDIR:
    case ENXIO:  // a pipe or socket that nobody serves
      return {FileStatus::kNotRegular, code};
    case ELOOP:
      return {FileStatus::kLink, code};
    case EACCES:
    case EPERM:
      return {FileStatus::kNoAccess, code};
    case EROFS:
      return {FileStatus::kReadOnly, code};
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return {FileStatus::kNoSpace, code};
    case EMFILE:
    case ENFILE:
      return {FileStatus::kTooManyFiles, code};
    case ENOMEM:
      return {FileStatus::kNoMemory, code};
    case EOPNOTSUPP:
    case ENOSYS:
      return {FileStatus::kUnsupported, code};
    default:
      return {FileStatus::kIo, code};
  }
}

}  // namespace superslab

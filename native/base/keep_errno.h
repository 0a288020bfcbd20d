#pragma once

#include <cerrno>

namespace superslab {

/// errno is at its end what it was at its beginning.
class KeepErrno {
 public:
  KeepErrno() : error_(errno) {}
  ~KeepErrno() { errno = error_; }
  KeepErrno(const KeepErrno&) = delete;
  KeepErrno& operator=(const KeepErrno&) = delete;

 private:
  const int error_;
};

}  // namespace superslab

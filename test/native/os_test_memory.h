// A reservation that is given back when the test ends.
#pragma once

#include "base/types.h"
#include "os/os.h"

namespace superslab_test {

class Reservation {
 public:
  Reservation(superslab::Os& os, superslab::ByteCount bytes, superslab::ByteCount alignment)
      : os_(os), bytes_(bytes), start_(static_cast<unsigned char*>(os.reserve(bytes, alignment))) {}
  ~Reservation() {
    if (start_ != nullptr) os_.unreserve(start_, bytes_);
  }
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;

  explicit operator bool() const { return start_ != nullptr; }
  unsigned char* at(superslab::ByteCount offset) const { return start_ + offset; }
  superslab::ByteCount bytes() const { return bytes_; }

 private:
  superslab::Os& os_;
  superslab::ByteCount bytes_;
  unsigned char* start_;
};

inline bool is_all(const unsigned char* p, superslab::ByteCount bytes, unsigned char value) {
  for (superslab::ByteCount i = 0; i < bytes; ++i) {
    if (p[i] != value) return false;
  }
  return true;
}

}  // namespace superslab_test

// The fuzzer's bytes, read as numbers. At their end every number is 0.
#pragma once

#include <stddef.h>
#include <stdint.h>

class Input {
 public:
  Input(const uint8_t* data, size_t bytes) : next_(data), end_(data + bytes) {}

  bool is_empty() const { return next_ == end_; }
  uint8_t byte() { return is_empty() ? 0 : *next_++; }
  uint16_t word() {
    const uint8_t low = byte();
    return static_cast<uint16_t>(low | byte() << 8);
  }
  /// Sizes of every kind from three bytes: mantissa and exponent, so that a changed bit reaches
  /// another class. At most 16 MiB, and mostly much less.
  size_t size() {
    const uint8_t kind = byte();
    const size_t value = word();
    return kind < 192 ? value >> (kind % 13) : value << (kind % 9);
  }
  /// 1 to 4 MiB, a power of two.
  size_t alignment() { return size_t{1} << byte() % 23; }

 private:
  const uint8_t* next_;
  const uint8_t* end_;
};

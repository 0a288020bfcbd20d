// JSON of numbers, written as far as the buffer goes and measured to its end, or piece by piece.
#pragma once

#include <cstddef>
#include <cstdint>

namespace superslab {

class JsonText {
 public:
  /// What has come together, with a zero behind it, goes away through `flush`, if there is one.
  using Flush = void (*)(const char* text);
  JsonText(char* buffer, std::size_t size, Flush flush = nullptr)
      : buffer_(buffer), size_(size), flush_(flush) {
    if (size > 0) buffer[0] = '\0';
  }
  ~JsonText() {
    if (flush_ != nullptr) flush_(buffer_);
  }
  JsonText(const JsonText&) = delete;
  JsonText& operator=(const JsonText&) = delete;

  void open(char bracket) {
    separate();
    put(bracket);
    needs_comma_ = false;
  }
  void close(char bracket) {
    put(bracket);
    needs_comma_ = true;
  }

  /// `name` needs no escapes.
  void key(const char* name) {
    separate();
    put('"');
    while (*name != '\0') put(*name++);
    put('"');
    put(':');
    needs_comma_ = false;
  }

  void number(std::uint64_t n) {
    char digits[20];
    std::size_t count = 0;
    do {
      digits[count++] = static_cast<char>('0' + n % 10);
      n /= 10;
    } while (n != 0);
    while (count > 0) put(digits[--count]);
    needs_comma_ = true;
  }

  void add(const char* name, std::uint64_t n) {
    key(name);
    number(n);
  }

  /// Of the whole text, without the zero at its end.
  std::size_t length() const { return length_; }

 private:
  void separate() {
    if (needs_comma_) put(',');
  }
  void put(char c) {
    if (flush_ != nullptr && used_ + 1 == size_) {
      flush_(buffer_);
      used_ = 0;
    }
    if (used_ + 1 < size_) {
      buffer_[used_++] = c;
      buffer_[used_] = '\0';
    }
    ++length_;
  }

  char* buffer_;
  std::size_t size_;
  Flush flush_;
  std::size_t used_ = 0;
  std::size_t length_ = 0;
  bool needs_comma_ = false;
};

}  // namespace superslab

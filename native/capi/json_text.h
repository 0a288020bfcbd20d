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
    put_all(name);
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

  /// Any text: what JSON does not take as it is becomes an escape.
  void text(const char* text) {
    separate();
    put('"');
    for (; *text != '\0'; ++text) {
      const auto c = static_cast<unsigned char>(*text);
      if (c < 0x20) {
        put_all("\\u00");
        put(c < 0x10 ? '0' : '1');
        put("0123456789abcdef"[c % 16]);
        continue;
      }
      if (c == '"' || c == '\\') put('\\');
      put(*text);
    }
    put('"');
    needs_comma_ = true;
  }

  void boolean(bool is) {
    separate();
    put_all(is ? "true" : "false");
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
  void put_all(const char* text) {
    while (*text != '\0') put(*text++);
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

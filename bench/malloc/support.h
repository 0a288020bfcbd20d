// What every program in this folder shares: random numbers, the clock, what the kernel knows about
// the process, and the line of JSON at the end. Nothing here allocates: only the program's own
// blocks may come from the allocator that is measured.
#pragma once

#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

namespace bench {

[[noreturn]] __attribute__((format(printf, 1, 2))) inline void die(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vdprintf(STDERR_FILENO, format, arguments);
  va_end(arguments);
  dprintf(STDERR_FILENO, "\n");
  _exit(1);
}

/// xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled",
/// 2016).
class Random {
 public:
  // The multiplication spreads small seeds; the generator must not start at 0.
  explicit Random(uint64_t seed) : state_((seed * 0x9E3779B97F4A7C15u) | 1) {}

  uint64_t next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545F4914F6CDD1Du;
  }

  /// 0 to `n` - 1; `n` at most 2^32.
  uint64_t below(uint64_t n) { return ((next() >> 32) * n) >> 32; }

  /// `min` to `max`, each as likely as the other.
  size_t between(size_t min, size_t max) { return min + below(max - min + 1); }

  /// `min` to `max`, each doubling as likely as the other: small sizes are frequent, large ones
  /// occur.
  size_t skewed(size_t min, size_t max) {
    size_t doublings = 0;
    while (min << (doublings + 1) <= max) doublings++;
    const size_t from = min << below(doublings + 1);
    const size_t to = 2 * from - 1;
    return between(from, to < max ? to : max);
  }

 private:
  uint64_t state_;
};

inline uint64_t now_ns() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(time.tv_nsec);
}

/// What threads write all the time starts on lines of its own (two, for processors that fetch them
/// in pairs): only the allocator under test may put data of two threads on one.
constexpr size_t kApart = 128;

/// A line of /proc/self/status in KiB. Not getrusage: its ru_maxrss survives exec, so it would tell
/// how large the process was that started this one.
inline uint64_t status_kib(const char* name) {
  char text[4096];
  const int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  if (file < 0) die("/proc/self/status cannot be opened");
  const ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  text[length < 0 ? 0 : length] = '\0';
  const char* line = strstr(text, name);
  if (line == nullptr) die("/proc/self/status: no %s", name);
  return strtoull(line + strlen(name), nullptr, 10);
}

inline uint64_t rss_kib() { return status_kib("VmRSS:"); }

inline uint64_t minor_faults() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_minflt);
}

/// A program's own arrays: straight from the kernel, zeroed, and back there at the end of the
/// scope, so that the memory that is left belongs to the allocator.
template <typename T>
class Pages {
 public:
  explicit Pages(size_t count) : bytes_(count * sizeof(T)) {
    void* start = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (start == MAP_FAILED) die("mmap of %zu B failed", bytes_);
    items_ = static_cast<T*>(start);
  }
  ~Pages() { munmap(items_, bytes_); }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;

  T& operator[](size_t index) { return items_[index]; }
  T* data() { return items_; }
  size_t bytes() const { return bytes_; }

 private:
  size_t bytes_;
  T* items_;
};

/// What a checked block begins with; its last byte repeats a part of the tag.
struct Label {
  uint32_t size;
  uint32_t tag;
};

/// malloc of `size` (at least sizeof(Label)) that writes the block's first and last bytes.
inline void* allocate_labelled(size_t size, uint32_t tag) {
  auto* bytes = static_cast<uint8_t*>(malloc(size));
  if (bytes == nullptr) die("malloc(%zu) failed", size);
  if (size > sizeof(Label)) bytes[size - 1] = static_cast<uint8_t>(tag);
  *reinterpret_cast<Label*>(bytes) = {static_cast<uint32_t>(size), tag};
  return bytes;
}

/// Ends the program unless the block still holds what allocate_labelled wrote; returns its tag.
inline uint32_t check_labelled(const void* block) {
  const auto* bytes = static_cast<const uint8_t*>(block);
  const auto [size, tag] = *static_cast<const Label*>(block);
  if (size > sizeof(Label) && bytes[size - 1] != static_cast<uint8_t>(tag)) {
    die("block %p of %u B was overwritten", block, size);
  }
  return tag;
}

/// Checks, frees, returns the tag.
inline uint32_t free_labelled(void* block) {
  const uint32_t tag = check_labelled(block);
  free(block);
  return tag;
}

inline pthread_t start_thread(void* (*body)(void*), void* argument) {
  pthread_t thread;
  if (pthread_create(&thread, nullptr, body, argument) != 0) die("pthread_create failed");
  return thread;
}

inline void join_thread(pthread_t thread) { pthread_join(thread, nullptr); }

/// One run of a program: its arguments, its clock, its result. Make it first in main.
class Run {
 public:
  Run(int argc, char** argv, const char* usage)
      : start_rss_kib_(rss_kib()),
        arguments_(argv + 1),
        count_(argc - 1),
        program_(argv[0]),
        usage_(usage) {
    int kept = 0;
    for (int i = 0; i < count_; i++) {
      static constexpr char kIdle[] = "--idle-ms=";
      if (strncmp(arguments_[i], kIdle, sizeof kIdle - 1) == 0) {
        idle_ms_ = strtoull(arguments_[i] + sizeof kIdle - 1, nullptr, 10);
      } else {
        arguments_[kept++] = arguments_[i];
      }
    }
    count_ = kept;
  }

  /// The next argument, a whole number.
  uint64_t number() {
    const char* text = word();
    char* end;
    const uint64_t value = strtoull(text, &end, 10);
    if (end == text || *end != '\0') wrong_usage();
    return value;
  }

  /// The next argument as it stands; `fallback` when there is none.
  const char* word(const char* fallback = nullptr) {
    if (used_ < count_) return arguments_[used_++];
    if (fallback == nullptr) wrong_usage();
    return fallback;
  }

  [[noreturn]] void wrong_usage() const { die("usage: %s [--idle-ms=2000] %s", program_, usage_); }

  /// The timed part begins.
  void start() {
    if (used_ != count_) wrong_usage();
    started_ns_ = now_ns();
  }

  /// The timed part ends: every block has been freed. `check` is the same under every allocator.
  void stop(uint64_t operations, uint64_t check) {
    elapsed_ns_ = now_ns() - started_ns_;
    faults_ = minor_faults();
    // The kernel takes the peak from counters that lag behind by a few dozen pages for each
    // processor, so what is resident now can be more.
    note_peak(status_kib("VmHWM:"));
    note_peak(rss_kib());
    operations_ = operations;
    check_ = check;
  }

  /// What is resident now, while `bytes` are allocated and the program's own arrays take `own`. For
  /// programs about fragmentation.
  void note_live(uint64_t bytes, uint64_t own) {
    const uint64_t rss = rss_kib();
    note_peak(rss);
    live_rss_kib_ = rss - own / 1024;
    live_bytes_ = bytes;
  }

  /// Sleeps, so that an allocator that gives memory back later has the time to, and prints the
  /// result. Returns main's exit code.
  int finish() {
    timespec rest{static_cast<time_t>(idle_ms_ / 1000),
                  static_cast<long>(idle_ms_ % 1000) * 1'000'000};
    while (nanosleep(&rest, &rest) != 0) {
    }
    const uint64_t idle_rss_kib = rss_kib();
    char live[96] = "";
    if (live_bytes_ != 0) {
      snprintf(live, sizeof live, ", \"live_rss_kib\": %lu, \"live_bytes\": %lu", live_rss_kib_,
               live_bytes_);
    }
    char line[512];
    // The check is a string: it has more bits than a number of JSON.
    const int length =
        snprintf(line, sizeof line,
                 "{\"seconds\": %.9f, \"operations\": %lu, \"faults\": %lu, \"peak_rss_kib\": %lu, "
                 "\"start_rss_kib\": %lu, \"idle_rss_kib\": %lu%s, \"check\": \"%016lx\"}\n",
                 static_cast<double>(elapsed_ns_) * 1e-9, operations_, faults_, peak_rss_kib_,
                 start_rss_kib_, idle_rss_kib, live, check_);
    return write(STDOUT_FILENO, line, static_cast<size_t>(length)) == length ? 0 : 1;
  }

 private:
  void note_peak(uint64_t kib) {
    if (kib > peak_rss_kib_) peak_rss_kib_ = kib;
  }

  uint64_t start_rss_kib_;
  char** arguments_;
  int count_;
  int used_ = 0;
  const char* program_;
  const char* usage_;
  uint64_t idle_ms_ = 2000;
  uint64_t started_ns_ = 0;
  uint64_t elapsed_ns_ = 0;
  uint64_t operations_ = 0;
  uint64_t faults_ = 0;
  uint64_t peak_rss_kib_ = 0;
  uint64_t live_rss_kib_ = 0;
  uint64_t live_bytes_ = 0;
  uint64_t check_ = 0;
};

}  // namespace bench

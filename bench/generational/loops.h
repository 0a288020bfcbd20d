// What the programs of this folder share: requests of 20 small values, of which one in 50 survives for a while.
//
//   PROGRAM KIND copied|made   prints the nanoseconds of a value, of the fastest of many short runs: of bytes that are copied to where
//                              they shall lie, or of structs of which the first 16 bytes are set
#pragma once

#include "../fixed/loops.h"

namespace bench {

constexpr size_t kValues = 20;
constexpr size_t kSurvivesOneOf = 50;
/// Survivors that live at once; each new one ends the oldest.
constexpr size_t kSurvivors = 20'000;

/// Of 16 to 206 bytes.
constexpr size_t size_of(size_t i) { return 16 + 10 * i; }

inline const unsigned char* value_of(size_t i) {
  static unsigned char bytes[256];
  bytes[0] = static_cast<unsigned char>(i);
  return bytes;
}

/// What a program writes to a value.
struct Copied {
  static void write(void* at, size_t i) { memcpy(at, value_of(i), size_of(i)); }
};
struct Made {
  static void write(void* at, size_t i) {
    auto* words = static_cast<uint64_t*>(at);
    words[0] = i;
    words[1] = ~i;
    __asm__ volatile("" : : "r"(at) : "memory");
  }
};

/// The survivors of any kind, in a ring.
template <class Thing>
class Survivors {
 public:
  template <class End>
  void keep(Thing thing, End end) {
    if (count_ == kSurvivors) {
      end(things_[at_]);
    } else {
      ++count_;
    }
    things_[at_] = thing;
    at_ = at_ + 1 == kSurvivors ? 0 : at_ + 1;
  }

 private:
  Thing things_[kSurvivors];
  size_t at_ = 0;
  size_t count_ = 0;
};

/// kind.request<Written>() is one of them.
template <class Written, class Kind>
double time_requests(Kind& kind) {
  constexpr int kRuns = 60;
  constexpr size_t kRequests = 20'000;
  for (size_t i = 0; i < 4 * kSurvivors; i++) kind.template request<Written>();
  double fastest = 1e18;
  for (int run = 0; run < kRuns; run++) {
    const uint64_t start = now_ns();
    for (size_t i = 0; i < kRequests; i++) kind.template request<Written>();
    const double ns = static_cast<double>(now_ns() - start) / (kRequests * kValues);
    if (ns < fastest) fastest = ns;
  }
  return fastest;
}

template <class Kind>
int measure_requests(Kind& kind, const char* how) {
  const bool is_made = strcmp(how, "made") == 0;
  printf("%.4f 0 0\n", is_made ? time_requests<Made>(kind) : time_requests<Copied>(kind));
  return 0;
}

}  // namespace bench

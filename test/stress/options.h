// The command line of the stress program.
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/// What can be left out, by --no-NAME.
enum Ingredient : unsigned {
  kFork,     // children that work with what they inherit, and fork in turn
  kSignals,  // a handler that forks, in a process of one thread
  kLimit,    // children under RLIMIT_AS, where allocations fail
  kStdio,    // fflush(NULL), getline and printf on streams that threads share
  kDlopen,   // libraries that come and go
  kHeaps,    // first-class heaps
  kTrim,     // malloc_trim
  kStacks,   // threads with the smallest legal stack
  kIngredients,
};
constexpr const char* kIngredientNames[kIngredients] = {"fork",   "signals", "limit", "stdio",
                                                        "dlopen", "heaps",   "trim",  "stacks"};

struct Options {
  unsigned seconds = 5;
  unsigned threads = 4;
  unsigned stall_seconds = 300;  // without the end of a thread: they hang
  uint64_t seed = 0;
  bool has[kIngredients];
  bool aborts = false;  // at a fault, for a debugger

  Options() {
    for (bool& one : has) one = true;
  }

  /// False, with a message, when something is wrong.
  bool read(int count, char** arguments) {
    seed = static_cast<uint64_t>(time(nullptr));
    for (int i = 1; i < count; ++i) {
      const char* argument = arguments[i];
      unsigned long long value = 0;
      if (sscanf(argument, "--seconds=%llu", &value) == 1) {
        seconds = static_cast<unsigned>(value);
      } else if (sscanf(argument, "--threads=%llu", &value) == 1 && value > 0 && value <= 256) {
        threads = static_cast<unsigned>(value);
      } else if (sscanf(argument, "--stall=%llu", &value) == 1 && value > 0) {
        stall_seconds = static_cast<unsigned>(value);
      } else if (sscanf(argument, "--seed=%llu", &value) == 1) {
        seed = value;
      } else if (strcmp(argument, "--abort") == 0) {
        aborts = true;
      } else if (!leave_out(argument)) {
        fprintf(stderr,
                "stress: %s: there are --seconds=N, --threads=1..256, --seed=N, --stall=SECONDS, "
                "--abort, and --no-X with X one of",
                argument);
        for (const char* name : kIngredientNames) fprintf(stderr, " %s", name);
        fprintf(stderr, "\n");
        return false;
      }
    }
    return true;
  }

 private:
  bool leave_out(const char* argument) {
    if (strncmp(argument, "--no-", 5) != 0) return false;
    for (unsigned i = 0; i < kIngredients; ++i) {
      if (strcmp(argument + 5, kIngredientNames[i]) != 0) continue;
      has[i] = false;
      return true;
    }
    return false;
  }
};

inline Options options;

// The command line of the stress program.
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct Options {
  unsigned seconds = 5;
  unsigned threads = 4;
  uint64_t seed = 0;
  bool forks = true;
  bool aborts = false;  // at a fault, for a debugger

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
      } else if (sscanf(argument, "--seed=%llu", &value) == 1) {
        seed = value;
      } else if (strcmp(argument, "--no-fork") == 0) {
        forks = false;
      } else if (strcmp(argument, "--abort") == 0) {
        aborts = true;
      } else {
        fprintf(stderr,
                "stress: %s: there are --seconds=N, --threads=1..256, --seed=N, --no-fork and "
                "--abort\n",
                argument);
        return false;
      }
    }
    return true;
  }
};

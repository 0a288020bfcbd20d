// What the kernel notes of a mapping. Linux only.
#pragma once

#include <stdio.h>
#include <string.h>

#include <cinttypes>
#include <string>

#include "base/bits.h"

namespace superslab_test {

/// The flags that /proc/self/smaps shows for the mapping at `p`, like " rd wr mr mw me ac hg ".
inline std::string vm_flags(const void* p) {
  FILE* smaps = fopen("/proc/self/smaps", "re");
  if (smaps == nullptr) return "";
  char line[512];
  bool here = false;
  std::string flags;
  while (fgets(line, sizeof line, smaps) != nullptr) {
    std::uintptr_t first = 0;
    std::uintptr_t last = 0;
    if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &first, &last) == 2) {
      here = first <= superslab::address_of(p) && superslab::address_of(p) < last;
    } else if (here && strncmp(line, "VmFlags:", 8) == 0) {
      flags = line + 8;
      flags.back() = ' ';
      break;
    }
  }
  fclose(smaps);
  return flags;
}

}  // namespace superslab_test

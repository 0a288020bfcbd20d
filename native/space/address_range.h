// Where in the address space a space numbers its superslabs. The range is only chosen, not
// reserved: what nobody uses counts for no limit (RLIMIT_AS, mlockall) and costs no emulator page
// tables.
#pragma once

#include "base/types.h"
#include "os/os.h"

namespace superslab {

struct AddressRange {
  std::byte* base = nullptr;  // nullptr: none
  OsRange mark = {};          // a reservation that keeps other spaces from the range; may be empty
};

/// A range of `bytes` addresses, aligned to kArenaBytes, among those that the system leaves alone;
/// else near those that it hands out, where others may come to lie in the midst of it. No two
/// spaces of a process get overlapping ones while the system has such.
AddressRange choose_range(Os& os, ByteCount bytes);

}  // namespace superslab

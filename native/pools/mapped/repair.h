// Mends a damaged file that nobody has open.
//
// First what a checksum can tell exactly: one wrong bit in a header, a record of the journal, a
// page of metadata or of its checksums. Where that is not all, the books are made anew from what
// is left of the page map, the words of slabs and the roots. Blocks are never written, but for
// what the journal has to be done again. A repair that was cut off is done again.
#pragma once

#include <string>
#include <vector>

#include "pools/mapped/fault.h"
#include "pools/mapped/format.h"

namespace superslab::mapped {

/// What a repair did, in words; the first of each kind.
struct RepairReport {
  bool is_whole = false;  // the file is, when check() is asked
  std::uint64_t mended = 0;
  std::uint64_t lost = 0;
  std::vector<std::string> mended_messages;
  std::vector<std::string> lost_messages;

  void mend(std::string message);
  void lose(std::string message);
};

/// Copies the file to `copy` before, unless that is empty. A fault: the file could not be opened or
/// copied, or is beyond repair, and is as it was but for wrong bits that were mended.
Failure repair_file(Files& files, const std::string& path, const std::string& copy,
                    RepairReport* report);

}  // namespace superslab::mapped

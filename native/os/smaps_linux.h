// What /proc/self/smaps and numa_maps say (proc(5), Documentation/filesystems/proc.rst).
#pragma once

#include <string_view>

#include "base/types.h"
#include "os/os.h"

namespace superslab {

/// smaps, line by line. Fields that a kernel lacks count as 0.
class SmapsReader {
 public:
  explicit SmapsReader(MappingVisitor& visitor) : visitor_(visitor) {}

  void line(std::string_view text);
  /// After the last line.
  void end();

 private:
  MappingVisitor& visitor_;
  bool is_in_mapping_ = false;
  MappingFacts facts_ = {};
};

/// One line of numa_maps: "7f0000000000 default anon=3 dirty=3 N0=2 N1=1 kernelpagesize_kB=4".
/// `page_bytes` are those of a page where the line does not say.
void read_numa_line(std::string_view text, ByteCount page_bytes, MappingVisitor& visitor);

/// Os::visit_mappings(), from the files under `proc`.
OsStatus visit_proc_mappings(const char* proc, ByteCount page_bytes, MappingVisitor& visitor);

}  // namespace superslab

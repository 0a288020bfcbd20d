// What smaps and numa_maps say, in the ways in which kernels and failing reads say it.

#if defined(__linux__)

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "base/bits.h"
#include "check.h"
#include "os/linux_os.h"
#include "os/smaps_linux.h"
#include "os/text_lines.h"
#include "os_temp_tree.h"
#include "os_test_memory.h"

using namespace superslab;
using namespace superslab_test;

namespace {

struct Share {
  std::uintptr_t from;
  unsigned node;
  ByteCount bytes;
};

struct Seen final : MappingVisitor {
  std::vector<MappingFacts> mappings;
  std::vector<Share> shares;

  void mapping(const MappingFacts& facts) override { mappings.push_back(facts); }
  void on_node(std::uintptr_t from, unsigned node, ByteCount bytes) override {
    shares.push_back({from, node, bytes});
  }
};

/// "from-to rss huge swapped" in KiB, a mapping each.
std::string text_of(const Seen& seen) {
  std::string text;
  for (const MappingFacts& m : seen.mappings) {
    char line[128];
    std::snprintf(line, sizeof line, "%lx-%lx %lu %lu %lu\n", static_cast<unsigned long>(m.from),
                  static_cast<unsigned long>(m.to), static_cast<unsigned long>(m.rss_bytes / kKiB),
                  static_cast<unsigned long>(m.huge_page_bytes / kKiB),
                  static_cast<unsigned long>(m.swapped_bytes / kKiB));
    text += line;
  }
  return text;
}

/// Of smaps as it is written; cut into pieces as read(2) may cut it.
std::string read_smaps(std::string_view smaps, std::size_t piece = 4096) {
  Seen seen;
  SmapsReader reader(seen);
  const auto read = [&](char* to, std::size_t room) {
    const std::size_t got = std::min({piece, room, smaps.size()});
    std::memcpy(to, smaps.data(), got);
    smaps.remove_prefix(got);
    return static_cast<ssize_t>(got);
  };
  LineBuffers<> buffers;
  if (!for_each_line(buffers, read, [&](std::string_view line) { reader.line(line); }))
    return "broken off";
  reader.end();
  return text_of(seen);
}

std::string numa_shares(std::string_view line, ByteCount page_bytes = 4096) {
  Seen seen;
  read_numa_line(line, page_bytes, seen);
  std::string text;
  for (const Share& s : seen.shares)
    text += "N" + std::to_string(s.node) + "=" + std::to_string(s.bytes / kKiB) + " ";
  return text;
}

// As Linux 6.1 writes it.
constexpr std::string_view kWhole =
    "7f1000000000-7f1000400000 rw-p 00000000 00:00 0                          [anon:superslab]\n"
    "Size:               4096 kB\n"
    "KernelPageSize:        4 kB\n"
    "MMUPageSize:           4 kB\n"
    "Rss:                3072 kB\n"
    "Pss:                3072 kB\n"
    "Pss_Dirty:          3072 kB\n"
    "Shared_Clean:          0 kB\n"
    "Shared_Dirty:          0 kB\n"
    "Private_Clean:         0 kB\n"
    "Private_Dirty:      3072 kB\n"
    "Referenced:         3072 kB\n"
    "Anonymous:          3072 kB\n"
    "LazyFree:              0 kB\n"
    "AnonHugePages:      2048 kB\n"
    "ShmemPmdMapped:      100 kB\n"
    "FilePmdMapped:       200 kB\n"
    "Shared_Hugetlb:        0 kB\n"
    "Private_Hugetlb:       0 kB\n"
    "Swap:                 12 kB\n"
    "SwapPss:              99 kB\n"
    "Locked:                0 kB\n"
    "THPeligible:    1\n"
    "VmFlags: rd wr mr mw me ac sd hg\n"
    "7f1000400000-7f2000000000 ---p 00000000 00:00 0 \n"
    "Size:            1 kB\n"
    "Rss:                   0 kB\n"
    "VmFlags: mr mw me sd\n";

}  // namespace

TEST(os, "smaps: what is resident, huge and swapped of each mapping") {
  CHECK_EQ(read_smaps(kWhole),
           "7f1000000000-7f1000400000 3072 2048 12\n7f1000400000-7f2000000000 0 0 0\n");
}

TEST(os, "smaps is read alike however it is cut into pieces") {
  const std::string whole = read_smaps(kWhole);
  for (std::size_t piece = 1; piece <= kWhole.size(); ++piece) {
    const Context context("pieces of " + std::to_string(piece));
    CHECK_EQ(read_smaps(kWhole, piece), whole);
  }
  // And without the end of its last line.
  CHECK_EQ(read_smaps("1000-2000 rw-p 0 0:0 0\nSwap: 1 kB\nRss: 8 kB"), "1000-2000 8 0 1\n");
}

TEST(os,
     "smaps of a kernel that lacks fields: those count as nothing, and others' names do not fit") {
  CHECK_EQ(read_smaps("1000-2000 rw-p 00000000 00:00 0\n"), "1000-2000 0 0 0\n");
  // Before 5.4 without FilePmdMapped, before 4.4 without hugetlb's.
  CHECK_EQ(read_smaps("1000-2000 rw-p 00000000 00:00 0\nSize: 4 kB\nRss: 4 kB\nSwap: 2 kB\n"),
           "1000-2000 4 0 2\n");
  CHECK_EQ(read_smaps("1000-2000 rw-p 00000000 00:00 0\nSwapPss: 4 kB\nRssX: 4 kB\n"
                      "AnonHugePagesX: 4 kB\nxRss: 4 kB\n"),
           "1000-2000 0 0 0\n");
  CHECK_EQ(read_smaps(""), "");
  // Fields before any mapping are nobody's.
  CHECK_EQ(read_smaps("Rss: 4 kB\n1000-2000 rw-p 00000000 00:00 0\n"), "1000-2000 0 0 0\n");
}

TEST(os, "smaps: explicit huge pages are resident, though Rss leaves them out") {
  CHECK_EQ(read_smaps("200000-800000 rw-p 00000000 00:0f 1 /anon_hugepage (deleted)\nRss: 0 kB\n"
                      "Shared_Hugetlb: 2048 kB\nPrivate_Hugetlb: 4096 kB\n"),
           "200000-800000 6144 6144 0\n");
}

TEST(os, "smaps: a mapping that mprotect split is two, and each has its own") {
  CHECK_EQ(read_smaps("1000-2000 rw-p 00000000 00:00 0\nRss: 4 kB\n"
                      "2000-3000 r--p 00000000 00:00 0\nRss: 3 kB\n"
                      "3000-4000 rw-p 00000000 00:00 0\nRss: 2 kB\nSwap: 1 kB\n"),
           "1000-2000 4 0 0\n2000-3000 3 0 0\n3000-4000 2 0 1\n");
}

TEST(os, "smaps: what is no number counts as nothing, and lines that are no mapping begin none") {
  CHECK_EQ(
      read_smaps(
          "1000-2000 rw-p 0 0:0 0\nRss: many kB\nSwap:\nAnonHugePages: 18446744073709551616 kB\n"),
      "1000-2000 0 0 0\n");
  CHECK_EQ(read_smaps("1000-2000 rw-p 0 0:0 0\nRss: 18446744073709551615 kB\n"),
           "1000-2000 0 0 0\n");
  CHECK_EQ(
      read_smaps("1000-2000\n-2000 rw-p\nabc\n1000- rw-p\n2000-1000 rw-p 0 0:0 0\nRss: 1 kB\n"),
      "");
  // As hexadecimal digits they begin, and go on with something else.
  CHECK_EQ(read_smaps("1000-2000 rw-p 0 0:0 0\nAnonymous: 4 kB\nFacade-cafe x\nRss: 1 kB\n"),
           "1000-2000 1 0 0\n");
}

TEST(os, "smaps: the name of a file may be longer than any line") {
  const std::string name(3 * kMaxOfLine, 'a');
  CHECK_EQ(read_smaps("1000-2000 rw-p 0 0:0 0 /" + name + "\nRss: 4 kB\n2000-3000 r--p 0 0:0 0 /" +
                      name + "\nRss: 8 kB\n"),
           "1000-2000 4 0 0\n2000-3000 8 0 0\n");
}

TEST(os, "a read that fails midway is told, one that a signal interrupts is not") {
  for (const bool fails : {false, true}) {
    int calls = 0;
    int lines = 0;
    const auto read = [&](char* to, std::size_t) -> ssize_t {
      switch (++calls) {
        case 2:
          errno = EINTR;
          return -1;
        case 4:
          errno = fails ? ENOMEM : 0;
          return fails ? -1 : 0;
        default:
          std::memcpy(to, "a\nb", 3);
          return 3;
      }
    };
    LineBuffers<> buffers;
    CHECK_EQ(for_each_line(buffers, read, [&](std::string_view) { ++lines; }), !fails);
    CHECK_EQ(lines, fails ? 2 : 3);  // "a", "ba", and at the end "b"
  }
}

TEST(os, "numa_maps: pages by node, in the pages of the mapping") {
  CHECK_EQ(numa_shares("7f1000000000 default anon=3 dirty=3 N0=2 N1=1 kernelpagesize_kB=4"),
           "N0=8 N1=4 ");
  CHECK_EQ(numa_shares("7f1000000000 bind:0 huge anon=1 N3=1 kernelpagesize_kB=2048"), "N3=2048 ");
  // Older kernels do not say how large the pages are: those of the machine.
  CHECK_EQ(numa_shares("7f1000000000 default anon=3 N0=2", 65536), "N0=128 ");
  CHECK_EQ(numa_shares("7f1000000000 prefer=1 file=/N9=9 mapped=1 N0=1 kernelpagesize_kB=4"),
           "N0=4 ");
  for (const char* other : {"", "7f1000000000", "default N0=1", "7f1000000000 default Nx=1 N=2 N1",
                            "7f1000000000 default N1024=1 N99999999999999999999=1", "7f10 N1="}) {
    const Context context(other);
    CHECK_EQ(numa_shares(other), "");
  }
}

TEST(os, "the mappings of a process are those in its files, if it has them") {
  TempTree tree;
  const std::string proc = std::string(tree.root());
  LinuxOs os({.proc = proc.c_str()});
  Seen none;
  CHECK_EQ(os.visit_mappings(none), OsStatus::kUnsupported);
  CHECK(tree.write("/self/smaps", std::string(kWhole)));
  Seen seen;
  CHECK_EQ(os.visit_mappings(seen), OsStatus::kOk);  // no numa_maps: a kernel without nodes
  CHECK_EQ(seen.mappings.size(), 2u);
  CHECK(tree.write("/self/numa_maps", "7f1000000000 default N0=2\n7f1000400000 default N1=1\n"));
  CHECK_EQ(os.visit_mappings(seen), OsStatus::kOk);
  CHECK_EQ(seen.shares.size(), 2u);
  CHECK_EQ(seen.shares[1].from, 0x7f1000400000u);
  CHECK_EQ(seen.shares[1].bytes, os.page_bytes());
  // A folder opens, and cannot be read.
  CHECK(tree.write("/broken/self/smaps/file", ""));
  const std::string broken = proc + "/broken";
  Seen nothing;
  CHECK_EQ(LinuxOs({.proc = broken.c_str()}).visit_mappings(nothing), OsStatus::kNoMemory);
  CHECK(tree.write("/half/self/smaps", std::string(kWhole)));
  CHECK(tree.write("/half/self/numa_maps/file", ""));
  const std::string half = proc + "/half";
  CHECK_EQ(LinuxOs({.proc = half.c_str()}).visit_mappings(nothing), OsStatus::kNoMemory);
}

TEST(os, "the kernel's own smaps has what was just touched, split where its rights change") {
  Os& os = system_os();
  const ByteCount page = os.page_bytes();
  const Reservation memory(os, 4 * page, page);
  CHECK(memory);
  CHECK_EQ(os.commit(memory.at(page), page, HugePages::kOff), OsStatus::kOk);
  memory.at(page)[0] = 1;
  Seen seen;
  const OsStatus status = os.visit_mappings(seen);
  if (status == OsStatus::kUnsupported) SKIP("no /proc/self/smaps here");
  CHECK_EQ(status, OsStatus::kOk);
  const auto begin = address_of(memory.at(page));
  ByteCount found = 0;
  for (const MappingFacts& m : seen.mappings) {
    if (m.from <= begin && begin < m.to) found = m.rss_bytes;
    CHECK(m.from < m.to);
  }
  CHECK(found >= page);
}

#endif

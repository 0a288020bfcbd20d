// What smaps and numa_maps say of a space's memory.
#include <cstdio>
#include <string>

#include "check.h"
#include "os_temp_tree.h"
#include "runtime/memory_facts.h"
#include "space_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

std::string hex(std::uintptr_t address) {
  char text[32];
  std::snprintf(text, sizeof text, "%lx", static_cast<unsigned long>(address));
  return text;
}

/// A mapping as smaps shows it, with fields that do not count among those that do.
std::string mapping(std::uintptr_t from, std::uintptr_t to, const std::string& fields) {
  return hex(from) + "-" + hex(to) + " rw-p 00000000 00:00 0 \nSize: 4096 kB\n" + fields +
         "SwapPss: 9000 kB\nVmFlags: rd wr mr\n";
}

struct Fixture {
  TestSpace t;
  TempTree tree;
  std::uintptr_t base = 0;

  Fixture() {
    if (!t.open) return;
    const TakenRun taken = t.space->take(2, 2 * kSuperslabBytes, {});
    if (taken.head != nullptr) base = address_of(taken.head->base);
  }
};

}  // namespace

TEST(runtime, "memory facts count the mappings of the space") {
  Fixture f;
  CHECK(f.base != 0);
  const std::uintptr_t other = 0x10000;
  CHECK(f.tree.write(
      "/proc/self/smaps",
      mapping(other, other + 0x1000, "Rss: 512 kB\nAnonHugePages: 512 kB\nSwap: 512 kB\n") +
          mapping(f.base, f.base + kSuperslabBytes,
                  "Rss:                1024 kB\nAnonHugePages:       512 kB\nSwap:   8 kB\n") +
          // Joined with a neighbour that is not ours.
          mapping(f.base - 0x1000, f.base + 0x1000,
                  "Rss: 4 kB\nPrivate_Hugetlb: 2048 kB\nShared_Hugetlb: 1024 kB\n") +
          mapping(other, other + 0x1000, "Rss: 512 kB\n")));
  MemoryFacts facts;
  CHECK(read_memory_facts(*f.t.space, facts, f.tree.root()));
  CHECK_EQ(facts.rss_bytes, (1024u + 4 + 2048 + 1024) * kKiB);
  CHECK_EQ(facts.huge_bytes, (512u + 2048 + 1024) * kKiB);
  CHECK_EQ(facts.swapped_bytes, 8u * kKiB);
  CHECK(facts.nodes.empty());
}

TEST(runtime, "memory facts tell nodes apart") {
  Fixture f;
  CHECK(f.base != 0);
  CHECK(f.tree.write("/proc/self/smaps", ""));
  CHECK(f.tree.write("/proc/self/numa_maps",
                     "10000 default anon=7 dirty=7 N0=7 kernelpagesize_kB=4\n" + hex(f.base) +
                         " default anon=3 dirty=3 N3=1 N0=2 kernelpagesize_kB=4\n" +
                         hex(f.base + kSuperslabBytes) +
                         " bind:0 huge anon=1 N0=1 kernelpagesize_kB=2048\n"));
  MemoryFacts facts;
  CHECK(read_memory_facts(*f.t.space, facts, f.tree.root()));
  CHECK_EQ(facts.rss_bytes, 0u);
  CHECK_EQ(facts.nodes.size(), 2u);
  CHECK_EQ(facts.nodes[0].node, 0u);
  CHECK_EQ(facts.nodes[0].bytes, (2u * 4 + 2048) * kKiB);
  CHECK_EQ(facts.nodes[1].node, 3u);
  CHECK_EQ(facts.nodes[1].bytes, 4u * kKiB);
}

TEST(runtime, "memory facts of a system without smaps") {
  Fixture f;
  MemoryFacts facts;
  CHECK(!read_memory_facts(*f.t.space, facts, f.tree.root()));
}

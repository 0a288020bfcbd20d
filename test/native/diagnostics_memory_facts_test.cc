// Which of a process's mappings count as a space's.
#include "check.h"
#include "diagnostics/memory_facts.h"
#include "space_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

constexpr std::uintptr_t kElsewhere = 0x10000;

struct Fixture {
  TestSpace t;
  std::uintptr_t base = 0;

  Fixture() {
    if (!t.open) return;
    const TakenSpan taken = t.space->take(2, 2 * kSuperslabBytes, {});
    if (taken.head != nullptr) base = address_of(taken.head->base);
  }
};

bool has_no_nodes(const MemoryFacts& facts) {
  for (const ByteCount bytes : facts.node_bytes) {
    if (bytes != 0) return false;
  }
  return true;
}

}  // namespace

TEST(space, "memory facts are sums over the mappings of the space") {
  Fixture f;
  CHECK(f.base != 0);
  f.t.os.set_mappings({{kElsewhere, kElsewhere + 0x1000, 512, 512, 512},
                       {f.base, f.base + kSuperslabBytes, 1024, 512, 8},
                       // The rest of the superslab, which mprotect made a mapping of its own.
                       {f.base + kSuperslabBytes, f.base + 2 * kSuperslabBytes, 100, 50, 1},
                       {kElsewhere, kElsewhere, 512, 512, 512}});
  MemoryFacts facts;
  CHECK_EQ(read_memory_facts(*f.t.space, facts), OsStatus::kOk);
  CHECK_EQ(facts.rss_bytes, 1124u);
  CHECK_EQ(facts.huge_page_bytes, 562u);
  CHECK_EQ(facts.swapped_bytes, 9u);
  CHECK(has_no_nodes(facts));
}

TEST(space, "a mapping that the kernel joined with neighbours is the space's, whichever end is") {
  Fixture f;
  CHECK(f.base != 0);
  // Its span need not be the first: other mappings may have been in the way.
  const std::uintptr_t base = f.t.space->region().base;
  const std::uintptr_t end = base + f.t.space->slices() * kSliceBytes;
  struct Case {
    std::uintptr_t from, to;
    bool is_ours;
  };
  for (const Case& one :
       {Case{base - 0x1000, base + 0x1000, true}, Case{end - 0x1000, end + 0x1000, true},
        Case{base - 0x1000, end + 0x1000, true}, Case{base - 0x1000, base, false},
        Case{kElsewhere, base, false}, Case{kElsewhere, ~std::uintptr_t{0}, true},
        Case{end, end + kArenaBytes, false}}) {
    f.t.os.set_mappings({{one.from, one.to, 7, 0, 0}});
    MemoryFacts facts;
    CHECK_EQ(read_memory_facts(*f.t.space, facts), OsStatus::kOk);
    CHECK_EQ(facts.rss_bytes, one.is_ours ? 7u : 0u);
  }
}

TEST(space, "memory facts tell nodes apart") {
  Fixture f;
  CHECK(f.base != 0);
  f.t.os.set_mappings({}, {{kElsewhere, 0, 7},
                           {f.base, 3, 4},
                           {f.base, 0, 8},
                           {f.base + kSuperslabBytes, 0, 100},
                           {f.base, kMaxNodes - 1, 1},
                           {f.base, kMaxNodes, 1000}});
  MemoryFacts facts;
  CHECK_EQ(read_memory_facts(*f.t.space, facts), OsStatus::kOk);
  CHECK_EQ(facts.rss_bytes, 0u);
  CHECK_EQ(facts.node_bytes[0], 108u);
  CHECK_EQ(facts.node_bytes[3], 4u);
  CHECK_EQ(facts.node_bytes[kMaxNodes - 1], 1u);
}

TEST(space, "memory facts of a system that tells nothing, or breaks off") {
  Fixture f;
  CHECK(f.base != 0);
  f.t.os.set_mappings({{f.base, f.base + 1, 1, 0, 0}, {f.base + 1, f.base + 2, 1, 0, 0}});
  for (const OsStatus status : {OsStatus::kUnsupported, OsStatus::kNoMemory}) {
    f.t.os.fail_nth(FakeOs::Call::kVisitMappings, 1, status);
    MemoryFacts facts;
    CHECK_EQ(read_memory_facts(*f.t.space, facts), status);
    CHECK_EQ(facts.rss_bytes, status == OsStatus::kUnsupported ? 0u : 1u);
  }
}

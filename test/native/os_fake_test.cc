// The fake fails when told to, and sees what its callers do wrong.

#include <thread>

#include "check.h"
#include "os/fake_os.h"
#include "os_test_memory.h"

using namespace superslab;
using superslab_test::Reservation;
using Call = FakeOs::Call;
using Lasts = FakeOs::Lasts;

TEST(os, "the fake fails the nth call of one kind, once") {
  FakeOs os(system_os());
  const ByteCount page = os.page_bytes();
  const Reservation memory(os, 4 * page, page);
  CHECK(memory);
  os.fail_nth(Call::kCommit, 2, OsStatus::kNoMemory);
  CHECK_EQ(os.commit(memory.at(0), page, HugePages::kOff), OsStatus::kOk);
  CHECK_EQ(os.populate(memory.at(0), page), OsStatus::kOk);
  CHECK_EQ(os.commit(memory.at(page), page, HugePages::kOff), OsStatus::kNoMemory);
  CHECK_EQ(os.commit(memory.at(page), page, HugePages::kOff), OsStatus::kOk);
  CHECK_EQ(os.calls(Call::kCommit), 3u);
  CHECK_EQ(os.failed_calls(), 1u);
  CHECK_EQ(os.totals().committed, 2 * page);
}

TEST(os, "the fake fails the nth call of any kind and all after it") {
  FakeOs os(system_os());
  const ByteCount page = os.page_bytes();
  const Reservation memory(os, 4 * page, page);
  CHECK(memory);
  os.fail_nth(2, OsStatus::kUnsupported, Lasts::kFromThenOn);
  CHECK_EQ(os.commit(memory.at(0), page, HugePages::kOff), OsStatus::kOk);
  CHECK_EQ(os.populate(memory.at(0), page), OsStatus::kUnsupported);
  CHECK_EQ(os.place(memory.at(0), page, {}), OsStatus::kUnsupported);
  CHECK(os.reserve(page, page) == nullptr);
  os.fail_none();
  CHECK_EQ(os.populate(memory.at(0), page), OsStatus::kOk);
  CHECK_EQ(os.failed_calls(), 3u);
  CHECK_EQ(os.calls(), 6u);
}

TEST(os, "a purge that the fake fails changes nothing") {
  FakeOs os(system_os());
  const ByteCount page = os.page_bytes();
  const Reservation memory(os, page, page);
  CHECK(memory);
  CHECK_EQ(os.commit(memory.at(0), page, HugePages::kOff), OsStatus::kOk);
  memory.at(0)[0] = 9;
  os.fail_nth(Call::kPurge, 1, OsStatus::kNoMemory);
  const OsRange range{memory.at(0), page};
  CHECK_EQ(os.purge(&range, 1), OsStatus::kNoMemory);
  CHECK_EQ(memory.at(0)[0], 9);
  CHECK_EQ(os.purged_bytes(), 0u);
}

TEST(os, "the fake's books balance") {
  FakeOs os(system_os());
  const ByteCount page = os.page_bytes();
  {
    const Reservation memory(os, 16 * page, page);
    CHECK(memory);
    CHECK_EQ(os.reserved_bytes(), 16 * page);
    CHECK_EQ(os.commit(memory.at(0), 4 * page, HugePages::kOff), OsStatus::kOk);
    CHECK_EQ(os.commit(memory.at(8 * page), 4 * page, HugePages::kOff), OsStatus::kOk);
    CHECK_EQ(os.committed_bytes(), 8 * page);
    const OsRange ranges[] = {{memory.at(0), 2 * page}, {memory.at(8 * page), 4 * page}};
    CHECK_EQ(os.purge(ranges, 2), OsStatus::kOk);
    CHECK_EQ(os.purged_bytes(), 6 * page);
    CHECK_EQ(os.populate(memory.at(page), 2 * page), OsStatus::kOk);
    CHECK_EQ(os.purged_bytes(), 5 * page);
    CHECK_EQ(os.totals().populated, 2 * page);
  }
  CHECK_EQ(os.reserved_bytes(), 0u);
  CHECK_EQ(os.committed_bytes(), 0u);
  CHECK_EQ(os.purged_bytes(), 0u);
  CHECK_EQ(os.totals().reserved, os.totals().unreserved);
  CHECK_EQ(os.misuse().total(), 0u);
}

TEST(os, "the fake counts misuse and does not do it") {
  FakeOs os(system_os());
  const ByteCount page = os.page_bytes();
  const Reservation memory(os, 4 * page, page);
  CHECK(memory);
  CHECK(os.commit(memory.at(0), page / 2, HugePages::kOff) != OsStatus::kOk);
  CHECK(os.reserve(page, page / 2) == nullptr);
  CHECK_EQ(os.misuse().misaligned, 2u);
  CHECK(os.commit(memory.at(0), 5 * page, HugePages::kOff) != OsStatus::kOk);
  CHECK_EQ(os.misuse().outside_reserved, 1u);
  CHECK_EQ(os.commit(memory.at(0), 2 * page, HugePages::kOff), OsStatus::kOk);
  CHECK(os.commit(memory.at(page), 2 * page, HugePages::kOff) != OsStatus::kOk);
  CHECK_EQ(os.misuse().committed_twice, 1u);
  CHECK(os.populate(memory.at(page), 2 * page) != OsStatus::kOk);
  const OsRange range{memory.at(2 * page), page};
  CHECK(os.purge(&range, 1) != OsStatus::kOk);
  CHECK_EQ(os.misuse().outside_committed, 2u);
  CHECK(os.place(memory.at(0), page, {NodePlacement::Kind::kNode, 1}) != OsStatus::kOk);
  CHECK_EQ(os.misuse().no_such_node, 1u);
  CHECK_EQ(os.misuse().total(), 7u);
  CHECK_EQ(os.committed_bytes(), 2 * page);
}

TEST(os, "the fake has as many nodes as told") {
  FakeOs os(system_os());
  const ByteCount page = os.page_bytes();
  CHECK_EQ(os.node_count(), 1u);
  os.set_nodes(4);
  CHECK_EQ(os.node_count(), 4u);
  const Reservation memory(os, page, page);
  CHECK(memory);
  CHECK_EQ(os.commit(memory.at(0), page, HugePages::kOff), OsStatus::kOk);
  CHECK_EQ(os.place(memory.at(0), page, {NodePlacement::Kind::kNode, 3}), OsStatus::kOk);
  CHECK_EQ(os.last_node_placement().node, 3);
  CHECK_EQ(os.last_node_placement().kind, NodePlacement::Kind::kNode);
  CHECK_EQ(os.totals().placed, page);
}

TEST(os, "the fake's explicit huge pages run out and come back") {
  FakeOs os(system_os());
  os.set_huge_pages(HugePages::k2MiB, 2);
  {
    const Reservation memory(os, 4 * kSuperslabBytes, kSuperslabBytes);
    CHECK(memory);
    CHECK_EQ(os.commit(memory.at(0), 2 * kSuperslabBytes, HugePages::k2MiB), OsStatus::kOk);
    CHECK_EQ(os.last_commit_pages(), HugePages::k2MiB);
    CHECK_EQ(os.free_huge_pages(HugePages::k2MiB), 0u);
    unsigned char* third = memory.at(2 * kSuperslabBytes);
    CHECK_EQ(os.commit(third, kSuperslabBytes, HugePages::k2MiB), OsStatus::kNoHugePages);
    CHECK_EQ(os.commit(third, kSuperslabBytes, HugePages::kTransparent), OsStatus::kOk);
    third[0] = 1;
    memory.at(0)[0] = 1;
  }
  CHECK_EQ(os.free_huge_pages(HugePages::k2MiB), 2u);
}

TEST(os, "the fake's page size is the one set") {
  FakeOs os(system_os());
  os.set_page_bytes(16 * kKiB);
  CHECK_EQ(os.page_bytes(), 16 * kKiB);
  const Reservation memory(os, 64 * kKiB, 64 * kKiB);
  CHECK(memory);
  CHECK(os.commit(memory.at(4 * kKiB), 16 * kKiB, HugePages::kOff) != OsStatus::kOk);
  CHECK_EQ(os.misuse().misaligned, 1u);
  CHECK_EQ(os.commit(memory.at(16 * kKiB), 16 * kKiB, HugePages::kOff), OsStatus::kOk);
}

TEST(os, "the fake counts calls of several threads") {
  FakeOs os(system_os());
  const ByteCount page = os.page_bytes();
  const auto work = [&] {
    for (int i = 0; i < 200; ++i) {
      const Reservation memory(os, 4 * page, page);
      if (memory) os.commit(memory.at(page), page, HugePages::kOff);
    }
  };
  std::thread other(work);
  work();
  other.join();
  CHECK_EQ(os.calls(), 1200u);
  CHECK_EQ(os.reserved_bytes(), 0u);
  CHECK_EQ(os.misuse().total(), 0u);
}

TEST(os, "a set of ranges joins neighbours and cuts holes") {
  FakeRangeSet set;
  set.add(10, 10);
  set.add(30, 10);
  set.add(20, 10);
  CHECK(set.contains(10, 30));
  CHECK(!set.contains(9, 5));
  CHECK(!set.contains(35, 6));
  set.remove(15, 10);
  CHECK_EQ(set.bytes(), 20u);
  CHECK(!set.contains(10, 10));
  CHECK(set.contains(10, 5));
  CHECK(set.contains(25, 15));
  CHECK_EQ(set.overlap(12, 16), 6u);
  set.add(0, 100);
  CHECK_EQ(set.bytes(), 100u);
  set.remove(0, 100);
  CHECK_EQ(set.bytes(), 0u);
}

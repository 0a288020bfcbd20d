// What assertions of buffer pools ask: each is_valid() is content with what is whole, and sees what
// cannot be. pools_pool_test.cc has the like for check().
#include "check.h"
#include "heap_fixture.h"
#include "pools/buffer/lease_table.h"
#include "pools/buffer/shown_windows.h"

using namespace superslab;
using namespace superslab_test;

TEST(pools, "a cache is valid while its limits are those of its magazines, and none once closed") {
  TestPool t;
  Script s(*t.heap);
  LeaseMagazines& m = s.cache().magazines();
  const auto is_valid_with = [&](SliceTag tag, std::uint32_t limit) {
    const std::uint32_t right = std::exchange(m.limit[tag], limit);
    const bool found = s.cache().is_valid();
    m.limit[tag] = right;
    return found;
  };
  const SliceTag tag = tag_of(lease_class_for(64));
  CHECK(s.cache().is_valid());
  CHECK(is_valid_with(tag, kMagazineBlocks));
  CHECK(!is_valid_with(tag, kMagazineBlocks + 1));
  CHECK(!is_valid_with(kTagNone, 1));
  CHECK(!is_valid_with(kTagHuge, 1));
  CHECK(!is_valid_with(tag_of(class_for(16)), 1));  // no class of leases
  s.cache().close();
  CHECK(s.cache().is_valid());
  CHECK(!is_valid_with(tag, 1));
  s.detach();
  CHECK(t.ends_clean());
}

TEST(pools, "a lease table is valid while every block that is shared is out of its slab") {
  TestPool t;
  LeaseTable table(t.space());
  Script s(*t.heap);
  CHECK(table.is_valid());
  const BlockNumber keeps = s.acquire(1000);  // so that the slab stays
  const BlockNumber block = s.acquire(1000);
  ShareTicket ticket;
  CHECK_EQ(table.share(&s, block, 1000, ticket), LeaseFault::kNone);
  CHECK(table.is_valid());
  CHECK(s.cache().give(block));  // behind the table's back
  CHECK(!table.is_valid());
  // It is the lowest free one, unless the magazine has blocks of that class.
  s.cache().flush();
  const BlockNumber again = s.acquire(1000);
  CHECK_EQ(again, block);
  CHECK(table.is_valid());
  CHECK_EQ(table.revoke(ticket), LeaseFault::kNone);
  table.release(&s, block);
  CHECK(table.is_valid());
  s.release(keeps);
  s.detach();
  CHECK(t.ends_clean());
}

TEST(pools, "shown windows are valid while each lies in its superslab") {
  TestPool t;
  Script s(*t.heap);
  const BlockNumber block = s.acquire(64);
  const SliceIndex slice = slice_of(block);
  ShownWindows windows(t.space());
  const WindowCut right = windows.show(slice);
  CHECK(windows.is_valid());
  const Superslab& superslab = t.space().superslab(superslab_of_slice(slice));
  std::atomic<std::uint32_t>& word =
      t.space().slab_at(superslab, place_in_superslab(slice))->window;
  const auto is_valid_with = [&](WindowCut cut) {
    word.store(cut.word());
    windows.show(slice);
    return windows.is_valid();
  };
  // From the last granule on, and as long as a superslab.
  CHECK(is_valid_with(WindowCut(kGranulesPerSlice - 1, 2)));
  CHECK(!is_valid_with(WindowCut(kGranulesPerSlice, 2)));
  CHECK(!is_valid_with(WindowCut(1, kGranulesPerSuperslab)));
  CHECK(is_valid_with(right));
  s.release(block);
  s.detach();
  CHECK(t.ends_clean());
}

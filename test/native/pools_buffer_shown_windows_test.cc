// Which windows JavaScript has, and which of them it is to forget.
#include "pools/buffer/shown_windows.h"

#include <vector>

#include "check.h"
#include "heap_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

/// What drop_stale() calls for.
std::vector<SliceIndex> dropped_of(ShownWindows& windows) {
  std::vector<SliceIndex> dropped;
  windows.drop_stale([&](SliceIndex slice) { dropped.push_back(slice); });
  return dropped;
}

/// Where `block` starts in its slice, in granules.
std::uint32_t granule_of(const Script& script, BlockNumber block) {
  return static_cast<std::uint32_t>(address_of(script.bytes_of(block)) % kSliceBytes /
                                    kGranuleBytes);
}

}  // namespace

TEST(heap, "a window shows the blocks that start in its slice, also the first that is ever shown") {
  TestPool t;
  Script s(*t.heap);
  ShownWindows windows(t.space());
  for (const ByteCount bytes : {ByteCount{64}, ByteCount{1500}, 100 * kKiB}) {
    const BlockNumber block = s.acquire(bytes);
    const SliceIndex slice = slice_of(block);
    CHECK(!windows.is_recut(slice));  // nobody has it
    const WindowCut cut = windows.show(slice);
    const std::uint32_t at = granule_of(s, block);
    CHECK(cut.start() <= at);
    CHECK(at + s.capacity(block) / kGranuleBytes <= cut.start() + cut.granules());
    CHECK(!windows.is_recut(slice));
    s.release(block);
  }
}

TEST(heap,
     "a window is forgotten once its slice is cut anew or its superslab is gone, not before") {
  TestPool t;
  Script s(*t.heap);
  ShownWindows windows(t.space());
  const BlockNumber small = s.acquire(1500);
  const BlockNumber other = s.acquire(100 * kKiB);
  const SliceIndex slice = slice_of(small);
  CHECK(slice != slice_of(other));
  windows.show(slice);
  windows.show(slice_of(other));
  CHECK(dropped_of(windows).empty());
  CHECK(!windows.note_recut(std::vector<BlockNumber>{small, other}));

  // The slab dissolves, and its slice becomes part of another class's.
  s.release(small);
  s.cache().flush();
  std::vector<BlockNumber> blocks;
  do {
    blocks.push_back(s.acquire(5000));
  } while (slice_of(blocks.back()) != slice && blocks.size() < 2000);
  CHECK_EQ(slice_of(blocks.back()), slice);
  CHECK(windows.is_recut(slice));
  CHECK(windows.note_recut(std::vector<BlockNumber>{blocks.back(), other}));
  CHECK(windows.recut() == std::vector<SliceIndex>{slice});
  CHECK(dropped_of(windows) == std::vector<SliceIndex>{slice});
  CHECK(windows.recut().empty());
  CHECK(dropped_of(windows).empty());

  for (const BlockNumber block : blocks) s.release(block);
  s.release(other);
  s.cache().flush();
  t->trim(0);
  CHECK(dropped_of(windows) == std::vector<SliceIndex>{slice_of(other)});
  s.detach();
  CHECK(t.ends_clean());
}

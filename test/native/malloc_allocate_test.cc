// malloc, calloc, realloc, free and their kin: what they promise of sizes, contents and addresses.
#include "malloc/allocate.h"

#include <errno.h>

#include <algorithm>
#include <cstring>
#include <thread>
#include <vector>

#include "check.h"
#include "heap_fixture.h"
#include "malloc/mapped_blocks.h"
#include "malloc_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

struct Block {
  unsigned char* at;
  ByteCount usable;
  unsigned char mark;

  void fill() const { std::memset(at, mark, usable); }
  bool is_intact() const {
    return usable == 0 || (at[0] == mark && std::memcmp(at, at + 1, usable - 1) == 0);
  }
};

Block take(ByteCount bytes, std::size_t i) {
  auto* at = static_cast<unsigned char*>(allocate(bytes));
  return {at, usable_bytes(at), static_cast<unsigned char>(i * 7 + 1)};
}

}  // namespace

TEST(malloc, "all usable bytes of a block are its own, and they are as many as were asked for") {
  std::vector<Block> blocks;
  // Neighbours of a slab among them: three of a size in a row.
  for (const ByteCount bytes : edge_sizes()) {
    for (int i = 0; i < 3; ++i) {
      blocks.push_back(take(bytes, blocks.size()));
      const Block& block = blocks.back();
      const Context context(std::to_string(bytes) + " bytes");
      CHECK(block.at != nullptr);
      CHECK_EQ(address_of(block.at) % 16, 0u);
      CHECK(block.usable >= bytes);
      if (bytes <= kMaxMediumBytes)
        CHECK_EQ(block.usable, size_class(class_for(bytes)).block_bytes);
      if (bytes > kMaxMediumBytes) CHECK(block.usable <= bytes + bytes / 4 + kSuperslabBytes);
      CHECK(owns(block.at));
      block.fill();
    }
  }
  for (const Block& block : blocks) CHECK(block.is_intact());
  std::sort(blocks.begin(), blocks.end(),
            [](const Block& a, const Block& b) { return a.at < b.at; });
  for (std::size_t i = 1; i < blocks.size(); ++i)
    CHECK(blocks[i - 1].at + blocks[i - 1].usable <= blocks[i].at);
  // Another thread is told the same.
  bool same = true;
  std::thread([&] {
    for (const Block& block : blocks) same = same && usable_bytes(block.at) == block.usable;
  }).join();
  CHECK(same);
  for (const Block& block : blocks) deallocate(block.at);
}

TEST(malloc, "a request of a size that has placements ends at a multiple of a step, or at a page") {
  for (const ByteCount bytes : edge_sizes()) {
    if (bytes <= kMaxMediumBytes) continue;
    const Context context(std::to_string(bytes) + " bytes");
    for (const bool is_zeroed : {false, true}) {
      void* block = is_zeroed ? allocate_zeroed(bytes) : allocate(bytes);
      const ByteCount whole =
          bytes > kMaxClassBytes ? kSuperslabBytes : size_class(class_for(bytes)).block_bytes;
      const ByteCount natural = std::min<ByteCount>(whole & (~whole + 1), kSliceBytes);
      const ByteCount past = (address_of(block) + bytes) % natural;
      CHECK(past == 0 || past > natural - 64 || bytes % natural == 0);
      deallocate(block);
    }
  }
}

TEST(malloc, "zeroed memory is zero, whatever lay there before") {
  for (const ByteCount bytes : edge_sizes()) {
    const Context context(std::to_string(bytes) + " bytes");
    for (int round = 0; round < 3; ++round) {
      void* block = allocate_zeroed(bytes);
      CHECK(block != nullptr && usable_bytes(block) >= bytes);
      CHECK(is_zero(block, bytes));
      std::memset(block, 0xdd, usable_bytes(block));
      deallocate(block);
    }
  }
}

TEST(malloc, "zeroed blocks of some pages are there before the first touch") {
  // More than any slab before left behind.
  std::vector<void*> blocks;
  for (int i = 0; i < 8; ++i) blocks.push_back(allocate_zeroed(kMiB + 100 * kKiB));
  for (void* block : blocks) {
    for (ByteCount at = 0; at < kMiB + 100 * kKiB; at += 4096)
      CHECK(system_os().is_resident(static_cast<std::byte*>(block) + at));
  }
  for (void* block : blocks) deallocate(block);
}

TEST(malloc, "an aligned block begins at a multiple, of any size") {
  std::vector<Block> blocks;
  for (ByteCount alignment = 8; alignment <= 8 * kMiB; alignment *= 2) {
    for (const ByteCount bytes : {ByteCount{0}, ByteCount{1}, ByteCount{100}, ByteCount{5000},
                                  40 * kKiB, kMiB + 5, 2 * kMiB, 2 * kMiB + 1, 5 * kMiB}) {
      const Context context(std::to_string(bytes) + " bytes at " + std::to_string(alignment));
      auto* at = static_cast<unsigned char*>(allocate_aligned(alignment, bytes));
      CHECK(at != nullptr);
      CHECK_EQ(address_of(at) % alignment, 0u);
      blocks.push_back({at, usable_bytes(at), static_cast<unsigned char>(blocks.size() + 1)});
      CHECK(blocks.back().usable >= bytes);
      // Those that a class has a place for are no larger than they need to be.
      if (alignment <= 4096 && bytes <= kMaxMediumBytes)
        CHECK(blocks.back().usable <= 2 * std::max(bytes, alignment));
      blocks.back().fill();
    }
  }
  for (const Block& block : blocks) CHECK(block.is_intact());
  for (const Block& block : blocks) deallocate(block.at);
}

TEST(malloc, "blocks beyond 1 GiB, or aligned to as much, are mappings of their own") {
  ProcessHeap& heap = *ProcessHeap::get();
  const ByteCount before = heap.mapped().bytes();
  auto* huge = static_cast<unsigned char*>(allocate(kGiB));
  if (huge == nullptr) SKIP("no GiB of memory to be had");
  CHECK(heap.mapped().bytes() >= before + kGiB);
  CHECK(usable_bytes(huge) >= kGiB && usable_bytes(huge) < kGiB + kMiB);
  CHECK(owns(huge) && !owns(huge + 4096));
  huge[0] = huge[usable_bytes(huge) - 1] = 1;
  auto* aligned = static_cast<unsigned char*>(allocate_aligned(kGiB, 100));
  CHECK(aligned != nullptr);
  CHECK_EQ(address_of(aligned) % kGiB, 0u);
  CHECK(usable_bytes(aligned) >= 100);
  aligned[99] = 1;
  auto* just_below = static_cast<unsigned char*>(allocate_aligned(kGiB / 2, 100));
  CHECK_EQ(address_of(just_below) % (kGiB / 2), 0u);
  CHECK(heap.mapped().bytes_of(just_below) == 0);
  CHECK(is_zero(huge + 1, 4095));
  deallocate(huge);
  deallocate(aligned);
  deallocate(just_below);
  CHECK_EQ(heap.mapped().bytes(), before);
}

TEST(malloc, "realloc keeps what was there, whatever the two sizes are") {
  const std::vector<ByteCount> sizes = {1,        16,           17,       100,     1000,
                                        5000,     32 * kKiB,    40'000,   100'000, kMiB,
                                        2 * kMiB, 2 * kMiB + 1, 3 * kMiB, 9 * kMiB};
  for (const ByteCount from : sizes) {
    for (const ByteCount to : sizes) {
      const Context context(std::to_string(from) + " to " + std::to_string(to) + " bytes");
      void* block = allocate(from);
      const ByteCount usable = usable_bytes(block);
      std::memset(block, 0x5a, usable);
      void* after = reallocate(block, to);
      CHECK(after != nullptr);
      const ByteCount now = usable_bytes(after);
      CHECK(now >= to);
      // Those that shrink by more than half are given a smaller place, those that stay keep theirs.
      if (to <= usable && to >= usable / 2) CHECK(after == block);
      if (to <= from / 4 && from >= 64 && to <= kMaxMediumBytes) CHECK(now < usable / 2);
      const ByteCount kept = std::min({from, to});
      const auto* bytes = static_cast<unsigned char*>(after);
      CHECK(bytes[0] == 0x5a && std::memcmp(bytes, bytes + 1, kept - 1) == 0);
      std::memset(after, 0x11, now);
      deallocate(after);
    }
  }
}

TEST(malloc, "what grows gets a quarter more than it had, so that it seldom moves") {
  for (const ByteCount from : {ByteCount{4096}, 32 * kKiB, 200 * kKiB, kMiB}) {
    void* block = allocate(from);
    const ByteCount before = usable_bytes(block);
    block = reallocate(block, before + 1);
    CHECK(usable_bytes(block) >= before + before / 4);
    deallocate(block);
  }
  // Small ones take what they need.
  void* small = reallocate(allocate(1000), 1100);
  CHECK_EQ(usable_bytes(small), size_class(class_for(1100)).block_bytes);
  deallocate(small);
  // One that grows step by step to 8 MiB moves now and then, not each time.
  unsigned moves = 0;
  void* block = allocate(4096);
  for (ByteCount bytes = 8192; bytes <= 8 * kMiB; bytes += 4096) {
    void* next = reallocate(block, bytes);
    moves += next != block;
    block = next;
  }
  CHECK(moves < 60);
  deallocate(block);
}

TEST(malloc, "a block is resized where it is, or stays as it was") {
  void* small = allocate(1000);  // a block of 1024
  CHECK(resize_in_place(small, 1024) && resize_in_place(small, 512));
  CHECK(!resize_in_place(small, 1025) && !resize_in_place(small, 511));
  CHECK_EQ(usable_bytes(small), 1024u);
  deallocate(small);
  auto* huge = static_cast<unsigned char*>(allocate(6 * kMiB));
  std::memset(huge, 0x33, 6 * kMiB);
  CHECK(resize_in_place(huge, 3 * kMiB - 100'000));
  CHECK(usable_bytes(huge) >= 3 * kMiB - 100'000 && usable_bytes(huge) <= 4 * kMiB);
  CHECK(is_intact(huge, 0, 0) && huge[0] == 0x33 && std::memcmp(huge, huge + 1, 2 * kMiB) == 0);
  CHECK(!resize_in_place(huge, kGiB));
  CHECK(!resize_in_place(huge, 100'000));
  deallocate(huge);
  // One that does not begin where its superslabs do is given as much more.
  void* placed = allocate(3 * kMiB + 2000);
  const ByteCount offset = address_of(placed) % kSuperslabBytes;
  CHECK(offset > 32 * kKiB);
  if (resize_in_place(placed, 6 * kMiB - 10 * kKiB))
    CHECK_EQ(usable_bytes(placed), 8 * kMiB - offset);
  CHECK(resize_in_place(placed, 2 * kMiB + 4 * kKiB));
  CHECK_EQ(usable_bytes(placed), 4 * kMiB - offset);
  deallocate(placed);
  void* medium = allocate(kMiB);
  CHECK(!resize_in_place(medium, 3 * kMiB));
  deallocate(medium);
}

TEST(malloc, "nullptr has no bytes and is no one's, and free does nothing with it") {
  deallocate(nullptr);
  deallocate_sized(nullptr, 10);
  CHECK_EQ(usable_bytes(nullptr), 0u);
  CHECK(!owns(nullptr));
  int local = 0;
  CHECK(!owns(&local));
}

TEST(malloc, "free leaves errno as it was") {
  std::vector<void*> blocks;
  for (const ByteCount bytes : edge_sizes()) blocks.push_back(allocate(bytes));
  blocks.push_back(allocate(kGiB));
  for (void* block : blocks) {
    errno = 77;
    deallocate(block);
    CHECK_EQ(errno, 77);
  }
}

TEST(malloc, "blocks that another thread frees come home, of every size") {
  for (const ByteCount bytes : {ByteCount{64}, ByteCount{5000}, 40 * kKiB, 300 * kKiB, 3 * kMiB}) {
    const Context context(std::to_string(bytes) + " bytes");
    const ByteCount before = ProcessHeap::get()->heap().budget().charged();
    for (int round = 0; round < 6; ++round) {
      std::vector<void*> blocks;
      for (int i = 0; i < 40; ++i) {
        blocks.push_back(allocate(bytes));
        std::memset(blocks.back(), round, bytes);
      }
      std::sort(blocks.begin(), blocks.end());
      CHECK(std::adjacent_find(blocks.begin(), blocks.end()) == blocks.end());
      std::thread([&] {
        for (void* block : blocks) deallocate(block);
      }).join();
    }
    ProcessHeap::get()->trim();
    CHECK(ProcessHeap::get()->heap().committed_bytes() < 40 * kMiB);
    CHECK(ProcessHeap::get()->heap().budget().charged() <= before + 40 * bytes);
  }
}

TEST(malloc, "without memory there is no block, and what there was stays") {
  CHECK(allocate(std::size_t{1} << 47) == nullptr);
  CHECK(allocate_zeroed(std::size_t{1} << 47) == nullptr);
  CHECK(allocate_aligned(4096, std::size_t{1} << 47) == nullptr);
  void* block = allocate(5000);
  std::memset(block, 0x44, 5000);
  CHECK(reallocate(block, std::size_t{1} << 47) == nullptr);
  CHECK_EQ(usable_bytes(block), size_class(class_for(5000)).block_bytes);
  CHECK_EQ(static_cast<unsigned char*>(block)[4999], 0x44);
  deallocate(block);
}

namespace {

/// Huge blocks that come past malloc are freed until what they leave idle goes back: how often it
/// takes is the clock's affair.
void free_until_nothing_is_idle() {
  ProcessHeap& heap = *ProcessHeap::get();
  do {
    const Superslab* head = heap.heap().huge().take(5 * kMiB, &heap.cache()->owner());
    CHECK(head != nullptr);
    deallocate(head->base);
  } while (heap.space().idle_bytes() != 0);
}

}  // namespace

TEST(malloc, "to free huge blocks is enough for idle memory to go back") {
  if (!has_setting("SUPERSLAB_MALLOC_PURGE_DELAY_MS", "0",
                   "malloc: to free huge blocks is enough for idle memory to go back"))
    return;
  free_until_nothing_is_idle();
}

TEST(malloc, "to free huge blocks is enough for idle memory to go back in check mode too") {
  const char* const me =
      "malloc: to free huge blocks is enough for idle memory to go back in check mode too";
  if (!has_setting("SUPERSLAB_MALLOC_PURGE_DELAY_MS", "0", me)) return;
  if (!has_setting("SUPERSLAB_CHECK", "1", me)) return;
  free_until_nothing_is_idle();
}

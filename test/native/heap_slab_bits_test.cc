// The free bits of one slab, by one thread.

#include <algorithm>
#include <memory>
#include <set>
#include <vector>

#include "check.h"
#include "heap/slab_bits.h"
#include "space/space.h"

using namespace superslab;

namespace {

/// A slab over addresses that nobody touches.
struct Cut {
  explicit Cut(ByteCount bytes) : slab(std::make_unique<Slab>()) {
    slab_init(*slab, class_for(bytes), reinterpret_cast<std::byte*>(kSuperslabBytes), words);
  }
  std::vector<void*> take(std::size_t wanted) {
    std::vector<void*> blocks(wanted);
    const std::size_t got = slab_take(*slab, blocks.data() + wanted, wanted);
    std::reverse(blocks.begin(), blocks.end());
    blocks.resize(got);
    return blocks;
  }
  std::uint64_t free(const void* p) {
    const std::uint32_t i = block_index(*slab, p);
    return slab_free(*slab, i / 64, std::uint64_t{1} << (i % 64));
  }
  RemoteFree free_remote(const void* p) {
    const std::uint32_t i = block_index(*slab, p);
    return remote_free(*slab, i / 64, std::uint64_t{1} << (i % 64));
  }
  std::unique_ptr<Slab> slab;
  std::uint64_t words[kWordsPerSlice];
};

}  // namespace

TEST(heap, "every class: all blocks are taken once, in address order, and come home") {
  for (std::size_t c = 0; c < kFixedClasses; ++c) {
    Cut cut(class_bytes(c));
    const std::vector<void*> all = cut.take(cut.slab->block_count + 5u);
    CHECK_EQ(all.size(), cut.slab->block_count);
    for (std::uint32_t i = 0; i < all.size(); ++i) {
      CHECK(all[i] == cut.slab->start + ByteCount{i} * class_bytes(c));
      CHECK_EQ(block_index(*cut.slab, all[i]), i);
      CHECK_EQ(block_index(*cut.slab, static_cast<std::byte*>(all[i]) + class_bytes(c) - 1), i);
    }
    CHECK(slab_is_drained(*cut.slab) && !slab_is_unused(*cut.slab) && slab_is_valid(*cut.slab));
    for (void* p : all) {
      CHECK(!slab_is_unused(*cut.slab));
      CHECK_EQ(cut.free(p), 0u);
    }
    CHECK(slab_is_unused(*cut.slab) && !slab_is_drained(*cut.slab) && slab_is_valid(*cut.slab));
  }
}

TEST(heap, "freed blocks are taken before fresh ones are carved, lowest first") {
  Cut cut(64);
  const std::vector<void*> first = cut.take(200);
  cut.free(first[150]);
  cut.free(first[3]);
  CHECK_EQ(cut.slab->carved, 200u);
  const std::vector<void*> again = cut.take(3);
  CHECK(again[0] == first[3] && again[1] == first[150]);
  CHECK(again[2] == static_cast<std::byte*>(first[199]) + 64);
  CHECK_EQ(cut.slab->carved, 201u);
}

TEST(heap, "what others have freed is taken lowest first as well, whatever was taken before") {
  Cut cut(64);
  const std::vector<void*> all = cut.take(cut.slab->block_count);
  CHECK(all.size() > 300);
  CHECK(cut.take(1).empty() && slab_is_drained(*cut.slab));
  cut.free(all[300]);
  CHECK(cut.take(1)[0] == all[300]);
  // In words below the one that was taken from last.
  for (const std::size_t i : {260u, 70u, 2u}) cut.free_remote(all[i]);
  CHECK_EQ(slab_collect(*cut.slab).freed, 3u);
  CHECK(!slab_is_drained(*cut.slab));
  cut.free(all[130]);
  const std::vector<void*> again = cut.take(5);
  CHECK_EQ(again.size(), 4u);
  CHECK(again[0] == all[2] && again[1] == all[70] && again[2] == all[130] && again[3] == all[260]);
  CHECK(slab_is_drained(*cut.slab) && slab_is_valid(*cut.slab));
}

TEST(heap, "free ranges are what came back and what was never handed out, each once") {
  Cut cut(1000);
  const std::vector<void*> blocks = cut.take(20);
  for (const std::size_t i : {3, 4, 9}) cut.free(blocks[i]);
  std::vector<std::pair<std::uint32_t, std::uint32_t>> ranges;
  const auto visit = [&](std::uint32_t from, std::uint32_t to) { ranges.emplace_back(from, to); };
  slab_for_each_free_range(*cut.slab, visit);
  const std::uint32_t all = cut.slab->block_count;
  const std::vector<std::pair<std::uint32_t, std::uint32_t>> expected = {
      {3, 5}, {9, 10}, {20, all}};
  CHECK(ranges == expected);
  cut.free(blocks[19]);
  ranges.clear();
  slab_for_each_free_range(*cut.slab, visit);
  CHECK(ranges.back() == std::pair(std::uint32_t{19}, all));
}

TEST(heap, "all blocks of a slab are freed at once, and none that was never handed out") {
  for (std::size_t taken = 1; taken < 300; ++taken) {
    Cut cut(64);
    CHECK_EQ(cut.take(taken).size(), taken);
    slab_free_all(*cut.slab);
    CHECK(slab_is_unused(*cut.slab) && slab_is_valid(*cut.slab));
    CHECK_EQ(cut.take(cut.slab->block_count).size(), cut.slab->block_count);
    CHECK(slab_is_drained(*cut.slab));
  }
}

TEST(heap, "a fresh slab is unused and has all to give") {
  Cut cut(64);
  CHECK(slab_is_unused(*cut.slab) && !slab_is_drained(*cut.slab) && slab_is_valid(*cut.slab));
}

TEST(heap, "double frees are told apart bit by bit") {
  Cut cut(256);
  const std::vector<void*> blocks = cut.take(10);
  CHECK_EQ(cut.free(blocks[1]), 0u);
  CHECK_EQ(cut.free(blocks[1]), 2u);
  CHECK_EQ(slab_free(*cut.slab, 0, 0b111), 2u);
  CHECK(slab_holds(*cut.slab, 0) && slab_holds(*cut.slab, 2) && !slab_holds(*cut.slab, 3));

  const RemoteFree once = cut.free_remote(blocks[5]);
  CHECK(once.already_free == 0 && once.must_queue);
  const RemoteFree twice = cut.free_remote(blocks[5]);
  CHECK(twice.already_free == 1u << 5 && !twice.must_queue);
  const RemoteFree mixed = remote_free(*cut.slab, 0, 0b11100000);
  CHECK(mixed.already_free == 1u << 5 && !mixed.must_queue);
  CHECK_EQ(cut.slab->pending.load(), 3);
  CHECK(slab_holds(*cut.slab, 7));
  const Collected collected = slab_collect(*cut.slab);
  CHECK_EQ(collected.freed, 3u);
  CHECK_EQ(collected.already_free, 0u);
  CHECK_EQ(cut.slab->pending.load(), 0);
  CHECK(slab_is_valid(*cut.slab));
}

TEST(heap, "a block freed by its owner and by another thread is found when it is collected") {
  Cut cut(256);
  const std::vector<void*> blocks = cut.take(4);
  cut.free(blocks[0]);
  CHECK(cut.free_remote(blocks[0]).must_queue);
  CHECK(!slab_is_valid(*cut.slab));
  CHECK(!cut.free_remote(blocks[1]).must_queue);
  const Collected collected = slab_collect(*cut.slab);
  CHECK_EQ(collected.freed, 1u);
  CHECK_EQ(collected.already_free, 1u);
  CHECK(slab_is_valid(*cut.slab));
  CHECK_EQ(cut.take(2).size(), 2u);
}

TEST(heap, "remote frees keep a slab from being unused until they are collected") {
  Cut cut(1024);
  const std::vector<void*> blocks = cut.take(70);
  for (std::size_t i = 1; i < blocks.size(); ++i) cut.free(blocks[i]);
  CHECK(cut.free_remote(blocks[0]).must_queue);
  CHECK(!slab_is_unused(*cut.slab));
  slab_collect(*cut.slab);
  CHECK(slab_is_unused(*cut.slab));
  // Announced, with its bits collected before: the freeing thread is between its two steps.
  cut.slab->pending.store(-1);
  CHECK(!slab_is_unused(*cut.slab));
}

TEST(heap, "every class: a remote free of any block comes home, those of the last word too") {
  for (std::size_t c = 0; c < kFixedClasses; ++c) {
    Cut cut(class_bytes(c));
    const std::vector<void*> all = cut.take(cut.slab->block_count);
    for (std::size_t i = all.size(); i-- > 0;) {
      CHECK_EQ(cut.free_remote(all[i]).already_free, 0u);
      if (i % 7 == 0) CHECK(slab_collect(*cut.slab).freed > 0);
    }
    CHECK_EQ(slab_free_blocks(*cut.slab), all.size());
    CHECK_EQ(cut.slab->pending.load(), 0);
    CHECK(slab_is_unused(*cut.slab) && slab_is_valid(*cut.slab));
    CHECK(cut.take(all.size()) == all);
  }
}

TEST(heap, "slab_is_valid sees what cannot be") {
  Cut cut(64);
  cut.take(100);
  CHECK(slab_is_valid(*cut.slab));
  slab_free(*cut.slab, 1, std::uint64_t{1} << 36);  // block 100 was never handed out
  CHECK(!slab_is_valid(*cut.slab));
  cut.slab->free_words[1] = 0;
  const std::uint32_t last = cut.slab->words - 1u;
  cut.slab->free_words[last] = 1;
  CHECK(!slab_is_valid(*cut.slab));
  cut.slab->free_words[last] = 0;
  CHECK(slab_is_valid(*cut.slab));
  cut.slab->carved = cut.slab->block_count + 1;
  CHECK(!slab_is_valid(*cut.slab));
}

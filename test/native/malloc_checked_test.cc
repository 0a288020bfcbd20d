// SUPERSLAB_CHECK, and addresses that are no blocks: what ends the process, and with which words.
#include "malloc/checked.h"

#include <signal.h>

#include <cstring>

#include "check.h"
#include "malloc/allocate.h"
#include "malloc/fatal.h"
#include "malloc/foreign.h"
#include "malloc_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

ProcessHeap& process_heap() { return *ProcessHeap::get(); }

/// What check_block() says of `block`; empty when it has nothing to say.
std::string said_of(const void* block) {
  return last_words_of([&] { check_block(process_heap(), "free", block); });
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

std::byte* checked(ByteCount bytes) {
  return static_cast<std::byte*>(allocate_checked(*process_heap().cache(), bytes));
}

}  // namespace

TEST(malloc, "a checked block is known as one; any other address in a slab is not, by its kind") {
  for (const ByteCount bytes : {ByteCount{16}, ByteCount{1000}, 20 * kKiB, 200 * kKiB}) {
    const Context context(std::to_string(bytes) + " bytes");
    std::byte* block = checked(bytes);
    const ByteCount unit = size_class(class_for(bytes)).block_bytes;
    CHECK(usable_bytes(block) >= bytes);
    CHECK_EQ(said_of(block), std::string());
    CHECK(has(said_of(block + 8), "8 bytes into a block"));
    CHECK(has(said_of(block + unit - 1), "bytes into a block"));
    const Slab& slab = *process_heap().space().slab_of(block);
    CHECK(has(said_of(slab.start + ByteCount{slab.carved} * unit), "never allocated"));
    if (slab.start != slab.start - 1 && address_of(slab.start) % kSliceBytes != 0)
      CHECK(has(said_of(slab.start - 1), "in front of a slab's first block"));
    free_checked(process_heap(), "free", block);
    const std::string again = said_of(block);
    CHECK(has(again, "superslab: free(): "));
    CHECK(has(again, "freed already"));
    CHECK(has(again, std::to_string(unit) + " bytes"));
    CHECK(has(last_words_of([&] { free_checked(process_heap(), "realloc", block); }),
              "superslab: realloc(): "));
  }
}

TEST(malloc, "a checked block counts as one that was fetched alone") {
  const ClassIndex c = class_for(1000);
  const ClassStats before = process_heap().heap().class_stats(c);
  std::byte* block = checked(1000);
  const ClassStats after = process_heap().heap().class_stats(c);
  CHECK_EQ(after.in_use_blocks, before.in_use_blocks + 1);
  CHECK_EQ(after.refills, before.refills + 1);
  CHECK_EQ(after.refilled_blocks, before.refilled_blocks + 1);
  free_checked(process_heap(), "free", block);
}

TEST(malloc, "a huge block is known by its first address alone") {
  auto* block = static_cast<std::byte*>(allocate_aligned(kSuperslabBytes, 5 * kMiB));
  CHECK_EQ(said_of(block), std::string());
  CHECK(has(said_of(block + 4096),
            "4096 bytes into a block of " + std::to_string(usable_bytes(block)) + " bytes"));
  CHECK(has(last_words_of([&] { free_foreign(block + 4 * kMiB); }), "inside the heap, where no"));
  deallocate(block);
  CHECK_EQ(said_of(&block), std::string());  // the stack: not for here
}

TEST(malloc, "a size that a block cannot have had ends the process") {
  CHECK(has(last_words_of([] { check_size("free", nullptr, 64, 65); }),
            "freed as one of 65 bytes, and has 64"));
  CHECK_EQ(last_words_of([] { check_size("free", nullptr, 64, 64); }), std::string());
  CHECK_EQ(last_words_of([] { check_size("free", nullptr, 64, 0); }), std::string());
}

TEST(malloc, "an address that no allocator gives ends the process in check mode") {
  static std::uint64_t words[2];
  const auto said = [](const void* p) {
    return last_words_of([&] { check_foreign(process_heap(), "free", p); });
  };
  CHECK_EQ(said(words), std::string());
  CHECK(has(said(reinterpret_cast<std::byte*>(words) + 4), "not aligned"));
  CHECK(has(said(reinterpret_cast<void*>(0x10)), "no memory is there"));
}

TEST(malloc, "inside the heap and inside a mapped block no other address is taken for a block") {
  void* inside = reinterpret_cast<void*>(process_heap().space().region().base + 200 * kGiB);
  for (const std::string& said : {last_words_of([&] { free_foreign(inside); }),
                                  last_words_of([&] { (void)reallocate_foreign(inside, 10); }),
                                  last_words_of([&] { (void)usable_bytes_of_foreign(inside); })}) {
    CHECK(has(said, "inside the heap, where no block starts"));
  }
  auto* mapped = static_cast<std::byte*>(allocate(kGiB));
  if (mapped == nullptr) SKIP("no GiB of memory to be had");
  CHECK(has(last_words_of([&] { deallocate(mapped + 4096); }),
            "4096 bytes into a block beyond 1 GiB"));
  deallocate(mapped);
}

TEST(malloc, "blocks of another allocator go to it: here the C library's, which is next") {
  auto* block = static_cast<unsigned char*>(std::malloc(100));
  find_next_allocator();
  CHECK(!owns(block));
  CHECK(usable_bytes(block) >= 100);
  block[99] = 9;
  block = static_cast<unsigned char*>(reallocate(block, 5000));
  CHECK(block != nullptr && !owns(block) && block[99] == 9);
  deallocate(block);
}

TEST(malloc, "what was handed out before the heap stood is known, and never reused") {
  auto* first = static_cast<std::byte*>(allocate_at_start(100, 16));
  auto* none = static_cast<std::byte*>(allocate_at_start(0, 16));
  auto* page = static_cast<std::byte*>(allocate_at_start(10, 4096));
  CHECK(first != nullptr && none != nullptr && page != nullptr);
  CHECK_EQ(address_of(first) % 16, 0u);
  CHECK_EQ(address_of(page) % 4096, 0u);
  CHECK(none >= first + 100 && page > none);
  std::memset(first, 0x22, 100);
  for (std::byte* block : {first, none, page}) {
    CHECK(is_from_start(block) && owns(block));
    deallocate(block);
  }
  CHECK_EQ(usable_bytes(first), 100u);
  CHECK_EQ(usable_bytes(none), 0u);
  CHECK_EQ(usable_bytes(page), 10u);
  CHECK_EQ(static_cast<int>(first[99]), 0x22);
  // It grows into a block of the heap.
  auto* grown = static_cast<std::byte*>(reallocate(first, 1000));
  CHECK(grown != nullptr && !is_from_start(grown));
  CHECK_EQ(static_cast<int>(grown[99]), 0x22);
  deallocate(grown);
  // Until it is used up.
  CHECK(allocate_at_start(64 * kKiB + 1, 16) == nullptr);
  CHECK(allocate_at_start(1, 128 * kKiB) == nullptr);
  ByteCount sum = 0;
  std::byte* last = nullptr;
  while (auto* block = static_cast<std::byte*>(allocate_at_start(1000, 16))) {
    CHECK(is_from_start(block + 999));
    std::memset(block, 0x23, 1000);
    last = block;
    sum += 1000;
  }
  CHECK(sum > 40'000 && last != nullptr);
  CHECK(!is_from_start(last + 2000));
  CHECK(allocate_at_start(16, 16) != nullptr || allocate_at_start(1, 16) != nullptr);
  CHECK_EQ(usable_bytes(last), 1000u);
}

TEST(malloc, "in check mode each misuse ends the process, and right use does not") {
  if (!has_setting("SUPERSLAB_CHECK", "1",
                   "malloc: in check mode each misuse ends the process, and right use does not"))
    return;
  CHECK(process_heap().policy().check);
  for (const ByteCount bytes : {ByteCount{1}, ByteCount{1000}, 40 * kKiB, 700 * kKiB, 5 * kMiB}) {
    const Context context(std::to_string(bytes) + " bytes");
    auto* block = static_cast<std::byte*>(allocate(bytes));
    auto* zeroed = static_cast<std::byte*>(allocate_zeroed(bytes));
    CHECK(block != zeroed);
    for (ByteCount i = 0; i < bytes; i += 16) CHECK_EQ(static_cast<int>(zeroed[i]), 0);
    std::memset(block, 1, usable_bytes(block));
    CHECK_EQ(static_cast<int>(zeroed[0]), 0);
    CHECK(has(last_words_of([&] { deallocate(block + 8); }), "8 bytes into a block"));
    CHECK(has(last_words_of([&] { (void)reallocate(block + 8, 10); }), "realloc(): "));
    CHECK(has(last_words_of([&] { (void)usable_bytes(block + 8); }), "malloc_usable_size(): "));
    CHECK(has(last_words_of([&] { deallocate_sized(block, bytes * 2 + 4 * kMiB); }),
              "freed as one of"));
    CHECK(has(last_words_of([&] {
                deallocate(block);
                deallocate(block);
              }),
              bytes > kMaxClassBytes ? "freed already, or never allocated" : "freed already"));
    block = static_cast<std::byte*>(reallocate(block, bytes * 3));
    CHECK_EQ(static_cast<int>(block[bytes - 1]), 1);
    deallocate(block);
    deallocate_sized(zeroed, bytes);
  }
  CHECK(
      has(last_words_of([] { deallocate(reinterpret_cast<void*>(0x10)); }), "no memory is there"));
}

TEST(malloc, "SUPERSLAB_FOREIGN says what becomes of others' blocks") {
  if (has_setting("SUPERSLAB_FOREIGN", "ignore", "malloc: SUPERSLAB_FOREIGN says what becomes")) {
    auto* block = static_cast<unsigned char*>(std::malloc(100));
    deallocate(block);
    CHECK_EQ(usable_bytes(block), 0u);
    CHECK(reallocate(block, 10) == nullptr);
    std::free(block);  // nobody has
  } else if (has_setting("SUPERSLAB_FOREIGN", "abort",
                         "malloc: SUPERSLAB_FOREIGN says what becomes")) {
    void* block = std::malloc(100);
    CHECK(has(last_words_of([&] { deallocate(block); }), "SUPERSLAB_FOREIGN is abort"));
    std::free(block);
  }
}

TEST(malloc, "the words before the end are written whole") {
  CHECK_EQ(last_words_of([] { fail("some words\n"); }), std::string("some words\n"));
  CHECK_EQ(last_words_of([] { fail_on_address("free", nullptr, "why", "is odd"); }),
           std::string("superslab: free(): (nil) is odd (why)\n"));
}

// Blocks that are mappings of their own.

#include "malloc/mapped_blocks.h"

#include <thread>
#include <vector>

#include "check.h"
#include "heap_fixture.h"

using namespace superslab;
using namespace superslab_test;
using Call = FakeOs::Call;

namespace {

struct World : TestSpace {
  World() : TestSpace(1) {}
  MappedBlocks mapped{*space};
};

}  // namespace

TEST(heap, "a mapped block is zero, as large as asked for, and known by its start alone") {
  World w;
  w.mapped.free(w.mapped.allocate(1, 16));
  const ByteCount reserved = w.os.reserved_bytes();
  auto* p = static_cast<std::byte*>(w.mapped.allocate(5 * kMiB + 1, 16));
  CHECK(p != nullptr);
  const ByteCount whole = 5 * kMiB + w.os.page_bytes();
  CHECK_EQ(w.mapped.bytes_of(p), whole);
  CHECK_EQ(w.mapped.bytes(), whole);
  CHECK(is_zero(p, whole));
  std::memset(p, 1, whole);
  CHECK_EQ(w.mapped.bytes_of(p + 4096), 0u);
  CHECK(!w.mapped.free(p + 4096));
  CHECK(!w.mapped.free(nullptr));
  CHECK(w.os.reserved_bytes() >= reserved + whole);
  CHECK(w.mapped.free(p));
  CHECK_EQ(w.os.reserved_bytes(), reserved);
  CHECK(!w.mapped.free(p));
  CHECK_EQ(w.mapped.bytes_of(p), 0u);
  CHECK_EQ(w.mapped.bytes(), 0u);
  CHECK_EQ(w.os.misuse().total(), 0u);
}

TEST(heap, "a mapped block of no bytes is a page") {
  World w;
  void* p = w.mapped.allocate(0, 16);
  CHECK(p != nullptr);
  CHECK_EQ(w.mapped.bytes_of(p), w.os.page_bytes());
  CHECK(w.mapped.free(p));
}

TEST(heap, "a mapped block starts at a multiple of what was asked for") {
  World w;
  for (ByteCount alignment = 16; alignment <= 16 * kGiB; alignment *= 8) {
    void* p = w.mapped.allocate(100'000, alignment);
    CHECK(p != nullptr);
    CHECK_EQ(address_of(p) % alignment, 0u);
    CHECK(w.mapped.free(p));
  }
  CHECK_EQ(w.os.misuse().total(), 0u);
}

TEST(heap, "what no address space can hold is refused, and no sum overflows") {
  World w;
  for (const ByteCount bytes : {~ByteCount{0}, ~ByteCount{0} - 4096, ByteCount{PTRDIFF_MAX},
                                ByteCount{1} << 62, ByteCount{1} << 48}) {
    CHECK(w.mapped.allocate(bytes, 16) == nullptr);
    CHECK(w.mapped.allocate(bytes, kGiB) == nullptr);
  }
  CHECK(w.mapped.allocate(4096, ByteCount{1} << 62) == nullptr);
  CHECK_EQ(w.mapped.bytes(), 0u);
}

TEST(heap, "a mapped block without memory is none, at each of its calls") {
  for (const Call call : {Call::kReserve, Call::kCommit}) {
    World w;
    // Room for its entry first: that is metadata.
    void* first = w.mapped.allocate(4096, 16);
    CHECK(first != nullptr);
    const ByteCount reserved = w.os.reserved_bytes();
    w.os.fail_nth(call, 1, OsStatus::kNoMemory);
    CHECK(w.mapped.allocate(kMiB, 16) == nullptr);
    CHECK_EQ(w.os.reserved_bytes(), reserved);
    CHECK_EQ(w.mapped.bytes(), 4096u);
    void* second = w.mapped.allocate(kMiB, 16);
    CHECK(second != nullptr);
    CHECK(w.mapped.free(first) && w.mapped.free(second));
  }
}

TEST(heap, "many mapped blocks are told apart") {
  World w;
  std::vector<void*> blocks;
  for (ByteCount i = 1; i <= 50; ++i) blocks.push_back(w.mapped.allocate(i * 4096, 16));
  for (ByteCount i = 1; i <= 50; ++i) CHECK_EQ(w.mapped.bytes_of(blocks[i - 1]), i * 4096);
  for (std::size_t i = 0; i < 50; i += 2) CHECK(w.mapped.free(blocks[i]));
  for (std::size_t i = 0; i < 50; ++i)
    CHECK_EQ(w.mapped.bytes_of(blocks[i]), i % 2 == 0 ? 0 : (i + 1) * 4096);
  for (std::size_t i = 1; i < 50; i += 2) CHECK(w.mapped.free(blocks[i]));
  CHECK_EQ(w.mapped.bytes(), 0u);
}

TEST(heap, "threads map and free blocks, each other's too") {
  World w;
  std::atomic<void*> mail[3] = {};
  std::atomic<bool> good{true};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      for (ByteCount op = 1; op < 300; ++op) {
        void* p = w.mapped.allocate(op * 1000, 16);
        if (!is_zero(p, 64) || w.mapped.bytes_of(p) < op * 1000) good = false;
        std::memset(p, 1, 64);
        void* old = mail[(i + op) % 3].exchange(p);
        if (old != nullptr && !w.mapped.free(old)) good = false;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (auto& box : mail) CHECK(w.mapped.free(box.load()));
  CHECK(good.load());
  CHECK_EQ(w.mapped.bytes(), 0u);
  CHECK_EQ(w.os.misuse().total(), 0u);
}

TEST(heap, "a mapped block that there is no memory for leaves its entry to the next") {
  World w;
  CHECK(w.mapped.free(w.mapped.allocate(4096, 16)));
  const ByteCount reserved = w.os.reserved_bytes();
  for (int i = 0; i < 20'000; ++i) CHECK(w.mapped.allocate(std::size_t{1} << 62, 16) == nullptr);
  CHECK_EQ(w.os.reserved_bytes(), reserved);  // else a chunk of metadata more than once
}

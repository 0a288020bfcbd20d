// Records: what is counted of them at the end of their thread, and how other threads find them.
#include <memory>

#include "addon/record_books.h"
#include "check.h"
#include "end_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

constexpr ByteCount kChunk = 64 * kKiB;

/// A chunk as JavaScript counts it: a block that lies idle, with so many records lent.
BlockNumber make_chunk(Script& script, std::uint32_t records, std::uint32_t lent) {
  const BlockNumber block = script.acquire(kChunk);
  LeaseMagazines& m = script.cache().magazines();
  ++m.idle[tag_of(lease_class_for(kChunk))];
  m.records_made += records;
  m.records_idle += records - lent;
  return block;
}

std::shared_ptr<RecordBook> book_named(const char* name, std::uint32_t slots, std::uint32_t first) {
  auto book = std::make_shared<RecordBook>(name, "layout", slots, first);
  RecordBooks::of_process().add(book);
  return book;
}

}  // namespace

TEST(addon, "records that a dead thread had lent are leaks, each one, and their chunks are none") {
  TestPool t;
  LeaseTable table(t.space());
  Script dead(*t.heap);
  t.heap->hold_records({kChunk, 100, 600});
  CHECK(make_chunk(dead, 100, 7) != kNoBlock);
  CHECK(make_chunk(dead, 100, 0) != kNoBlock);
  PoolFigures figures;
  static_cast<const Pool&>(*t.heap).stats({}, figures);
  CHECK_EQ(figures.records.out, 7u);
  CHECK_EQ(figures.records.shape.record_bytes, 600u);
  end_environment(table, dead, t.space());
  CHECK_EQ(t->stats().leaked_blocks, 7u);
  CHECK_EQ(t->stats().leaked_bytes, 7 * 600u);
  CHECK_EQ(t->budget().charged(), 0u);
  dead.detach();
  CHECK(t.ends_clean());
}

TEST(addon, "a record book is found by its name, as long as it has not ended") {
  const auto one = book_named("found", 4, 10);
  CHECK_EQ(RecordBooks::of_process().named("found").size(), 1u);
  CHECK_EQ(RecordBooks::of_process().named("foun").size(), 0u);
  {
    const auto other = book_named("found", 4, 20);
    CHECK_EQ(RecordBooks::of_process().named("found").size(), 2u);
  }
  CHECK(RecordBooks::of_process().named("found").front() == one);
  one->end();
  CHECK_EQ(RecordBooks::of_process().named("found").size(), 0u);
}

TEST(addon, "generations begin where the pool says, outlive a place, and are even at the end") {
  const auto book = book_named("generations", 3, 10);
  CHECK(book->words(1) == nullptr);  // beyond the next one
  RecordBook::Word* const words = book->words(0);
  CHECK(words != nullptr && words == book->words(0));
  CHECK(book->find(0).memory == nullptr);
  for (std::uint32_t slot = 1; slot <= 3; ++slot) CHECK_EQ(words[slot].load(), 10u);
  char memory[64];
  book->place(0, memory, sizeof memory);
  words[2].store(11);
  const RecordBook::Place before = book->find(0);
  CHECK(before.memory == memory && before.words == words);
  CHECK_EQ(before.bytes, sizeof memory);
  book->place(0, memory + 1, 10);
  CHECK(book->find(0).placement != before.placement);
  CHECK_EQ(words[2].load(), 11u);
  book->end();
  book->end();
  CHECK_EQ(words[1].load(), 10u);
  CHECK_EQ(words[2].load(), 12u);
  CHECK(book->find(0).memory == nullptr);
  CHECK(book->words(0) == nullptr && book->words(1) == nullptr);
}

// The values of a compressed pool: what becomes of them, and of what is wrong.
#include <string>

#include "check.h"
#include "compressed_fixture.h"
#include "pools/compressed/checksum.h"
#include "pools/compressed/repeated_word.h"

using namespace superslab;
using namespace superslab_test;

namespace {

constexpr std::size_t kPage = 4096;

/// Of a cold value; for who changes its bytes.
ColdValue& cold_of(TestTiers& test, TierHandle handle) {
  return test.tiers->slots().cold(tier_slot_of(handle));
}

}  // namespace

TEST(pools, "compressed: a value comes back as it was put, hot or cold") {
  if (!has_lz4()) SKIP("built without LZ4");
  TestTiers test;
  CHECK(test.open());
  std::vector<Bytes> values;
  std::vector<TierHandle> handles;
  for (const std::size_t length :
       {1u, 7u, 8u, 9u, 63u, 64u, 1000u, 4096u, 4097u, 65536u, 1u << 21}) {
    values.push_back(text_bytes(length, static_cast<unsigned>(length)));
    handles.push_back(test.put(values.back()));
    CHECK(handles.back() != 0);
  }
  for (unsigned round = 0; round < 3; ++round) {
    static_cast<void>(test.cool_all());
    CHECK(test.tiers->figures().cold_values >= 5);
    for (std::size_t i = 0; i < values.size(); ++i) {
      Bytes got;
      CHECK_EQ(test.read(handles[i], got), TierFault::kNone);
      CHECK(got == values[i]);
    }
    CHECK_EQ(test.tiers->figures().cold_values, 0u);
    CHECK(test.tiers->contradiction() == nullptr);
    test.clock.advance(31'000 * kMillisecond);
  }
  CHECK(test.ends_clean());
}

TEST(pools, "compressed: a value of one repeated word takes no chunk") {
  TestTiers test;
  CHECK(test.open());
  Bytes word(kPage);
  for (std::size_t i = 0; i < kPage; ++i) word[i] = static_cast<unsigned char>("repeated"[i % 8]);
  const std::vector<Bytes> values = {Bytes(kPage), Bytes(kPage - 3, 7), word, Bytes(5, 1)};
  std::vector<TierHandle> handles;
  for (const Bytes& value : values) handles.push_back(test.put(value));
  CHECK_EQ(test.cool_all(), values.size());
  CHECK_EQ(test.tiers->figures().repeated_values, values.size());
  CHECK_EQ(test.cold->heap().budget().charged(), 0u);
  for (std::size_t i = 0; i < values.size(); ++i) {
    Bytes got;
    CHECK_EQ(test.read(handles[i], got), TierFault::kNone);
    CHECK(got == values[i]);
  }
  Bytes almost = word;
  almost[kPage - 1] ^= 1;
  std::uint64_t found;
  CHECK(!is_repeated(almost.data(), almost.size(), found));
  CHECK(test.ends_clean());
}

TEST(pools, "compressed: what compresses badly stays hot, and is left alone for a while") {
  TestTiers test;
  CHECK(test.open());
  const TierHandle handle = test.put(random_bytes(kPage, 1));
  ByteCount freed;
  CHECK_EQ(test.tiers->cool_one(freed), Cooled::kRejected);
  CHECK_EQ(test.tiers->cool_one(freed), Cooled::kNothing);
  CHECK_EQ(test.tiers->figures().rejected, 1u);
  test.clock.advance(31'000 * kMillisecond);
  CHECK_EQ(test.tiers->cool_one(freed), Cooled::kRejected);
  CHECK(!test.tiers->is_cold(handle));
  CHECK(test.ends_clean());
}

TEST(pools, "compressed: values that were used since the hand came by have a second chance") {
  TestTiers test;
  CHECK(test.open());
  const TierHandle used = test.put(Bytes(kPage));
  const TierHandle unused = test.put(Bytes(kPage));
  ByteCount freed;
  // Both are new: the first round takes that from them, and the second takes the first.
  CHECK_EQ(test.tiers->cool_one(freed), Cooled::kDone);
  CHECK(test.tiers->is_cold(used));
  Bytes got;
  CHECK_EQ(test.read(used, got), TierFault::kNone);
  CHECK_EQ(test.tiers->cool_one(freed), Cooled::kDone);
  CHECK(test.tiers->is_cold(unused));
  CHECK(!test.tiers->is_cold(used));
  CHECK(test.ends_clean());
}

TEST(pools, "compressed: a pinned value stays hot, and cannot be freed") {
  TestTiers test;
  CHECK(test.open());
  const TierHandle handle = test.put(Bytes(kPage));
  std::uint32_t block;
  CHECK_EQ(test.tiers->unpin(handle), TierFault::kUnpinned);
  CHECK_EQ(test.tiers->pin(handle, block), TierFault::kNone);
  CHECK_EQ(test.tiers->pin(handle, block), TierFault::kNone);
  ByteCount freed;
  CHECK_EQ(test.tiers->cool_one(freed), Cooled::kNothing);
  CHECK_EQ(test.tiers->free(handle), TierFault::kPinned);
  unsigned pins = 0;
  test.tiers->for_each_pinned(10, [&](TierHandle one, std::uint32_t length, std::uint32_t count) {
    if (one == handle && length == kPage) pins += count;
  });
  CHECK_EQ(pins, 2u);
  CHECK_EQ(test.tiers->unpin(handle), TierFault::kNone);
  CHECK_EQ(test.tiers->unpin(handle), TierFault::kNone);
  CHECK_EQ(test.tiers->free(handle), TierFault::kNone);
  CHECK_EQ(test.tiers->free(handle), TierFault::kStale);
  CHECK_EQ(test.tiers->pin(handle, block), TierFault::kStale);
  CHECK(test.ends_clean());
}

TEST(pools, "compressed: a slot's next value has another handle") {
  TestTiers test;
  CHECK(test.open());
  const TierHandle first = test.put(Bytes(10));
  CHECK_EQ(test.tiers->free(first), TierFault::kNone);
  const TierHandle second = test.put(Bytes(10));
  CHECK(tier_slot_of(first) == tier_slot_of(second));
  CHECK(first != second);
  std::uint32_t length;
  CHECK(!test.tiers->find_length(first, length));
  CHECK(test.tiers->find_length(second, length));
  CHECK(!test.tiers->find_length(second + 1, length));
  CHECK(!test.tiers->find_length(UINT64_MAX, length));
  CHECK_EQ(next_tier_generation(kGenerationMask), 1u);
  CHECK(test.ends_clean());
}

TEST(pools, "compressed: at its limit cold takes nothing until a tenth of it is free") {
  if (!has_lz4()) SKIP("built without LZ4");
  TestTiers test({.hot_bytes = 1 << 20}, 64 * kKiB);
  CHECK(test.open());
  std::vector<TierHandle> handles;
  for (unsigned i = 0; i < 100; ++i) handles.push_back(test.put(text_bytes(kPage, i)));
  CHECK(test.cool_all() < 100);
  ByteCount freed;
  CHECK_EQ(test.tiers->cool_one(freed), Cooled::kFull);
  CHECK(test.tiers->figures().refused >= 1);
  const TierHandle oldest = test.tiers->oldest_cold();
  CHECK_EQ(test.tiers->free(oldest), TierFault::kNone);
  CHECK(test.tiers->oldest_cold() != oldest);
  CHECK_EQ(test.tiers->cool_one(freed), Cooled::kFull);
  while (test.cold->excess() > 0)
    CHECK_EQ(test.tiers->free(test.tiers->oldest_cold()), TierFault::kNone);
  CHECK_EQ(test.tiers->cool_one(freed), Cooled::kDone);
  CHECK(test.tiers->contradiction() == nullptr);
  CHECK(test.ends_clean());
}

TEST(pools, "compressed: 10,000 of 10,000 flipped bits are found") {
  if (!has_lz4()) SKIP("built without LZ4");
  TestTiers test;
  CHECK(test.open());
  std::vector<TierHandle> handles;
  std::vector<Bytes> values;
  for (unsigned i = 0; i < 10; ++i) {
    values.push_back(text_bytes(kPage + 777 * i, i));
    handles.push_back(test.put(values.back()));
  }
  CHECK_EQ(test.cool_all(), 10u);
  std::mt19937 random(1);
  for (unsigned flip = 0; flip < 10'000; ++flip) {
    const TierHandle handle = handles[flip % handles.size()];
    const ColdValue& cold = cold_of(test, handle);
    auto* const bytes = static_cast<unsigned char*>(cold.chunk);
    const std::size_t bit = random() % (std::size_t{cold.bytes} * 8);
    bytes[bit / 8] ^= static_cast<unsigned char>(1u << (bit % 8));
    Bytes got;
    CHECK_EQ(test.read(handle, got), TierFault::kCorrupt);
    bytes[bit / 8] ^= static_cast<unsigned char>(1u << (bit % 8));
  }
  CHECK_EQ(test.tiers->figures().corrupt, 10'000u);
  for (std::size_t i = 0; i < handles.size(); ++i) {
    Bytes got;
    CHECK_EQ(test.read(handles[i], got), TierFault::kNone);
    CHECK(got == values[i]);
  }
  CHECK(test.ends_clean());
}

TEST(pools, "compressed: LZ4 writes nowhere else, whatever bytes it is given") {
  if (!has_lz4()) SKIP("built without LZ4");
  std::mt19937 random(2);
  const Bytes value = text_bytes(kPage, 3);
  auto state = std::make_unique<Lz4State>();
  for (unsigned i = 0; i < 10'000; ++i) {
    // Of exactly its size, so that a sanitizer sees a step beyond.
    Bytes packed(kPage);
    packed.resize(lz4_compress(*state, value.data(), value.size(), packed.data(), packed.size()));
    packed.shrink_to_fit();
    for (unsigned k = random() % 8; k-- > 0;)
      packed[random() % packed.size()] = static_cast<unsigned char>(random());
    if (random() % 4 == 0) packed.resize(random() % packed.size());
    Bytes out(kPage - random() % 64);
    static_cast<void>(lz4_decompress(packed.data(), packed.size(), out.data(), out.size()));
  }
}

TEST(pools, "compressed: a checksum tells any two bytes apart, at any place") {
  Bytes bytes = random_bytes(300, 4);
  for (std::size_t length : {0u, 1u, 7u, 8u, 9u, 16u, 17u, 240u, 241u, 300u}) {
    const std::uint64_t before = checksum(bytes.data(), length);
    for (std::size_t i = 0; i < length; ++i) {
      bytes[i] ^= 0x10;
      CHECK(checksum(bytes.data(), length) != before);
      bytes[i] ^= 0x10;
    }
    CHECK_EQ(checksum(bytes.data(), length), before);
  }
}

TEST(pools, "compressed: a codec of the program is held to its word") {
  TestTiers test({.hot_bytes = 1 << 20, .uses_lz4 = false, .foreign_from = 1});
  CHECK(test.open());
  const Bytes value = text_bytes(kPage, 5);
  const Bytes packed = random_bytes(1000, 6);
  const TierHandle handle = test.put(value);
  std::uint32_t block;
  CHECK_EQ(test.tiers->begin_foreign(block), handle);
  CHECK_EQ(test.tiers->begin_foreign(block), 0u);
  CHECK_EQ(test.tiers->finish_foreign(handle, packed.data(), kPage), Cooled::kRejected);
  CHECK_EQ(test.tiers->finish_foreign(handle, packed.data(), 1000), Cooled::kInVain);
  test.clock.advance(31'000 * kMillisecond);
  CHECK_EQ(test.tiers->begin_foreign(block), handle);
  CHECK_EQ(test.tiers->pin(handle, block), TierFault::kNone);
  CHECK_EQ(test.tiers->finish_foreign(handle, packed.data(), 1000), Cooled::kInVain);
  CHECK_EQ(test.tiers->unpin(handle), TierFault::kNone);
  CHECK_EQ(test.tiers->begin_foreign(block), handle);
  CHECK_EQ(test.tiers->finish_foreign(handle, packed.data(), 1000), Cooled::kDone);
  CHECK_EQ(test.hot.count(), 0u);

  Bytes out(1000);
  ByteCount size;
  CHECK_EQ(test.tiers->read_foreign(handle, out.data(), 999, size), TierFault::kNone);
  CHECK_EQ(size, 1000u);
  CHECK_EQ(test.tiers->read_foreign(handle, out.data(), size, size), TierFault::kNone);
  CHECK(out == packed);
  bool is_taken;
  const std::uint32_t wrong = test.hot.take(kPage);
  CHECK_EQ(test.tiers->heat(handle, wrong, is_taken), TierFault::kForeign);
  CHECK_EQ(test.tiers->heat_foreign(handle, wrong), TierFault::kCorrupt);
  std::memcpy(test.hot.find(wrong), value.data(), kPage);
  CHECK_EQ(test.tiers->heat_foreign(handle, wrong), TierFault::kNone);
  CHECK_EQ(test.tiers->unpin(handle), TierFault::kNone);
  Bytes got;
  CHECK_EQ(test.read(handle, got), TierFault::kNone);
  CHECK(got == value);
  CHECK(test.ends_clean());
}

TEST(pools, "compressed: without memory values stay where they are") {
  if (!has_lz4()) SKIP("built without LZ4");
  for (std::uint64_t nth = 1; nth <= 12; ++nth) {
    const Context context("refusal " + std::to_string(nth));
    TestTiers test;
    test.world.os.fail_nth(nth, OsStatus::kNoMemory, FakeOs::Lasts::kFromThenOn);
    const bool is_open = test.open();
    std::vector<TierHandle> handles;
    std::vector<Bytes> values;
    for (unsigned i = 0; is_open && i < 20; ++i) {
      values.push_back(text_bytes(20'000 + i, i));
      handles.push_back(test.put(values.back()));
    }
    if (is_open) static_cast<void>(test.cool_all());
    test.world.os.fail_none();
    if (!is_open) {
      test.tiers.reset();
      test.cold.reset();
      continue;
    }
    CHECK(test.tiers->contradiction() == nullptr);
    for (std::size_t i = 0; i < handles.size(); ++i) {
      if (handles[i] == 0) continue;
      Bytes got;
      CHECK_EQ(test.read(handles[i], got), TierFault::kNone);
      CHECK(got == values[i]);
    }
    CHECK(test.ends_clean());
  }
}

TEST(pools, "compressed: values of a vanished compression stay hot in the child of a fork") {
  TestTiers test;
  CHECK(test.open());
  const TierHandle busy = test.put(text_bytes(kPage, 1));
  const TierHandle cold = test.put(Bytes(kPage));
  const TierHandle freed = test.put(Bytes(kPage));
  ByteCount length;
  while (!test.tiers->is_cold(cold)) {
    const Cooled result = test.tiers->cool_one(length);
    CHECK(result == Cooled::kDone || result == Cooled::kRejected);
  }
  Bytes got;
  CHECK_EQ(test.read(busy, got), TierFault::kNone);
  CHECK_EQ(test.tiers->free(freed), TierFault::kNone);
  ValueSlots& slots = test.tiers->slots();
  slots.state(tier_slot_of(busy)).store(ValueState::at(ValuePlace::kBusy).word);
  CHECK(!test.tiers->survive_fork());
  CHECK(slots.look(tier_slot_of(busy)).place() == ValuePlace::kHot);
  CHECK(test.tiers->contradiction() == nullptr);
  CHECK_EQ(test.tiers->oldest_cold(), cold);
  CHECK_EQ(test.tiers->free(busy), TierFault::kNone);
  CHECK(test.put(Bytes(1)) != 0);
  CHECK(test.ends_clean());
}

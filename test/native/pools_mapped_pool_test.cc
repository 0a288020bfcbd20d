// What a mapped pool does while nothing goes wrong, and what it says to wrong calls.
#include "check.h"
#include "mapped_fixture.h"

#if defined(__linux__)

namespace superslab_test {
namespace {

TEST(pools, "a committed block is found again by its root when the file is opened again") {
  FakeFiles files;
  auto pool = opened(files, small_options());
  CHECK(pool != nullptr);
  Block block;
  CHECK(pool->alloc(11, &block).ok());
  std::memcpy(pool->data() + block.offset, "hello world", 11);
  CHECK(pool->set_root("greeting", block.handle).ok());
  CHECK(pool->commit().ok());
  CHECK(pool->close().ok());
  pool = opened(files, small_options());
  CHECK(pool != nullptr);
  CHECK_EQ(pool->stats().replayed, 0u);
  Handle handle = 0;
  CHECK(pool->root("greeting", &handle).ok());
  CHECK_EQ(handle, block.handle);
  Block again;
  CHECK(pool->find(handle, &again).ok());
  CHECK_EQ(content_of(*pool, again), std::string("hello world"));
  CHECK(pool->root("other", &handle).ok());
  CHECK_EQ(handle, kNoHandle);
}

TEST(pools, "blocks of all sizes lie at multiples of 64 bytes and do not overlap") {
  FakeFiles files;
  auto pool = opened(files, small_options());
  std::map<std::uint64_t, ByteCount> ends;
  for (ByteCount bytes = 0; bytes < 40000; bytes = bytes * 5 / 4 + 1) {
    Block block;
    CHECK(pool->alloc(bytes, &block).ok());
    CHECK_EQ(block.offset % 64, 0u);
    CHECK_EQ(block.bytes, bytes);
    ends[block.offset] = block.offset + std::max<ByteCount>(bytes, 1);
    CHECK(pool->commit(SyncLevel::kNone).ok());
  }
  std::uint64_t end = 0;
  for (const auto& [from, to] : ends) {
    CHECK(from >= end);
    end = to;
  }
  CHECK_EQ(pool->check().messages.size(), 0u);
}

TEST(pools, "a freed block is stale at once, its space is used again after a commit that lasts") {
  FakeFiles files;
  auto pool = opened(files, small_options());
  Block block;
  CHECK(pool->alloc(100000, &block).ok());
  CHECK(pool->commit().ok());
  CHECK(pool->free(block.handle).ok());
  Block other;
  CHECK(pool->find(block.handle, &other).fault == Fault::kStale);
  CHECK(pool->free(block.handle).fault == Fault::kStale);
  CHECK(pool->alloc(100000, &other).ok());
  CHECK(other.offset != block.offset);
  CHECK(pool->commit(SyncLevel::kNone).ok());
  CHECK(pool->alloc(100000, &other).ok());
  CHECK(other.offset != block.offset);
  CHECK(pool->commit(SyncLevel::kData).ok());
  CHECK(pool->alloc(100000, &other).ok());
  CHECK_EQ(other.offset, block.offset);
  CHECK(other.handle != block.handle);
  CHECK(pool->find(block.handle, &other).fault == Fault::kStale);
}

TEST(pools, "what was rolled back leaves nothing, and its handles stay stale") {
  FakeFiles files;
  auto pool = opened(files, small_options());
  Block kept;
  CHECK(pool->alloc(100, &kept).ok());
  CHECK(pool->commit().ok());
  const MappedPool::Savepoint savepoint = pool->savepoint();
  Block small;
  Block large;
  CHECK(pool->alloc(100, &small).ok());
  CHECK(pool->alloc(50000, &large).ok());
  CHECK(pool->free(kept.handle).ok());
  CHECK(pool->set_root("root", small.handle).ok());
  pool->roll_back(savepoint);
  Block again;
  CHECK(pool->find(kept.handle, &again).ok());
  CHECK(pool->find(small.handle, &again).fault == Fault::kStale);
  Handle root = 1;
  CHECK(pool->root("root", &root).ok());
  CHECK_EQ(root, kNoHandle);
  for (int i = 0; i < 3; ++i) {
    CHECK(pool->alloc(100, &again).ok());
    CHECK(again.handle != small.handle);
    CHECK(pool->alloc(50000, &again).ok());
    CHECK(again.handle != large.handle);
  }
  CHECK_EQ(pool->stats().blocks, 7u);
  CHECK(pool->commit().ok());
  CHECK_EQ(pool->check().messages.size(), 0u);
}

TEST(pools, "what is not committed is gone after close") {
  FakeFiles files;
  auto pool = opened(files, small_options());
  Block block;
  CHECK(pool->alloc(300000, &block).ok());
  CHECK(pool->close().ok());
  CHECK(pool->find(block.handle, &block).fault == Fault::kClosed);
  CHECK(pool->alloc(1, &block).fault == Fault::kClosed);
  pool = opened(files, small_options());
  CHECK_EQ(pool->stats().blocks, 0u);
  CHECK_EQ(pool->stats().data_bytes, 256 * kKiB);
}

TEST(pools, "neighbours that are free become one, and the best fit is taken") {
  FakeFiles files;
  auto pool = opened(files, small_options(SyncLevel::kNone));
  Block blocks[8];
  for (Block& block : blocks) CHECK(pool->alloc(20000, &block).ok());
  CHECK(pool->commit().ok());
  for (const int i : {1, 3, 2, 6}) CHECK(pool->free(blocks[i].handle).ok());
  CHECK(pool->commit().ok());
  Block fit;
  CHECK(pool->alloc(20000, &fit).ok());
  CHECK_EQ(fit.offset, blocks[6].offset);
  CHECK(pool->alloc(60000, &fit).ok());
  CHECK_EQ(fit.offset, blocks[1].offset);
  CHECK(pool->commit().ok());
  CHECK_EQ(pool->check().messages.size(), 0u);
}

TEST(pools, "the limit is an error, after which the pool goes on") {
  FakeFiles files;
  auto pool = opened(files, small_options());
  std::vector<Handle> handles;
  Block block;
  Failure failure;
  while ((failure = pool->alloc(60000, &block)).ok()) {
    handles.push_back(block.handle);
    CHECK(pool->commit(SyncLevel::kNone).ok());
  }
  CHECK(failure.fault == Fault::kFull);
  CHECK(handles.size() * 61440 > 4 * kMiB * 9 / 10);
  CHECK(pool->alloc(5 * kMiB, &block).fault == Fault::kFull);
  CHECK(pool->free(handles[3]).ok());
  CHECK(pool->commit().ok());
  CHECK(pool->alloc(60000, &block).ok());
}

TEST(pools, "a disk that is nearly full gives what is needed, and a full one nothing") {
  FakeFiles files;
  auto pool = opened(files, small_options());
  Block block;
  CHECK(pool->alloc(256 * kKiB, &block).ok());
  files.fail_nth(1, {FileStatus::kNoSpace, 28});
  CHECK(pool->alloc(1000, &block).ok());
  CHECK_EQ(pool->stats().data_bytes, 320 * kKiB);
  files.fail_nth(1, {FileStatus::kNoSpace, 28}, FakeFiles::Lasts::kFromThenOn);
  const Failure failure = pool->alloc(100 * kKiB, &block);
  files.fail_none();
  CHECK(failure.fault == Fault::kNoSpace);
  CHECK_EQ(failure.file.code, 28);
  CHECK(pool->alloc(100 * kKiB, &block).ok());
  CHECK(pool->commit().ok());
  CHECK_EQ(pool->check().messages.size(), 0u);
}

TEST(pools, "a batch that no commit could have is refused, change by change") {
  FakeFiles files;
  auto pool = opened(files, small_options());
  Block block;
  Failure failure;
  int count = 0;
  while ((failure = pool->alloc(100, &block)).ok()) ++count;
  CHECK(failure.fault == Fault::kBatchFull);
  CHECK(count > 100);
  CHECK(pool->commit().ok());
  CHECK(pool->alloc(100, &block).ok());
  const std::vector<std::uint8_t> bytes(100 * kKiB);
  CHECK(pool->alloc(bytes.size(), &block).ok());
  CHECK(pool->write(block.handle, 0, bytes).fault == Fault::kBatchFull);
  CHECK(pool->write(block.handle, 99 * kKiB, std::span(bytes).first(2048)).fault == Fault::kRange);
  CHECK(pool->commit().ok());
  CHECK_EQ(pool->stats().blocks, static_cast<std::uint64_t>(count) + 2);
}

TEST(pools, "thousands of frees in one file come back, however many commits have them") {
  FakeFiles files;
  auto pool = opened(files, small_options());
  std::vector<Handle> handles;
  for (int round = 0; round < 60; ++round) {
    for (int i = 0; i < 20; ++i) {
      Block block;
      CHECK(pool->alloc(static_cast<ByteCount>(round) * 40, &block).ok());
      handles.push_back(block.handle);
    }
    CHECK(pool->commit(SyncLevel::kNone).ok());
  }
  for (const Handle handle : handles) {
    if (pool->free(handle).fault != Fault::kBatchFull) continue;
    CHECK(pool->commit(SyncLevel::kNone).ok());
    CHECK(pool->free(handle).ok());
  }
  CHECK(pool->commit().ok());
  CHECK_EQ(pool->stats().blocks, 0u);
  CHECK_EQ(pool->stats().used_bytes, 0u);
  CHECK_EQ(pool->check().messages.size(), 0u);
}

TEST(pools, "trim gives free pages back and cuts the file; they are allocated again before use") {
  FakeFiles files;
  auto pool = opened(files, small_options());
  Block blocks[20];
  for (Block& block : blocks) CHECK(pool->alloc(100000, &block).ok());
  ByteCount returned = 0;
  CHECK(pool->trim(0, &returned).fault == Fault::kUncommitted);
  CHECK(pool->commit().ok());
  for (int i = 4; i < 20; i += i < 12 ? 2 : 1) CHECK(pool->free(blocks[i].handle).ok());
  CHECK(pool->commit().ok());
  const MappedStats before = pool->stats();
  CHECK(pool->trim(0, &returned).ok());
  CHECK(returned >= 1100000);
  CHECK(pool->stats().file_bytes < before.file_bytes);
  CHECK_EQ(pool->check().messages.size(), 0u);
  files.fail_nth(1, {FileStatus::kNoSpace, 28});
  Block block;
  const Failure failure = pool->alloc(100000, &block);
  CHECK(failure.fault == Fault::kNoSpace);
  CHECK(pool->alloc(100000, &block).ok());
  CHECK(block.offset < blocks[12].offset);
  CHECK(pool->commit().ok());
  CHECK_EQ(pool->check().messages.size(), 0u);
}

TEST(pools, "a walk goes on while blocks come and go, and a cursor that lies is no damage") {
  FakeFiles files;
  auto pool = opened(files, small_options(SyncLevel::kNone));
  for (int i = 0; i < 60; ++i) {
    Block block;
    CHECK(pool->alloc(static_cast<ByteCount>(i) * 700, &block).ok());
    CHECK(pool->commit().ok());
  }
  std::uint64_t cursor = 0;
  Block block;
  int walked = 0;
  while (pool->next(&cursor, &block)) {
    ++walked;
    CHECK(pool->free(block.handle).ok());
    if (walked % 3 == 0) CHECK(pool->commit().ok());
  }
  CHECK_EQ(walked, 60);
  CHECK(pool->alloc(70000, &block).ok());
  const std::uint64_t behind = block.offset / 64 + 1;
  for (cursor = behind; cursor < behind + 2000; cursor += 64) {
    std::uint64_t lies = cursor;
    CHECK(!pool->next(&lies, &block) || block.offset / 64 >= cursor);
  }
  CHECK(pool->broken().ok());
}

TEST(pools, "roots have names up to 48 bytes, and 256 of them") {
  FakeFiles files;
  auto pool = opened(files, small_options());
  Block block;
  CHECK(pool->alloc(1, &block).ok());
  CHECK(pool->set_root("", block.handle).fault == Fault::kRootName);
  CHECK(pool->set_root(std::string(49, 'x'), block.handle).fault == Fault::kRootName);
  CHECK(pool->set_root("stale", block.handle + 64).fault == Fault::kStale);
  for (int i = 0; i < 256; ++i) {
    CHECK(pool->set_root(std::string(40, 'x') + std::to_string(i), block.handle).ok());
    CHECK(pool->commit(SyncLevel::kNone).ok());
  }
  CHECK(pool->set_root("one more", block.handle).fault == Fault::kRootsFull);
  CHECK(pool->set_root(std::string(40, 'x') + "7", kNoHandle).ok());
  CHECK(pool->set_root("one more", block.handle).ok());
  std::vector<std::string> names;
  CHECK(pool->root_names(&names).ok());
  CHECK_EQ(names.size(), 256u);
}

TEST(pools, "one pool has a file to itself, readers share it, and readers change nothing") {
  FakeFiles files;
  Failure failure;
  auto pool = opened(files, small_options());
  Block block;
  CHECK(pool->alloc(10, &block).ok());
  CHECK(pool->commit().ok());
  CHECK(opened(files, small_options(), &failure) == nullptr);
  CHECK(failure.fault == Fault::kInUse);
  MappedOptions reading = small_options();
  reading.access = FileAccess::kRead;
  CHECK(opened(files, reading, &failure) == nullptr);
  CHECK(failure.fault == Fault::kInUse);
  const auto left = files.after_kill();
  const auto before = left->content(kPath);
  const auto reader = opened(*left, reading);
  const auto other = opened(*left, reading);
  CHECK(reader != nullptr && other != nullptr);
  Block found;
  CHECK(reader->find(block.handle, &found).ok());
  std::memset(reader->data() + found.offset, 'x', 10);
  CHECK(reader->alloc(1, &found).fault == Fault::kReadOnly);
  CHECK(reader->commit().fault == Fault::kReadOnly);
  CHECK(left->content(kPath) == before);
}

TEST(pools, "a file that is not one, or not for this machine, is refused with the reason") {
  FakeFiles files;
  opened(files, small_options());
  const auto good = files.content(kPath);
  const auto refused = [&](auto change) {
    FakeFiles other;
    auto bytes = good;
    change(bytes);
    other.set_content(kPath, bytes);
    Failure failure;
    opened(other, small_options(), &failure);
    if (other.content(kPath) != bytes) failure.fault = Fault::kNone;  // it was changed
    return failure.fault;
  };
  const auto in_both = [](std::size_t at, std::uint8_t value) {
    return [=](auto& bytes) { bytes[at] = bytes[4096 + at] = value; };
  };
  CHECK(refused([](auto& bytes) { bytes.clear(); }) == Fault::kForeign);
  CHECK(refused([](auto& bytes) { bytes.assign(5000, 'x'); }) == Fault::kForeign);
  CHECK(refused([](auto& bytes) { bytes.resize(90); }) == Fault::kDamaged);
  CHECK(refused([](auto& bytes) { bytes.resize(6000); }) == Fault::kCut);
  CHECK(refused([](auto& bytes) { bytes.resize(100000); }) == Fault::kCut);
  CHECK(refused([](auto& bytes) { bytes.resize(bytes.size() - 4096); }) == Fault::kCut);
  CHECK(refused(in_both(12, 2)) == Fault::kVersion);
  CHECK(refused(in_both(16, 128)) == Fault::kVersion);
  CHECK(refused(in_both(33, 0x20)) == Fault::kPageSize);
  CHECK(refused(in_both(40, 0x13)) == Fault::kDamaged);
  CHECK(refused([](auto& bytes) {
          for (const std::size_t at : {0, 4096}) {
            std::swap(bytes[at + 8], bytes[at + 11]);
            std::swap(bytes[at + 9], bytes[at + 10]);
          }
        }) == Fault::kByteOrder);
  MappedOptions larger = small_options();
  larger.max_bytes = 8 * kMiB;
  Failure failure;
  CHECK(opened(files, larger, &failure) == nullptr);
  CHECK(failure.fault == Fault::kOtherSize);
  MappedOptions reading = small_options();
  reading.access = FileAccess::kRead;
  FakeFiles empty;
  CHECK(opened(empty, reading, &failure) == nullptr);
  CHECK(failure.file.status == FileStatus::kNotFound);
}

TEST(pools, "random work leaves what its model has, in the pool and in the file") {
  for (unsigned seed = 0; seed < 12; seed += kTrialStep) {
    const Context context("seed " + std::to_string(seed));
    FakeFiles files;
    const MappedOptions options =
        small_options(seed % 3 == 0 ? SyncLevel::kNone : SyncLevel::kData);
    Workload work(seed);
    auto pool = opened(files, options);
    for (int round = 0; round < 4; ++round) {
      CHECK(work.run(*pool, 400));
      CHECK(work.commit(*pool, SyncLevel::kNone));
      CHECK(content_of(*pool) == work.now());
      const CheckReport report = pool->check();
      CHECK_EQ(report.messages.empty() ? "" : report.messages[0], std::string());
      CHECK(pool->close().ok());
      pool = opened(files, options);
      CHECK(pool != nullptr);
      CHECK(content_of(*pool) == work.now());
      CHECK_EQ(pool->check().messages.size(), 0u);
    }
  }
}

}  // namespace
}  // namespace superslab_test

#endif

// Files whose blocks are sealed by who uses them: the native side knows that they are, and what a
// batch writes.
#include "check.h"
#include "mapped_fixture.h"

#if defined(__linux__)

namespace superslab_test {
namespace {

MappedOptions encrypted_options() {
  MappedOptions options = small_options(SyncLevel::kData);
  options.encrypted = Encrypted::kYes;
  return options;
}

TEST(pools, "whether a file is encrypted is fixed when it is made") {
  FakeFiles files;
  CHECK(opened(files, encrypted_options())->is_encrypted());
  Failure failure;
  MappedOptions other = small_options();
  other.encrypted = Encrypted::kNo;
  opened(files, other, &failure);
  CHECK(failure.fault == Fault::kEncrypted);
  // Whoever looks at what lies there, as a repair does, needs no key.
  CHECK(opened(files, small_options())->is_encrypted());
  FakeFiles plain;
  CHECK(!opened(plain, small_options())->is_encrypted());
  opened(plain, encrypted_options(), &failure);
  CHECK(failure.fault == Fault::kNotEncrypted);
  CHECK(opened(plain, other) != nullptr);
}

TEST(pools, "what a batch writes can be read before its commit") {
  FakeFiles files;
  auto pool = opened(files, encrypted_options());
  Block block;
  CHECK(pool->alloc(100, &block).ok());
  CHECK(pool->commit().ok());
  const std::uint8_t first[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  const std::uint8_t second[] = {20, 21};
  std::uint8_t seen[3] = {};
  CHECK(!pool->written_at(block.offset, seen));
  CHECK(pool->write(block.handle, 10, first).ok());
  CHECK(pool->written_at(block.offset + 12, seen));
  CHECK(seen[0] == 3 && seen[2] == 5);
  // Neither before, nor beyond, nor in part.
  CHECK(!pool->written_at(block.offset + 9, seen));
  CHECK(!pool->written_at(block.offset + 17, seen));
  const MappedPool::Savepoint place = pool->savepoint();
  CHECK(pool->write(block.handle, 12, second).ok());
  std::uint8_t two[2] = {};
  CHECK(pool->written_at(block.offset + 12, two));
  CHECK(two[0] == 20 && two[1] == 21);
  pool->roll_back(place);
  CHECK(pool->written_at(block.offset + 12, two));
  CHECK(two[0] == 3 && two[1] == 4);
  CHECK(pool->commit().ok());
  CHECK(!pool->written_at(block.offset + 12, two));
}

}  // namespace
}  // namespace superslab_test

#endif

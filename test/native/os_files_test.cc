// The file contract: what both implementations do alike, and what only real files can show.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <functional>

#include "check.h"
#include "os/fake_files.h"
#include "os/linux_files.h"
#include "os_temp_tree.h"

#if defined(__linux__)

namespace superslab {
namespace {

using superslab_test::Context;
using superslab_test::TempTree;

/// `test` with real files, and with those of the fake.
void with_each(const std::function<void(Files&, const std::string& folder)>& test) {
  {
    const Context context("LinuxFiles");
    TempTree tree;
    test(system_files(), tree.root());
  }
  const Context context("FakeFiles");
  FakeFiles fake;
  test(fake, "");
}

std::unique_ptr<File> made(Files& files, const std::string& path, ByteCount bytes) {
  std::unique_ptr<File> file;
  const bool ok = files.create(path.c_str(), 0600, &file).ok() && file->allocate(0, bytes).ok() &&
                  files.publish(*file, path.c_str()).ok();
  return ok ? std::move(file) : nullptr;
}

TEST(os, "a file that is created gets its name when it is published, and replaces none") {
  with_each([](Files& files, const std::string& folder) {
    const std::string path = folder + "/file";
    std::unique_ptr<File> file;
    std::unique_ptr<File> other;
    CHECK(files.create(path.c_str(), 0600, &file).ok());
    CHECK(files.open(path.c_str(), FileAccess::kRead, 0600, &other).status ==
          FileStatus::kNotFound);
    CHECK(files.publish(*file, path.c_str()).ok());
    CHECK(files.open(path.c_str(), FileAccess::kRead, 0600, &other).ok());
    CHECK(files.create(path.c_str(), 0600, &other).ok());
    CHECK(files.publish(*other, path.c_str()).status == FileStatus::kExists);
  });
}

TEST(os, "bytes that were written are read, and those behind the end are not") {
  with_each([](Files& files, const std::string& folder) {
    const auto file = made(files, folder + "/file", 8192);
    CHECK(file != nullptr);
    ByteCount bytes = 0;
    CHECK(file->size(&bytes).ok());
    CHECK_EQ(bytes, 8192u);
    char text[6] = {};
    CHECK(file->write_at("hello", 6, 5000).ok());
    CHECK(file->read_at(text, 6, 5000).ok());
    CHECK_EQ(text, "hello");
    CHECK(file->read_at(text, 6, 8190).status == FileStatus::kShort);
    CHECK(file->punch(4096, 4096).ok());
    CHECK(file->read_at(text, 6, 5000).ok());
    CHECK_EQ(text, "");
  });
}

TEST(os, "a lock of a byte excludes other opens of the file, and ends with its own") {
  with_each([](Files& files, const std::string& folder) {
    const std::string path = folder + "/file";
    auto file = made(files, path, 4096);
    std::unique_ptr<File> other;
    CHECK(files.open(path.c_str(), FileAccess::kReadWrite, 0600, &other).ok());
    constexpr ByteCount kFar = ByteCount{1} << 40;
    CHECK(file->lock_byte(kFar, FileLock::kExclusive).ok());
    CHECK(!file->is_byte_locked(kFar));
    CHECK(other->is_byte_locked(kFar));
    CHECK(other->lock_byte(kFar, FileLock::kExclusive).status == FileStatus::kLocked);
    CHECK(other->lock_byte(kFar + 1, FileLock::kExclusive).ok());
    CHECK(file->unlock_byte(kFar).ok());
    CHECK(!other->is_byte_locked(kFar));
    CHECK(file->lock_byte(kFar, FileLock::kExclusive).ok());
    file.reset();
    CHECK(other->lock_byte(kFar, FileLock::kExclusive).ok());
  });
}

bool is_readable(const FileWatch& watch) {
  pollfd wanted{watch.descriptor(), POLLIN, 0};
  return ::poll(&wanted, 1, 0) == 1;
}

TEST(os, "who watches a file is told of writes, and of those who leave it, once each") {
  with_each([](Files& files, const std::string& folder) {
    const std::string path = folder + "/file";
    const auto file = made(files, path, 8192);
    std::unique_ptr<File> other;
    std::unique_ptr<FileWatch> watch;
    CHECK(file != nullptr && file->write_at("a", 1, 0).ok());
    CHECK(files.open(path.c_str(), FileAccess::kReadWrite, 0600, &other).ok());
    CHECK(file->watch(&watch).ok());
    CHECK(!is_readable(*watch));
    CHECK(other->write_at("b", 1, 10).ok());
    CHECK(is_readable(*watch));
    FileNews news = watch->take();
    CHECK(news.is_written && !news.is_closed);
    CHECK(!is_readable(*watch));
    other.reset();
    CHECK(is_readable(*watch));
    news = watch->take();
    CHECK(!news.is_written && news.is_closed);
    // More than are read at once.
    for (ByteCount i = 0; i < 100; ++i) {
      CHECK(file->write_at("c", 1, i).ok());
      CHECK(files.open(path.c_str(), FileAccess::kReadWrite, 0600, &other).ok());
    }
    news = watch->take();
    CHECK(news.is_written && news.is_closed && !is_readable(*watch));
    news = watch->take();
    CHECK(!news.is_written && !news.is_closed);
  });
}

TEST(os, "a watch is of the file, not of its name, and hears of a process that was killed") {
  TempTree tree;
  const std::string path = std::string(tree.root()) + "/file";
  const auto file = made(system_files(), path, 8192);
  const pid_t child = ::fork();
  if (child == 0) {
    std::unique_ptr<File> own;
    void* address = nullptr;
    const bool is_open =
        system_files().open(path.c_str(), FileAccess::kReadWrite, 0600, &own).ok() &&
        own->map(0, 8192, FileMapping::kShared, &address).ok() &&
        own->lock_byte(1 << 20, FileLock::kExclusive).ok();
    ::raise(is_open ? SIGSTOP : SIGKILL);
  }
  int status = 0;
  CHECK(::waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
  CHECK(::unlink(path.c_str()) == 0);
  std::unique_ptr<FileWatch> watch;
  CHECK(file->watch(&watch).ok());
  CHECK(file->is_byte_locked(1 << 20) && !is_readable(*watch));
  CHECK(::kill(child, SIGKILL) == 0 && ::waitpid(child, &status, 0) == child);
  CHECK(watch->take().is_closed && !file->is_byte_locked(1 << 20));
}

TEST(os, "a shared mapping shows the file, a private one keeps its changes to itself") {
  with_each([](Files& files, const std::string& folder) {
    const auto file = made(files, folder + "/file", 65536);
    void* shared = nullptr;
    void* own = nullptr;
    CHECK(file->map(0, 65536, FileMapping::kShared, &shared).ok());
    CHECK(file->map(0, 65536, FileMapping::kPrivate, &own).ok());
    std::memcpy(shared, "shared", 7);
    CHECK_EQ(static_cast<char*>(own), "shared");
    std::memcpy(own, "mine", 5);
    CHECK_EQ(static_cast<char*>(shared), "shared");
    CHECK(file->sync_range(10, 100).ok());
    CHECK(file->sync(SyncLevel::kFull).ok());
    advise_mapping(own, 65536, AccessPattern::kDontNeed);
    CHECK_EQ(static_cast<char*>(own), "shared");
    CHECK(map_zeros(shared, 65536));
    CHECK_EQ(static_cast<char*>(shared), "");
    unmap_file(shared, 65536);
    unmap_file(own, 65536);
  });
}

TEST(os, "a lock excludes other opens of the file, in the same process too") {
  with_each([](Files& files, const std::string& folder) {
    const std::string path = folder + "/file";
    auto file = made(files, path, 4096);
    std::unique_ptr<File> other;
    CHECK(files.open(path.c_str(), FileAccess::kReadWrite, 0600, &other).ok());
    CHECK(file->lock(FileLock::kExclusive).ok());
    CHECK(other->lock(FileLock::kShared).status == FileStatus::kLocked);
    void* mapping = nullptr;
    CHECK(file->map(0, 4096, FileMapping::kShared, &mapping).ok());
    file.reset();
    CHECK(other->lock(FileLock::kExclusive).ok());
    unmap_file(mapping, 4096);
  });
}

TEST(os, "what is no plain file of one's own is refused") {
  TempTree tree;
  const std::string root = tree.root();
  CHECK(tree.write("/file", "text"));
  CHECK_EQ(chmod((root + "/file").c_str(), 0600), 0);
  CHECK_EQ(symlink((root + "/file").c_str(), (root + "/link").c_str()), 0);
  CHECK_EQ(mkfifo((root + "/pipe").c_str(), 0600), 0);
  std::unique_ptr<File> file;
  const auto status = [&](const std::string& path, FileAccess access = FileAccess::kReadWrite) {
    return system_files().open(path.c_str(), access, 0600, &file).status;
  };
  CHECK(status(root) == FileStatus::kNotRegular);
  CHECK(status(root, FileAccess::kRead) == FileStatus::kNotRegular);
  CHECK(status(root + "/link") == FileStatus::kLink);
  CHECK(status(root + "/pipe") == FileStatus::kNotRegular);
  CHECK(status(root + "/pipe", FileAccess::kRead) == FileStatus::kNotRegular);
  CHECK(status(root + "/none") == FileStatus::kNotFound);
  CHECK(status(root + "/file/none") == FileStatus::kNotFound);
  CHECK(status("/dev/null") != FileStatus::kOk);
  CHECK(status(root + "/file") == FileStatus::kOk);
  CHECK_EQ(chmod((root + "/file").c_str(), 0644), 0);
  CHECK(status(root + "/file") == FileStatus::kTooOpen);
  if (geteuid() == 0) {
    CHECK_EQ(chmod((root + "/file").c_str(), 0600), 0);
    CHECK_EQ(chown((root + "/file").c_str(), 12345, 12345), 0);
    CHECK(status(root + "/file") == FileStatus::kForeignOwner);
  }
}

TEST(os, "a file that is not published leaves nothing behind") {
  TempTree tree;
  std::unique_ptr<File> file;
  CHECK(system_files().create((std::string(tree.root()) + "/file").c_str(), 0600, &file).ok());
  CHECK(!std::filesystem::is_empty(tree.root()));
  CHECK_EQ(fcntl(descriptor_of(*file), F_GETFD), FD_CLOEXEC);
  file.reset();
  CHECK(std::filesystem::is_empty(tree.root()));
}

TEST(os, "the fake fails the call that it is told to, once or from then on") {
  FakeFiles fake;
  const auto file = made(fake, "/file", 4096);
  char byte = 0;
  fake.fail_nth(2, {FileStatus::kIo, EIO});
  CHECK(file->read_at(&byte, 1, 0).ok());
  CHECK(file->read_at(&byte, 1, 0).status == FileStatus::kIo);
  CHECK(file->read_at(&byte, 1, 0).ok());
  fake.fail_nth(1, {FileStatus::kNoSpace, ENOSPC}, FakeFiles::Lasts::kFromThenOn);
  CHECK(file->allocate(0, 8192).status == FileStatus::kNoSpace);
  CHECK(file->sync(SyncLevel::kData).status == FileStatus::kNoSpace);
  fake.fail_none();
  CHECK(file->sync(SyncLevel::kData).ok());
}

TEST(os, "a power failure takes what was not durable, by chance, and a kill takes nothing") {
  FakeFiles fake;
  const auto file = made(fake, "/file", 65536);
  const std::string durable(65536, 'a');
  const std::string newer(65536, 'b');
  CHECK(file->write_at(durable.data(), durable.size(), 0).ok());
  CHECK(file->sync(SyncLevel::kData).ok());
  CHECK(file->write_at(newer.data(), newer.size(), 0).ok());
  CHECK(fake.after_kill()->content("/file") == std::vector<std::uint8_t>(65536, 'b'));
  const auto after = fake.after_power_failure(7);
  CHECK(after->boot() != fake.boot());
  const auto left = after->content("/file");
  std::size_t old = 0;
  for (std::size_t sector = 0; sector < 128; ++sector) {
    old += left[sector * 512] == 'a';
    for (std::size_t i = 1; i < 512; ++i) CHECK_EQ(left[sector * 512], left[sector * 512 + i]);
  }
  CHECK(old > 32);
  CHECK(old < 96);
}

}  // namespace
}  // namespace superslab

#endif

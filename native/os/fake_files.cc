#include "os/fake_files.h"

#if defined(__linux__)

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace superslab {
namespace {

constexpr ByteCount kSectorBytes = 512;  // what a disk writes whole or not at all

/// Tells one who watches a file of its news, by an eventfd.
class NewsBox {
 public:
  NewsBox() : descriptor_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}
  ~NewsBox() { ::close(descriptor_); }
  NewsBox(const NewsBox&) = delete;
  NewsBox& operator=(const NewsBox&) = delete;

  int descriptor() const { return descriptor_; }

  void put(bool FileNews::*what) {
    news_.*what = true;
    static_cast<void>(::eventfd_write(descriptor_, 1));
  }

  FileNews take() {
    eventfd_t count = 0;
    static_cast<void>(::eventfd_read(descriptor_, &count));
    return std::exchange(news_, {});
  }

 private:
  const int descriptor_;
  FileNews news_;
};

}  // namespace

class FakeFiles::Disk {
 public:
  Disk() : descriptor_(memfd_create("fake", MFD_CLOEXEC)) {}
  ~Disk() { ::close(descriptor_); }
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  int descriptor() const { return descriptor_; }

  ByteCount size() const {
    struct stat facts;
    return ::fstat(descriptor_, &facts) == 0 ? static_cast<ByteCount>(facts.st_size) : 0;
  }

  void set_size(ByteCount bytes) {
    if (::ftruncate(descriptor_, static_cast<off_t>(bytes)) != 0) std::abort();
  }

  std::vector<std::uint8_t> bytes() const {
    std::vector<std::uint8_t> all(size());
    read(all.data(), all.size(), 0);
    return all;
  }

  void read(void* into, ByteCount bytes, ByteCount offset) const {
    if (::pread(descriptor_, into, bytes, static_cast<off_t>(offset)) !=
        static_cast<ssize_t>(bytes))
      std::abort();
  }

  void write(const void* from, ByteCount bytes, ByteCount offset) {
    if (::pwrite(descriptor_, from, bytes, static_cast<off_t>(offset)) !=
        static_cast<ssize_t>(bytes))
      std::abort();
  }

  /// Makes bytes durable, and the length.
  void settle(ByteCount from, ByteCount to) {
    durable_.resize(size());
    to = std::min<ByteCount>(to, durable_.size());
    if (from < to) read(durable_.data() + from, to - from, from);
  }

  const std::vector<std::uint8_t>& durable() const { return durable_; }
  void set_durable(std::vector<std::uint8_t> bytes) { durable_ = std::move(bytes); }

  std::vector<NewsBox*> watchers;

  void tell(bool FileNews::*what) const {
    for (NewsBox* const box : watchers) box->put(what);
  }

  /// A lock of one byte, or of all of them.
  struct Lock {
    const void* owner;
    FileLock kind;
    bool is_whole;
    ByteCount at;

    bool excludes(const Lock& other) const {
      return owner != other.owner && (is_whole || other.is_whole || at == other.at) &&
             (kind == FileLock::kExclusive || other.kind == FileLock::kExclusive);
    }
  };

  bool has_room_for(const Lock& lock) const {
    return std::none_of(locks.begin(), locks.end(),
                        [&](const Lock& other) { return other.excludes(lock); });
  }
  /// In place of the one that its owner has there.
  void put(const Lock& lock) {
    remove(lock);
    locks.push_back(lock);
  }
  void remove(const Lock& lock) {
    std::erase_if(locks, [&](const Lock& other) {
      return other.owner == lock.owner &&
             (lock.is_whole || (!other.is_whole && other.at == lock.at));
    });
  }

  std::vector<Lock> locks;

 private:
  const int descriptor_;
  std::vector<std::uint8_t> durable_;
};

class FakeFileWatch final : public FileWatch {
 public:
  explicit FakeFileWatch(std::shared_ptr<FakeFiles::Disk> disk) : disk_(std::move(disk)) {
    disk_->watchers.push_back(&box_);
  }
  ~FakeFileWatch() override { std::erase(disk_->watchers, &box_); }

  int descriptor() const override { return box_.descriptor(); }
  FileNews take() override { return box_.take(); }

 private:
  const std::shared_ptr<FakeFiles::Disk> disk_;
  NewsBox box_;
};

class FakeFile final : public File {
 public:
  FakeFile(FakeFiles& files, std::shared_ptr<FakeFiles::Disk> disk)
      : files_(files), disk_(std::move(disk)) {}
  ~FakeFile() override {
    unlock();
    disk_->tell(&FileNews::is_closed);
  }

  const std::shared_ptr<FakeFiles::Disk>& disk() const { return disk_; }

  FileError size(ByteCount* bytes) const override {
    const FakeFiles::Guard guard(files_.mutex_);
    const FileError error = files_.begin_call();
    if (error.ok()) *bytes = disk_->size();
    return error;
  }

  /// Nobody acts on it: it is no call that could fail.
  FileError disk_bytes(ByteCount* bytes) const override {
    const FakeFiles::Guard guard(files_.mutex_);
    *bytes = disk_->size();
    return {};
  }

  FileError read_at(void* into, ByteCount bytes, ByteCount offset) const override {
    const FakeFiles::Guard guard(files_.mutex_);
    const FileError error = files_.begin_call();
    if (!error.ok()) return error;
    if (offset + bytes > disk_->size()) return {FileStatus::kShort, 0};
    disk_->read(into, bytes, offset);
    return {};
  }

  FileError try_read_at(void* into, ByteCount bytes, ByteCount offset) const override {
    const FakeFiles::Guard guard(files_.mutex_);
    if (files_.is_cold_) return {FileStatus::kWouldBlock, EAGAIN};
    return read_at(into, bytes, offset);
  }

  FileError write_at(const void* from, ByteCount bytes, ByteCount offset) override {
    const FakeFiles::Guard guard(files_.mutex_);
    const FileError error = files_.begin_call();
    if (!error.ok()) bytes = files_.chance_() % (bytes + 1);
    disk_->write(from, bytes, offset);
    if (bytes > 0) disk_->tell(&FileNews::is_written);
    return error;
  }

  FileError allocate(ByteCount offset, ByteCount bytes) override {
    const FakeFiles::Guard guard(files_.mutex_);
    const FileError error = files_.begin_call();
    if (error.ok()) disk_->set_size(std::max(disk_->size(), offset + bytes));
    return error;
  }

  FileError punch(ByteCount offset, ByteCount bytes) override {
    const FakeFiles::Guard guard(files_.mutex_);
    const FileError error = files_.begin_call();
    const std::vector<std::uint8_t> zeros(bytes);
    if (error.ok()) disk_->write(zeros.data(), bytes, offset);
    return error;
  }

  FileError set_size(ByteCount bytes) override {
    const FakeFiles::Guard guard(files_.mutex_);
    const FileError error = files_.begin_call();
    if (error.ok()) disk_->set_size(bytes);
    return error;
  }

  FileError sync(SyncLevel level) override {
    const FakeFiles::Guard guard(files_.mutex_);
    if (level == SyncLevel::kNone) return {};
    return sync_range(0, disk_->size());
  }

  FileError sync_range(ByteCount offset, ByteCount bytes) override {
    const FakeFiles::Guard guard(files_.mutex_);
    const FileError error = files_.begin_call(true);
    if (error.ok()) disk_->settle(offset, offset + bytes);
    return error;
  }

  FileError lock(FileLock kind) override {
    const FakeFiles::Guard guard(files_.mutex_);
    const FileError error = files_.begin_call();
    if (!error.ok()) return error;
    return put_lock({this, kind, true, 0});
  }

  void unlock() final {
    const FakeFiles::Guard guard(files_.mutex_);
    disk_->remove({this, FileLock::kExclusive, true, 0});
  }

  FileError lock_byte(ByteCount at, FileLock kind) override {
    const FakeFiles::Guard guard(files_.mutex_);
    const FileError error = files_.begin_call();
    if (!error.ok()) return error;
    return put_lock({this, kind, false, at});
  }

  bool is_byte_locked(ByteCount at) const override {
    const FakeFiles::Guard guard(files_.mutex_);
    return !disk_->has_room_for({this, FileLock::kExclusive, false, at});
  }

  FileError unlock_byte(ByteCount at) override {
    const FakeFiles::Guard guard(files_.mutex_);
    const FileError error = files_.begin_call();
    if (error.ok()) disk_->remove({this, FileLock::kExclusive, false, at});
    return error;
  }

  FileError watch(std::unique_ptr<FileWatch>* watch) const override {
    const FakeFiles::Guard guard(files_.mutex_);
    const FileError error = files_.begin_call();
    if (error.ok()) *watch = std::make_unique<FakeFileWatch>(disk_);
    return error;
  }

  FileError bypass_page_cache() override {
    const FakeFiles::Guard guard(files_.mutex_);
    return files_.begin_call();
  }

  FileError map(ByteCount offset, ByteCount bytes, FileMapping mapping, void** address) override {
    const FakeFiles::Guard guard(files_.mutex_);
    const FileError error = files_.begin_call();
    if (!error.ok()) return error;
    const int kind = mapping == FileMapping::kPrivate ? MAP_PRIVATE | MAP_NORESERVE : MAP_SHARED;
    void* const at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, kind, disk_->descriptor(),
                            static_cast<off_t>(offset));
    if (at == MAP_FAILED) return file_error(errno);
    *address = at;
    return {};
  }

 private:
  FileError put_lock(const FakeFiles::Disk::Lock& lock) {
    if (!disk_->has_room_for(lock)) return {FileStatus::kLocked, EAGAIN};
    disk_->put(lock);
    return {};
  }

  FakeFiles& files_;
  const std::shared_ptr<FakeFiles::Disk> disk_;
};

FakeFiles::FakeFiles() : page_bytes_(static_cast<ByteCount>(::sysconf(_SC_PAGESIZE))) {}
FakeFiles::~FakeFiles() = default;

FileError FakeFiles::begin_call(bool is_sync) {
  if (writes_back_ && chance_() % 4 == 0) {
    for (auto& [path, disk] : files_) {
      const ByteCount bytes = disk->size();
      if (bytes == 0) continue;
      const ByteCount from = chance_() % bytes / kSectorBytes * kSectorBytes;
      disk->settle(from, from + (1 + chance_() % 64) * kSectorBytes);
    }
  }
  if (only_syncs_ && !is_sync) return {};
  ++calls_;
  const bool fails =
      fail_at_ != 0 && (lasts_ == Lasts::kOnce ? calls_ == fail_at_ : calls_ >= fail_at_);
  return fails ? failure_ : FileError{};
}

void FakeFiles::fail_nth(std::uint64_t n, FileError error, Lasts lasts) {
  fail_at_ = calls_ + n;
  failure_ = error;
  lasts_ = lasts;
}

FileError FakeFiles::open(const char* path, FileAccess, unsigned, std::unique_ptr<File>* file) {
  const FileError error = begin_call();
  if (!error.ok()) return error;
  const auto at = files_.find(path);
  if (at == files_.end()) return {FileStatus::kNotFound, ENOENT};
  *file = std::make_unique<FakeFile>(*this, at->second);
  return {};
}

FileError FakeFiles::create(const char*, unsigned, std::unique_ptr<File>* file) {
  const FileError error = begin_call();
  if (error.ok()) *file = std::make_unique<FakeFile>(*this, std::make_shared<Disk>());
  return error;
}

FileError FakeFiles::publish(File& file, const char* path) {
  const FileError error = begin_call();
  if (!error.ok()) return error;
  const bool is_new = files_.emplace(path, static_cast<FakeFile&>(file).disk()).second;
  return is_new ? FileError{} : FileError{FileStatus::kExists, EEXIST};
}

FileError FakeFiles::remove(const File& file, const char* path) {
  const FileError error = begin_call();
  if (!error.ok()) return error;
  const auto named = files_.find(path);
  if (named == files_.end() || named->second != static_cast<const FakeFile&>(file).disk())
    return {FileStatus::kNotFound, ENOENT};
  files_.erase(named);
  return {};
}

void FakeFiles::random(std::span<std::uint8_t> into) const {
  for (std::uint8_t& byte : into) byte = static_cast<std::uint8_t>(chance_() >> 8);
}

std::unique_ptr<FakeFiles> FakeFiles::after_kill() const {
  auto next = std::make_unique<FakeFiles>();
  for (const auto& [path, disk] : files_) {
    next->set_content(path, disk->bytes());
    // What was not durable is not durable now either.
    next->files_[path]->set_durable(disk->durable());
  }
  next->boot_ = boot_;
  return next;
}

std::unique_ptr<FakeFiles> FakeFiles::after_power_failure(unsigned seed) const {
  std::minstd_rand chance(seed + 1);
  auto next = std::make_unique<FakeFiles>();
  for (const auto& [path, disk] : files_) {
    const std::vector<std::uint8_t> newer = disk->bytes();
    std::vector<std::uint8_t> left = disk->durable();
    if (chance() % 2 == 0) left.resize(newer.size());
    for (ByteCount at = 0; at < std::min(left.size(), newer.size()); at += kSectorBytes) {
      const ByteCount bytes = std::min(kSectorBytes, std::min(left.size(), newer.size()) - at);
      if (chance() % 2 == 0) std::memcpy(left.data() + at, newer.data() + at, bytes);
    }
    next->set_content(path, left);
    next->files_[path]->settle(0, left.size());
  }
  next->boot_ = boot_ + 1;
  return next;
}

std::vector<std::uint8_t> FakeFiles::content(const std::string& path) const {
  const auto at = files_.find(path);
  return at == files_.end() ? std::vector<std::uint8_t>{} : at->second->bytes();
}

void FakeFiles::set_content(const std::string& path, const std::vector<std::uint8_t>& bytes) {
  auto disk = std::make_shared<Disk>();
  disk->write(bytes.data(), bytes.size(), 0);
  files_[path] = std::move(disk);
}

}  // namespace superslab

#endif

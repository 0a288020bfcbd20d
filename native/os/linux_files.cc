#include "os/linux_files.h"

#if defined(__linux__)

#include <fcntl.h>
#include <pthread.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>
#include <string>

#include "base/bits.h"

namespace superslab {
namespace {

FileError last_error() { return file_error(errno); }

/// As long as signals interrupt it.
template <class Call>
auto retried(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

class LinuxFileWatch final : public FileWatch {
 public:
  explicit LinuxFileWatch(int descriptor) : descriptor_(descriptor) {}
  ~LinuxFileWatch() override { ::close(descriptor_); }
  LinuxFileWatch(const LinuxFileWatch&) = delete;
  LinuxFileWatch& operator=(const LinuxFileWatch&) = delete;

  int descriptor() const override { return descriptor_; }

  FileNews take() override {
    FileNews news;
    alignas(inotify_event) char events[16 * sizeof(inotify_event)];
    for (;;) {
      const ssize_t got = retried([&] { return ::read(descriptor_, events, sizeof events); });
      if (got <= 0) return news;
      for (ssize_t at = 0; at + static_cast<ssize_t>(sizeof(inotify_event)) <= got;) {
        inotify_event event;
        std::memcpy(&event, events + at, sizeof event);
        // Where there were too many to keep, any may have been among them.
        news.is_written |= (event.mask & (IN_MODIFY | IN_Q_OVERFLOW)) != 0;
        news.is_closed |= (event.mask & (IN_CLOSE_WRITE | IN_Q_OVERFLOW)) != 0;
        at += static_cast<ssize_t>(sizeof event + event.len);
      }
    }
  }

 private:
  const int descriptor_;
};

class LinuxFile final : public File {
 public:
  explicit LinuxFile(int descriptor, std::string temporary = {})
      : descriptor_(descriptor), temporary_(std::move(temporary)) {}
  ~LinuxFile() override {
    // A mapping keeps the open file, and with it a lock that nobody ends.
    unlock();
    ::close(descriptor_);
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
  }
  LinuxFile(const LinuxFile&) = delete;
  LinuxFile& operator=(const LinuxFile&) = delete;

  FileError size(ByteCount* bytes) const override {
    struct stat facts;
    if (::fstat(descriptor_, &facts) != 0) return last_error();
    *bytes = static_cast<ByteCount>(facts.st_size);
    return {};
  }

  FileError disk_bytes(ByteCount* bytes) const override {
    constexpr ByteCount kBlock = 512;  // of st_blocks, whatever the file system's own is
    struct stat facts;
    if (::fstat(descriptor_, &facts) != 0) return last_error();
    *bytes = static_cast<ByteCount>(facts.st_blocks) * kBlock;
    return {};
  }

  FileError read_at(void* into, ByteCount bytes, ByteCount offset) const override {
    auto* to = static_cast<char*>(into);
    while (bytes > 0) {
      const ssize_t got =
          retried([&] { return ::pread(descriptor_, to, bytes, static_cast<off_t>(offset)); });
      if (got < 0) return last_error();
      if (got == 0) return {FileStatus::kShort, 0};
      to += got;
      offset += static_cast<ByteCount>(got);
      bytes -= static_cast<ByteCount>(got);
    }
    return {};
  }

  FileError try_read_at(void* into, ByteCount bytes, ByteCount offset) const override {
    iovec range{into, bytes};
    const ssize_t got = retried(
        [&] { return ::preadv2(descriptor_, &range, 1, static_cast<off_t>(offset), RWF_NOWAIT); });
    if (got == static_cast<ssize_t>(bytes)) return {};
    // Some file systems do not know the flag. Where fewer bytes came, the rest is not in memory.
    const bool has_failed = got < 0 && errno != EAGAIN && errno != EOPNOTSUPP && errno != ENOSYS;
    return has_failed ? last_error() : FileError{FileStatus::kWouldBlock, EAGAIN};
  }

  FileError write_at(const void* from, ByteCount bytes, ByteCount offset) override {
    const auto* next = static_cast<const char*>(from);
    while (bytes > 0) {
      const ssize_t put =
          retried([&] { return ::pwrite(descriptor_, next, bytes, static_cast<off_t>(offset)); });
      if (put < 0) return last_error();
      if (put == 0) return {FileStatus::kIo, 0};
      next += put;
      offset += static_cast<ByteCount>(put);
      bytes -= static_cast<ByteCount>(put);
    }
    return {};
  }

  FileError allocate(ByteCount offset, ByteCount bytes) override {
    return call([&] {
      return ::fallocate(descriptor_, 0, static_cast<off_t>(offset), static_cast<off_t>(bytes));
    });
  }

  FileError punch(ByteCount offset, ByteCount bytes) override {
    return call([&] {
      return ::fallocate(descriptor_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                         static_cast<off_t>(offset), static_cast<off_t>(bytes));
    });
  }

  FileError set_size(ByteCount bytes) override {
    return call([&] { return ::ftruncate(descriptor_, static_cast<off_t>(bytes)); });
  }

  FileError sync(SyncLevel level) override {
    if (level == SyncLevel::kNone) return {};
    return call([&] {
      return level == SyncLevel::kFull ? ::fsync(descriptor_) : ::fdatasync(descriptor_);
    });
  }

  /// msync(2) is the call that makes a range durable and waits for the disk; sync_file_range(2)
  /// does not wait for it.
  FileError sync_range(ByteCount offset, ByteCount bytes) override {
    const ByteCount page = static_cast<ByteCount>(::sysconf(_SC_PAGESIZE));
    const ByteCount from = align_down(offset, page);
    const ByteCount to = align_up(offset + bytes, page);
    if (shared_ == nullptr || from < shared_offset_ || to > shared_offset_ + shared_bytes_)
      return sync(SyncLevel::kData);
    return call([&] { return ::msync(shared_ + (from - shared_offset_), to - from, MS_SYNC); });
  }

  FileError lock(FileLock kind) override {
    struct flock range {};
    range.l_type = kind == FileLock::kExclusive ? F_WRLCK : F_RDLCK;
    range.l_whence = SEEK_SET;
    return set_lock(range);
  }

  FileError lock_byte(ByteCount at, FileLock kind) override {
    return set_byte_lock(at, kind == FileLock::kExclusive ? F_WRLCK : F_RDLCK);
  }

  bool is_byte_locked(ByteCount at) const override {
    struct flock range = byte_range(at, F_WRLCK);
    const bool known = retried([&] { return ::fcntl(descriptor_, F_OFD_GETLK, &range); }) == 0;
    return known && range.l_type != F_UNLCK;
  }

  FileError unlock_byte(ByteCount at) override { return set_byte_lock(at, F_UNLCK); }

  FileError watch(std::unique_ptr<FileWatch>* watch) const override {
    const int descriptor = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (descriptor < 0) return watch_error();
    auto made = std::make_unique<LinuxFileWatch>(descriptor);
    // The file itself, whatever its name leads to by now.
    char self[32];
    std::snprintf(self, sizeof self, "/proc/self/fd/%d", descriptor_);
    if (::inotify_add_watch(descriptor, self, IN_MODIFY | IN_CLOSE_WRITE) < 0) return watch_error();
    *watch = std::move(made);
    return {};
  }

  FileError bypass_page_cache() override {
    const int flags = ::fcntl(descriptor_, F_GETFL);
    if (flags >= 0 && ::fcntl(descriptor_, F_SETFL, flags | O_DIRECT) == 0) return {};
    if (errno == EINVAL) return {FileStatus::kUnsupported, errno};
    return last_error();
  }

  void unlock() final {
    struct flock range {};
    range.l_type = F_UNLCK;
    range.l_whence = SEEK_SET;
    ::fcntl(descriptor_, F_OFD_SETLK, &range);
  }

  FileError map(ByteCount offset, ByteCount bytes, FileMapping mapping, void** address) override {
    const int kind = mapping == FileMapping::kPrivate ? MAP_PRIVATE | MAP_NORESERVE : MAP_SHARED;
    void* const at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, kind, descriptor_,
                            static_cast<off_t>(offset));
    if (at == MAP_FAILED) return last_error();
    if (mapping == FileMapping::kShared) {
      shared_ = static_cast<char*>(at);
      shared_offset_ = offset;
      shared_bytes_ = bytes;
    }
    *address = at;
    return {};
  }

  int descriptor() const { return descriptor_; }
  const std::string& temporary() const { return temporary_; }
  void forget_temporary() { temporary_.clear(); }

 private:
  static FileError watch_error() {
    if (errno == ENOSPC) return {FileStatus::kTooManyFiles, errno};
    if (errno == ENOSYS || errno == EINVAL) return {FileStatus::kUnsupported, errno};
    return last_error();
  }

  static struct flock byte_range(ByteCount at, short type) {
    struct flock range {};
    range.l_type = type;
    range.l_whence = SEEK_SET;
    range.l_start = static_cast<off_t>(at);
    range.l_len = 1;
    return range;
  }

  FileError set_byte_lock(ByteCount at, short type) {
    struct flock range = byte_range(at, type);
    return set_lock(range);
  }

  FileError set_lock(struct flock& range) {
    if (retried([&] { return ::fcntl(descriptor_, F_OFD_SETLK, &range); }) == 0) return {};
    if (errno == EAGAIN || errno == EACCES) return {FileStatus::kLocked, errno};
    if (errno == EINVAL || errno == ENOLCK) return {FileStatus::kUnsupported, errno};
    return last_error();
  }

  template <class Call>
  FileError call(Call call) {
    return retried(call) == 0 ? FileError{} : last_error();
  }

  const int descriptor_;
  std::string temporary_;   // of a file that has no name of its own yet
  char* shared_ = nullptr;  // the last shared mapping
  ByteCount shared_offset_ = 0;
  ByteCount shared_bytes_ = 0;
};

FileError check_facts(int descriptor, unsigned mode) {
  struct stat facts;
  if (::fstat(descriptor, &facts) != 0) return last_error();
  if (!S_ISREG(facts.st_mode)) return {FileStatus::kNotRegular, 0};
  if (facts.st_uid != ::geteuid()) return {FileStatus::kForeignOwner, 0};
  if ((facts.st_mode & 07777 & ~mode) != 0) return {FileStatus::kTooOpen, 0};
  return {};
}

FileError sync_folder(const std::string& path) {
  const auto slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int descriptor =
      retried([&] { return ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  if (descriptor < 0) return last_error();
  const FileError error = ::fsync(descriptor) == 0 ? FileError{} : last_error();
  ::close(descriptor);
  // Some file systems cannot sync folders: there is nothing else to be done on those.
  return error.code == EINVAL ? FileError{} : error;
}

std::uint64_t read_boot() {
  char text[64] = {};
  const int descriptor = ::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return 0;
  const ssize_t length = ::read(descriptor, text, sizeof text - 1);
  ::close(descriptor);
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (ssize_t i = 0; i < length; ++i)
    hash = (hash ^ static_cast<unsigned char>(text[i])) * 0x100000001b3;
  return hash;
}

}  // namespace

LinuxFiles::LinuxFiles()
    : boot_(read_boot()), page_bytes_(static_cast<ByteCount>(::sysconf(_SC_PAGESIZE))) {}

FileError LinuxFiles::open(const char* path, FileAccess access, unsigned mode,
                           std::unique_ptr<File>* file) {
  // A pipe would wait for its other end without O_NONBLOCK, which means nothing to regular files.
  const int flags = (access == FileAccess::kReadWrite ? O_RDWR : O_RDONLY) | O_NOFOLLOW |
                    O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  const int descriptor = retried([&] { return ::open(path, flags); });
  if (descriptor < 0) return last_error();
  const FileError error = check_facts(descriptor, mode);
  if (!error.ok()) {
    ::close(descriptor);
    return error;
  }
  *file = std::make_unique<LinuxFile>(descriptor);
  return {};
}

FileError LinuxFiles::create(const char* path, unsigned mode, std::unique_ptr<File>* file) {
  for (int attempt = 0; attempt < 8; ++attempt) {
    std::uint8_t bytes[8];
    random(bytes);
    char ending[32];
    std::snprintf(ending, sizeof ending, ".new-%02x%02x%02x%02x%02x%02x", bytes[0], bytes[1],
                  bytes[2], bytes[3], bytes[4], bytes[5]);
    std::string name = std::string(path) + ending;
    const int descriptor = retried([&] {
      return ::open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    });
    if (descriptor < 0 && errno == EEXIST) continue;
    if (descriptor < 0) return last_error();
    *file = std::make_unique<LinuxFile>(descriptor, std::move(name));
    return {};
  }
  return {FileStatus::kExists, EEXIST};
}

FileError LinuxFiles::publish(File& file, const char* path) {
  auto& own = static_cast<LinuxFile&>(file);
  // Unlike rename(2), link(2) replaces nothing.
  if (::link(own.temporary().c_str(), path) != 0) return last_error();
  ::unlink(own.temporary().c_str());
  own.forget_temporary();
  return sync_folder(path);
}

FileError LinuxFiles::remove(const File& file, const char* path) {
  struct stat own;
  struct stat named;
  if (::fstat(descriptor_of(file), &own) != 0 || ::lstat(path, &named) != 0) return last_error();
  if (own.st_dev != named.st_dev || own.st_ino != named.st_ino)
    return {FileStatus::kNotFound, ENOENT};
  return ::unlink(path) == 0 ? sync_folder(path) : last_error();
}

void LinuxFiles::random(std::span<std::uint8_t> into) const {
  ByteCount done = 0;
  while (done < into.size()) {
    const ssize_t got = ::getrandom(into.data() + done, into.size() - done, 0);
    if (got > 0) done += static_cast<ByteCount>(got);
    if (got < 0 && errno != EINTR) return;
  }
}

int descriptor_of(const File& file) { return static_cast<const LinuxFile&>(file).descriptor(); }

void unmap_file(void* address, ByteCount bytes) { ::munmap(address, bytes); }

bool map_zeros(void* address, ByteCount bytes) {
  return ::mmap(address, bytes, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) != MAP_FAILED;
}

bool forbid_stores(void* address, ByteCount bytes) {
  return ::mprotect(address, bytes, PROT_READ) == 0;
}

bool keep_from_dumps(void* address, ByteCount bytes) {
  return ::madvise(address, bytes, MADV_DONTDUMP) == 0;
}

void advise_mapping(void* address, ByteCount bytes, AccessPattern pattern) {
  static constexpr int kAdvice[] = {MADV_NORMAL, MADV_SEQUENTIAL, MADV_RANDOM, MADV_WILLNEED,
                                    MADV_DONTNEED};
  ::madvise(address, bytes, kAdvice[static_cast<unsigned>(pattern)]);
}

Files& system_files() {
  // Made by pthread's means: a static local's guard is the C++ library's.
  alignas(LinuxFiles) static unsigned char storage[sizeof(LinuxFiles)];
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, [] { new (storage) LinuxFiles; });
  return *std::launder(reinterpret_cast<LinuxFiles*>(storage));
}

}  // namespace superslab

#endif

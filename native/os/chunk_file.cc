#include "os/chunk_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/keep_errno.h"

namespace superslab {
namespace {

/// Longer paths are refused: the name under which a head is made is put together on the stack.
constexpr std::size_t kMaxPath = 1024;

/// Zeros that one call writes.
constexpr ByteCount kZeroBytes = 4 * kKiB;

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return number_; }

 private:
  const int number_;
};

ChunkFault fault_of(int code) {
  if (code == ENOSPC || code == EDQUOT || code == EFBIG) return ChunkFault::kNoSpace;
  if (code == ENOMEM || code == EMFILE || code == ENFILE) return ChunkFault::kNoMemory;
  return ChunkFault::kPath;
}

int open_file(const char* path, int flags) {
  // Nonblocking: of a pipe nobody may read.
  return open(path, flags | O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
}

/// False when it is no regular file of this user.
bool identify(int file, FileNumber* number, ByteCount* bytes) {
  struct stat facts {};
  if (fstat(file, &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_uid != geteuid())
    return false;
  *number = {static_cast<std::uint64_t>(facts.st_dev), static_cast<std::uint64_t>(facts.st_ino)};
  *bytes = static_cast<ByteCount>(facts.st_size);
  return true;
}

/// False, with errno, unless all of it was written. A write beyond RLIMIT_FSIZE is never tried: its
/// signal would end the program.
bool write_all(int file, const void* from, ByteCount bytes, ByteCount offset) {
  struct rlimit limit {};
  if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
      offset + bytes > limit.rlim_cur) {
    errno = EFBIG;
    return false;
  }
  const char* at = static_cast<const char*>(from);
  while (bytes != 0) {
    const ssize_t written = pwrite(file, at, bytes, static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    at += written;
    offset += static_cast<ByteCount>(written);
    bytes -= static_cast<ByteCount>(written);
  }
  return true;
}

/// Makes the file with its head under a name of its own, and then gives it the right one, so that
/// nobody ever sees it without its head. False, with errno; EEXIST when another one was there
/// first.
bool make_file(const char* path, const void* head, ByteCount bytes) {
  char own[kMaxPath + 32];
  snprintf(own, sizeof own, "%s.%ld", path, static_cast<long>(getpid()));
  const Descriptor file(open_file(own, O_CREAT | O_EXCL));
  if (file.get() < 0) return false;
  const bool made = write_all(file.get(), head, bytes, 0) && link(own, path) == 0;
  const int code = errno;
  unlink(own);
  errno = code;
  return made;
}

void* map_shared(int file, ByteCount offset, ByteCount bytes) {
  void* at =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, static_cast<off_t>(offset));
  return at == MAP_FAILED ? nullptr : at;
}

}  // namespace

void* map_head(const char* path, const void* initial, ByteCount bytes, FileNumber* number,
               ChunkFault* fault) {
  const KeepErrno keep;
  *fault = ChunkFault::kPath;
  if (strlen(path) > kMaxPath) return nullptr;
  int opened = open_file(path, 0);
  if (opened < 0 && errno == ENOENT) {
    if (!make_file(path, initial, bytes) && errno != EEXIST) {
      *fault = fault_of(errno);
      return nullptr;
    }
    opened = open_file(path, 0);
  }
  if (opened < 0) *fault = fault_of(errno);
  const Descriptor file(opened);
  ByteCount length = 0;
  if (opened < 0 || !identify(opened, number, &length) || length < bytes) return nullptr;
  void* const head = map_shared(opened, 0, bytes);
  *fault = head == nullptr ? ChunkFault::kNoMemory : ChunkFault::kNone;
  return head;
}

void* map_chunk(const char* path, const FileNumber& expected, ByteCount offset, ByteCount bytes,
                ChunkFault* fault) {
  const KeepErrno keep;
  const Descriptor file(open_file(path, 0));
  if (file.get() < 0) {
    *fault = fault_of(errno);
    return nullptr;
  }
  FileNumber number;
  ByteCount length = 0;
  *fault = ChunkFault::kOther;
  if (!identify(file.get(), &number, &length) || !(number == expected)) return nullptr;
  // Zeros are written rather than a hole made: without space behind it a store would be a SIGBUS.
  static constexpr char kZeros[kZeroBytes] = {};
  for (ByteCount done = 0; done < bytes; done += sizeof kZeros) {
    if (!write_all(file.get(), kZeros, std::min(sizeof kZeros, bytes - done), offset + done)) {
      *fault = ChunkFault::kNoSpace;
      return nullptr;
    }
  }
  void* const chunk = map_shared(file.get(), offset, bytes);
  *fault = chunk == nullptr ? ChunkFault::kNoMemory : ChunkFault::kNone;
  return chunk;
}

void unmap_chunk(void* chunk, ByteCount bytes) {
  const KeepErrno keep;
  munmap(chunk, bytes);
}

}  // namespace superslab

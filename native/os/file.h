// What the core asks of files, and nothing else. linux_files.cc is the real thing, fake_files.h the
// one that tests make fail, cut short and lose what was not made durable.
//
// No function throws or aborts: failure is a FileError. Offsets and lengths are in bytes. A File
// belongs to one thread at a time, but that several may read, write and sync it at once.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/types.h"

namespace superslab {

enum class FileStatus : std::uint8_t {
  kOk,
  kNotFound,      // ENOENT, ENOTDIR
  kExists,        // create() or publish() met a file of that name
  kNotRegular,    // a directory, pipe, socket or device
  kLink,          // a symbolic link: never followed
  kForeignOwner,  // it belongs to another user
  kTooOpen,       // others may do more with it than was asked for
  kNoAccess,      // EACCES, EPERM
  kReadOnly,      // EROFS
  kNoSpace,       // ENOSPC, EDQUOT, EFBIG
  kTooManyFiles,  // EMFILE, ENFILE
  kNoMemory,      // no address space, no memory for the kernel's tables
  kLocked,        // another open file has a lock that excludes this one
  kShort,         // the file ends before what was to be read
  kUnsupported,   // this file system or kernel lacks the call
  kIo,            // EIO and everything else
  kWouldBlock,    // try_read_at(): the bytes are not in memory
};

struct [[nodiscard]] FileError {
  FileStatus status = FileStatus::kOk;
  int code = 0;  // errno

  bool ok() const { return status == FileStatus::kOk; }
};

enum class FileAccess : std::uint8_t { kRead, kReadWrite };
enum class FileLock : std::uint8_t { kShared, kExclusive };

/// How much sync() makes durable.
enum class SyncLevel : std::uint8_t {
  kNone,
  kData,  // bytes, and what is needed to read them again: fdatasync(2)
  kFull,  // all that is known of the file, its times too: fsync(2)
};

enum class FileMapping : std::uint8_t {
  kShared,   // stores go to the file
  kPrivate,  // stores stay in this process (copy on write)
};

/// What a program will do with mapped pages.
enum class AccessPattern : std::uint8_t { kNormal, kSequential, kRandom, kWillNeed, kDontNeed };

/// What has happened to a file.
struct FileNews {
  bool is_written = false;  // by write_at() of any File, in whatever process
  bool is_closed = false;   // somebody who could write to it has closed it, or died
};

/// Tells what happens to a file, from the moment when it is made on. One thread.
class FileWatch {
 public:
  virtual ~FileWatch() = default;

  /// For poll(2): readable while there is news.
  virtual int descriptor() const = 0;
  /// What has happened since the last call. A lock of who has closed the file may end a moment
  /// later.
  virtual FileNews take() = 0;
};

class File {
 public:
  virtual ~File() = default;  // closes it, and so ends its lock; mappings stay

  /// The file's length now: another process may have cut it.
  virtual FileError size(ByteCount* bytes) const = 0;
  /// What it takes of its file system: holes take nothing.
  virtual FileError disk_bytes(ByteCount* bytes) const = 0;

  /// All of it, or a failure; kShort where the file ends before.
  virtual FileError read_at(void* into, ByteCount bytes, ByteCount offset) const = 0;
  /// The same, if nobody has to wait for a disk: kWouldBlock, with any part of it read, otherwise.
  virtual FileError try_read_at(void* into, ByteCount bytes, ByteCount offset) const = 0;
  /// All of it, or a failure: then any part of it may have been written.
  virtual FileError write_at(const void* from, ByteCount bytes, ByteCount offset) = 0;

  /// Has the file system set space aside for the range, and makes the file longer if it ends
  /// before. Contents stay; what is new reads as zero. After this a store to a mapping of it finds
  /// space. A failure may leave the file longer, without space behind its former end.
  virtual FileError allocate(ByteCount offset, ByteCount bytes) = 0;
  /// Gives the space of whole pages of the range back: they read as zero. The length stays.
  virtual FileError punch(ByteCount offset, ByteCount bytes) = 0;
  virtual FileError set_size(ByteCount bytes) = 0;

  /// Makes the whole file durable. A failed sync is never tried again: the kernel may have dropped
  /// what it could not write, and would then report success.
  virtual FileError sync(SyncLevel level) = 0;
  /// Makes a range durable, with what is needed to read it again. Cheap where little of it changed.
  virtual FileError sync_range(ByteCount offset, ByteCount bytes) = 0;

  /// Locks the whole file, against other opens of it in this process too; at once or not at all.
  virtual FileError lock(FileLock lock) = 0;
  /// Ends the lock before the file is closed.
  virtual void unlock() = 0;

  /// Locks one byte, which may lie behind the end, against other opens of the file; at once or not
  /// at all. A lock of this File's own of that byte becomes one of the kind. The kernel ends the
  /// lock with this File or with the process, however that ends: so it tells whether somebody
  /// lives, in other containers too. It excludes lock() of others, and is excluded by that.
  virtual FileError lock_byte(ByteCount at, FileLock lock) = 0;
  /// Whether another open of the file has that byte locked.
  virtual bool is_byte_locked(ByteCount at) const = 0;
  virtual FileError unlock_byte(ByteCount at) = 0;

  /// Stores to mappings are no news. kTooManyFiles where a user has as many watches as the kernel
  /// allows, kUnsupported where it has none.
  virtual FileError watch(std::unique_ptr<FileWatch>* watch) const = 0;

  /// From now on reads and writes go past the kernel's page cache (O_DIRECT): memory, offsets and
  /// lengths have to be multiples of the machine's page. kUnsupported where the file system cannot.
  virtual FileError bypass_page_cache() = 0;

  /// Maps a range; offset a multiple of the machine's page. It may reach beyond the file's end:
  /// touching that is a SIGBUS (mapping_guard.h).
  virtual FileError map(ByteCount offset, ByteCount bytes, FileMapping mapping, void** address) = 0;
};

class Files {
 public:
  virtual ~Files() = default;

  /// Opens a regular file of this user. Never follows a link in its last place, never waits for a
  /// pipe, never changes anything. `mode`: permission bits; kTooOpen when others have more.
  virtual FileError open(const char* path, FileAccess access, unsigned mode,
                         std::unique_ptr<File>* file) = 0;
  /// A new, empty file that has no name yet but lies where `path` will.
  virtual FileError create(const char* path, unsigned mode, std::unique_ptr<File>* file) = 0;
  /// Gives a file of create() its name, durably. kExists, and nothing done, when that is taken.
  virtual FileError publish(File& file, const char* path) = 0;

  /// Ends the name `path`, durably, if that leads to this file. kNotFound, and nothing done, when
  /// it leads elsewhere.
  virtual FileError remove(const File& file, const char* path) = 0;

  /// A number that is another after the machine was started again; the same for all its processes.
  virtual std::uint64_t boot() const = 0;
  /// Bytes that nobody can guess.
  virtual void random(std::span<std::uint8_t> into) const = 0;
  /// The machine's page: offsets of mappings are multiples of it.
  virtual ByteCount page_bytes() const = 0;
};

/// Unmaps what File::map() mapped.
void unmap_file(void* address, ByteCount bytes);
/// Puts pages of zeros in place of a mapping, which no longer belong to a file. False without
/// memory.
bool map_zeros(void* address, ByteCount bytes);
/// From now on a store to the mapping is a SIGSEGV. False when the system refuses.
bool forbid_stores(void* address, ByteCount bytes);
/// From now on core dumps leave the mapping out. False when the system refuses.
bool keep_from_dumps(void* address, ByteCount bytes);
/// A hint about mapped pages; kDontNeed drops them from this mapping, private changes included.
void advise_mapping(void* address, ByteCount bytes, AccessPattern pattern);

/// What an errno means. 0 is kOk.
FileError file_error(int code);

/// The files of this machine. Never destroyed.
Files& system_files();

}  // namespace superslab

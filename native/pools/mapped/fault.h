// Why something could not be done with a file: of a mapped pool, or of a page cache.
#pragma once

#include <cstdint>

#include "os/file.h"

namespace superslab::mapped {

enum class Fault : std::uint8_t {
  kNone,
  // Of a call; the pool goes on.
  kClosed,
  kReadOnly,
  kStale,        // the handle names a block that was freed, or none
  kFull,         // max_bytes are in use, or too scattered
  kNoSpace,      // the disk has no space: see `file`
  kBatchFull,    // more changes than one commit can have
  kUncommitted,  // trim() with changes that are not committed
  kRange,        // bytes outside of the block
  kRootName,     // a name that is empty or too long
  kRootsFull,    // all roots are in use
  kBackup,       // a backup is under way already, or none is
  kBusy,         // another process has the writer's lock: see `where`, its id
  // Of the file; the pool changes nothing any more. What was committed is there when it is opened
  // again.
  kFailed,   // reading, writing or syncing failed: see `file`
  kLost,     // pages that were touched are not there: somebody cut the file, or the disk failed
  kDamaged,  // a checksum or a structure of the file is wrong
  // Of opening.
  kFile,         // see `file`
  kInUse,        // another pool has it open, alone
  kInUseShared,  // others share it, and this one would have it alone
  kOtherSync,    // others share it with another promise: see `where`
  kOpening,      // another process opens or closes it, and does not come to an end
  kTooManyMembers,
  kForeign,         // no file of superslab
  kByteOrder,       // of a machine with another byte order
  kVersion,         // of another version, or with features that this one does not know
  kPageSize,        // with pages of another size
  kCut,             // shorter than it says
  kOtherSize,       // made with another max_bytes
  kOtherChecksums,  // made with checksums of blocks, or without
  kOtherSensitive,  // made to overwrite what is freed, or not to
  kEncrypted,       // made to be sealed by those who use it
  kNotEncrypted,    // made not to be
  kNeedsReplay,     // it was not closed, and options said not to recover
  kNoMemory,        // no addresses for the mapping
  kTooManyOpen,     // kMaxGuardedMappings
  // Of a page cache (pools/page_cache).
  kNoPage,      // the file has not so many pages
  kFileLength,  // the file's length is no multiple of the page's
  kNoDirect,    // the file system cannot bypass its cache
};

/// A fault with what is known of it.
struct Failure {
  Fault fault = Fault::kNone;
  FileError file{};
  const char* what = "";    // which structure is damaged
  std::uint64_t where = 0;  // its number, or the value found

  bool ok() const { return fault == Fault::kNone; }
};

}  // namespace superslab::mapped

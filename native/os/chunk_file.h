// A file of equal chunks behind a head, to which threads and processes add at the same time, each
// in chunks of its own. What is stored stays in the file when the process is killed.
//
// No call here allocates: malloc itself is recorded by them. No descriptor stays open either, since
// programs close those that they do not know; so the file is opened anew by its name, and known by
// its number.
#pragma once

#include <cstdint>

#include "base/types.h"

namespace superslab {

/// Which file it is, whatever its name leads to by now.
struct FileNumber {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;

  bool operator==(const FileNumber&) const = default;
};

enum class ChunkFault : std::uint8_t {
  kNone,
  kPath,      // no such folder, not permitted, a link, or no regular file of this user
  kOther,     // the name leads to another file by now
  kNoSpace,   // the disk is full, or the process may not write so much (RLIMIT_FSIZE)
  kNoMemory,  // no address space, or no descriptor
};

/// Maps the first `bytes` of the file, and makes the file with `initial` as its head when there is
/// none. Of several processes that make it at the same time one does. nullptr: see `fault`.
/// A file that is shorter than `bytes` is kPath.
void* map_head(const char* path, const void* initial, ByteCount bytes, FileNumber* file,
               ChunkFault* fault);

/// Maps `bytes` at `offset`, a multiple of the machine's page, and has the file system set space
/// aside for them, so that a store finds it. What was never written reads as zero.
void* map_chunk(const char* path, const FileNumber& file, ByteCount offset, ByteCount bytes,
                ChunkFault* fault);

/// What was stored there stays in the file.
void unmap_chunk(void* chunk, ByteCount bytes);

}  // namespace superslab

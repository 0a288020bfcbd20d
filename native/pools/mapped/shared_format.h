// What the processes that share a file have in common beside its journal: two pages of its header
// area, mapped shared. docs/FILE-FORMAT.md tells it in words.
//
// It means something only while somebody has the file open, and in the boot in which it was
// written. Others may write anything there by mistake: places are checked before they are used, and
// what changes the heap comes from records of the journal, which have checksums.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "pools/mapped/format.h"

namespace superslab::mapped {

using SharedWord = std::atomic<std::uint64_t>;
static_assert(SharedWord::is_always_lock_free && std::atomic<std::uint32_t>::is_always_lock_free);

constexpr std::uint64_t kSharedMagic = 0x3148535042534c53;  // "SLSBPSH1"

constexpr ByteCount kSharedStateAt = 14 * kPageBytes;
constexpr ByteCount kSharedMembersAt = 15 * kPageBytes;
constexpr std::size_t kMaxMembers = 64;

struct SharedState {
  SharedWord magic;
  SharedWord boot;
  SharedWord promise;  // the SyncLevel of all of them
  SharedWord next_incarnation;
  SharedWord joined;  // a bit for each place of the table of members

  /// Who may write: incarnation x 2^32 + place in the table + 1; 0: nobody. Of a member that is
  /// dead, the next one repairs first.
  SharedWord writer;

  // Where the journal ends. The sequence is stored last.
  SharedWord epoch;
  SharedWord tail;
  SharedWord sequence;  // of the last record

  SharedWord homes;    // checkpoints that have begun to write pages home
  SharedWord applied;  // the last record whose writes are in the data
  SharedWord durable;  // the last record that is durable, and whose data is
  SharedWord wanted;   // the last record that somebody waits for to become durable
  SharedWord changes;  // commits that changed something
  SharedWord failed;   // not 0: a sync failed, and nobody may write until all have closed the file

  std::atomic<std::uint32_t> events;   // goes up when a lock is free, and with each commit
  std::atomic<std::uint32_t> waiters;  // for those; too many once some have died
};
static_assert(sizeof(SharedState) <= kPageBytes);

/// Whether it lives, its lock in the file says: byte kMemberLocks + place.
struct SharedMember {
  std::atomic<std::uint32_t> incarnation;
  std::atomic<std::uint32_t> pid;  // as that process sees itself
  SharedWord reads_from;   // 1 + the last record it knew when its oldest view was made; 0: no view
  SharedWord reads_since;  // of that view: CLOCK_MONOTONIC, which all processes have in common
  std::uint64_t unused[5];
};
static_assert(sizeof(SharedMember) == 64 && sizeof(SharedMember) * kMaxMembers <= kPageBytes);

// Locks of single bytes, far behind the end of any file.

constexpr ByteCount kOpenLock = ByteCount{1} << 41;  // for as long as somebody opens or closes it
constexpr ByteCount kProbe = kOpenLock + 1;  // nobody locks it alone: whoever has it has all
constexpr ByteCount kMemberLocks = kOpenLock + 2;
constexpr ByteCount kNamedLocks = ByteCount{1} << 42;
constexpr std::uint64_t kNamedLockMask = (std::uint64_t{1} << 61) - 1;

}  // namespace superslab::mapped

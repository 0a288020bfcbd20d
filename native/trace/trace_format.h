// What a trace is on disk: docs/TRACE-FORMAT.md has the same in words. A head, then chunks of one
// size, each of one thread of one process, then nothing else. Whoever is killed leaves a valid
// file: an event counts once its first word is not zero, and that is stored last.
//
// Everything is in the byte order of the machine that recorded it.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "base/types.h"

namespace superslab::trace {

inline constexpr char kMagic[8] = {'S', 'S', 'T', 'R', 'A', 'C', 'E', '\n'};
inline constexpr std::uint32_t kFormatVersion = 1;
inline constexpr std::uint32_t kByteOrder = 0x01020304;
inline constexpr std::uint32_t kChunkMagic = 0x4b484353;  // "SCHK"

inline constexpr ByteCount kHeadBytes = 64 * kKiB;  // a multiple of every machine's page
inline constexpr ByteCount kChunkBytes = 64 * kKiB;

/// The unit of time in events. Whoever hands a block to another thread takes longer, so that times
/// alone put the events of threads in order.
inline constexpr Nanos kStepNanos = 16;

/// Where events come from: bits.
enum class Source : std::uint32_t { kMalloc = 1 };

/// What never changes of the head.
struct HeadFacts {
  char magic[8];
  std::uint32_t version;
  std::uint32_t byte_order;
  std::uint32_t event_bytes;
  std::uint32_t chunk_bytes;
  std::uint32_t head_bytes;
  std::uint32_t step_nanos;
  std::uint32_t page_bytes;  // of the machine
  std::uint32_t processors;  // that the first process could run on
  char superslab[24];        // its version, ends in a zero
  std::uint64_t max_chunks;  // recording ends there
  std::uint64_t started_at;  // ns of the monotonic clock
  std::uint32_t crc;         // CRC-32C of what is before
  std::uint32_t reserved;
};
static_assert(sizeof(HeadFacts) == 88);

/// The front of the head: behind the facts counters, to which all that record add.
struct Head : HeadFacts {
  std::atomic<std::uint64_t> chunks;     // that were taken, those that found no place included
  std::atomic<std::uint64_t> dropped;    // events that found no place
  std::atomic<std::uint32_t> processes;  // that have recorded; their numbers begin at 1
  std::atomic<std::uint32_t> threads;    // likewise
  std::atomic<std::uint32_t> sources;    // bits
};
static_assert(sizeof(Head) <= 4 * kKiB);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

struct Event {
  std::uint64_t
      what;  // the kind in the lowest byte, above it the block's address / 16; 0: no event
  std::uint64_t bytes;  // 40 bits; below them 24 bits of steps since the event before
};
static_assert(sizeof(Event) == 16);

enum class Kind : std::uint8_t {
  kNone,
  kAllocate,   // a block for so many bytes
  kFree,       // a block went; no bytes
  kResize,     // a block has so many bytes from now on, where it is
  kTime,       // only time passed: all of `bytes` are steps
  kThreadEnd,  // the thread's magazines went
};
inline constexpr std::uint8_t kLastKind = static_cast<std::uint8_t>(Kind::kThreadEnd);

inline constexpr unsigned kStepBits = 24;
inline constexpr std::uint64_t kMaxSteps = (std::uint64_t{1} << kStepBits) - 1;
inline constexpr std::uint64_t kMaxEventBytes = (std::uint64_t{1} << 40) - 1;
inline constexpr unsigned kKindBits = 8;

struct ChunkHead {
  std::uint32_t magic;     // stored last
  std::uint32_t source;    // one of Source
  std::uint32_t process;   // from 1 on
  std::uint32_t parent;    // of a process that was forked, the one it came from; else 0
  std::uint32_t thread;    // from 1 on, in all processes together
  std::uint32_t sequence;  // of this thread's chunks, from 0 on
  std::uint64_t base;      // the first event's steps count from here: ns of the monotonic clock
  std::uint64_t pid;       // for people
  std::uint64_t reserved[3];
};
static_assert(sizeof(ChunkHead) == 64);

inline constexpr std::size_t kEventsPerChunk = (kChunkBytes - sizeof(ChunkHead)) / sizeof(Event);

struct Chunk {
  ChunkHead head;
  Event events[kEventsPerChunk];
};
static_assert(sizeof(Chunk) == kChunkBytes);

constexpr ByteCount chunk_offset(std::uint64_t chunk) { return kHeadBytes + chunk * kChunkBytes; }

}  // namespace superslab::trace

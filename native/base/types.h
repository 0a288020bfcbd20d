// The words of the core, with their units. docs/ARCHITECTURE.md tells how they fit together.
//
//   arena       4 GiB-aligned part of the addresses of a space; at most kMaxArenas of them
//   superslab   2 MiB, 2 MiB-aligned part of an arena: the unit of commit, huge pages, NUMA, purge
//   slice       64 KiB part of a superslab; kSlicesPerSuperslab of them
//   slab        a range of slices cut into equal blocks of one size class
//   block       what a caller gets
//   magazine    a bounded array of free blocks of one class, owned by one thread
#pragma once

#include <cstddef>
#include <cstdint>

namespace superslab {

/// A number of bytes. An alias: byte counts are added, scaled and compared with sizeof everywhere,
/// so that a class would be cast away at every other line. What names things is a type of its own
/// instead (ClassIndex, BlockNumber, SliceIndex, the ids of binding/ids.h), and none of those
/// becomes a number of bytes by itself.
using ByteCount = std::size_t;

/// A point in time or a span: nanoseconds of a monotonic clock (base/clock.h).
using Nanos = std::uint64_t;

/// Which block size. Those below kFixedClasses are an index into the table of heap/size_class.h.
enum class ClassIndex : std::uint8_t {};

constexpr std::size_t to_index(ClassIndex c) { return static_cast<std::size_t>(c); }

/// Places that a class can have: whatever is kept for each class, or names one, has room for as
/// many. There are two more than classes in the table.
constexpr std::size_t kClassSlots = 66;

constexpr ByteCount kKiB = 1024;
constexpr ByteCount kMiB = 1024 * kKiB;
constexpr ByteCount kGiB = 1024 * kMiB;

constexpr unsigned kSliceShift = 16;
constexpr unsigned kSuperslabShift = 21;
constexpr unsigned kArenaShift = 32;

constexpr ByteCount kSliceBytes = ByteCount{1} << kSliceShift;
constexpr ByteCount kSuperslabBytes = ByteCount{1} << kSuperslabShift;
constexpr ByteCount kArenaBytes = ByteCount{1} << kArenaShift;

constexpr std::size_t kSlicesPerSuperslab = kSuperslabBytes / kSliceBytes;
constexpr std::size_t kSuperslabsPerArena = kArenaBytes / kSuperslabBytes;

/// Every block starts at a multiple of this, in bytes.
constexpr ByteCount kMinAlignment = 16;

/// The line size that data written by different threads is kept apart by. Two lines: the
/// adjacent-line prefetcher of current x86-64 cores moves them in pairs.
constexpr ByteCount kCacheLinePair = 128;

}  // namespace superslab

// What packets are made of. A packet is its first segment. A segment has two offsets into a room,
// which has the memory and counts the segments that show it. Segments and rooms are objects of two
// fixed pools.
//
// A segment is used by one thread at a time, whichever has the packet; a room by all threads whose
// packets show it. So the count of a room alone is atomic.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/types.h"

namespace superslab {

class PacketPool;

/// Called when the last packet that shows some memory of the program is released.
using PacketFree = void (*)(void* memory, std::size_t bytes, void* context);

/// The memory of segments. One of the pool lies in front of its bytes; one of the program's memory
/// takes the place of a segment.
struct DataRoom {
  std::byte* bytes;
  PacketPool* pool;                 // where it goes back
  std::atomic<std::uint32_t> refs;  // segments that show it
  std::uint32_t capacity;           // bytes
  bool is_external;                 // the program's memory
  PacketFree free;                  // of the program's memory, and may be nullptr
  void* context;

  /// Whether the caller, who has a segment of it, is the only one. Acquire: others have read and
  /// written before.
  bool is_sole() const { return refs.load(std::memory_order_acquire) == 1; }
};

/// What a segment is doing. Unlikely values, so that an address that is none is told from one; zero
/// where it lies in memory that went back to the operating system.
enum class SegmentState : std::uint32_t {
  kReleased = 0,
  kLive = 0x6576694c,     // the first segment of a packet that is out
  kLinked = 0x6b6e694c,   // a later segment of a chain
  kLeaving = 0x7661654c,  // of a packet that a bulk release is about to take
};

/// Bytes `head` to `tail` of a room; and of the first segment of a packet, the chain that follows.
struct alignas(64) Segment {
  SegmentState state;
  std::uint32_t
      count;  // segments from this one on; this and the next two are right for the first one alone
  Segment* last;
  std::size_t rest;  // bytes of the segments that follow
  PacketPool* pool;  // where it goes back
  DataRoom* room;
  std::uint32_t head;
  std::uint32_t tail;
  Segment* next;
  void* context;  // the program's own

  std::uint32_t own_bytes() const { return tail - head; }
  std::size_t length() const { return own_bytes() + rest; }
  std::byte* begin() const { return room->bytes + head; }

  /// Bytes that a segment may grow by in front and behind: none where others show the memory, too.
  std::uint32_t headroom() const { return room->is_sole() ? head : 0; }
  std::uint32_t tailroom() const { return room->is_sole() ? room->capacity - tail : 0; }

  /// The first segment of a packet that has no other.
  void begin_chain() {
    state = SegmentState::kLive;
    count = 1;
    last = this;
    rest = 0;
    next = nullptr;
  }
};

/// In front of the bytes of a room.
constexpr ByteCount kRoomHeaderBytes = 64;

static_assert(sizeof(Segment) <= 128 && sizeof(DataRoom) <= kRoomHeaderBytes);

/// Why nothing was done.
enum class PacketFault : std::uint8_t {
  kNone,
  kNoMemory,
  kLimit,     // all rooms are out
  kClosed,    // the pool is
  kNoPacket,  // not the address of one
  kReleased,  // the packet was, or it is part of a chain
  kLength,    // more than there is, or than there is room for
  kNotEmpty,  // only an empty packet can
  kItself,    // a packet cannot be appended to itself
};

}  // namespace superslab

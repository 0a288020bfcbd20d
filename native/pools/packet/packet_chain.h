// What is done with one packet: its ends, its chain, and other packets over its memory. For the
// thread that has the packet; each is out (fault_of() is kNone), and offsets lie within it unless a
// function says otherwise.
#pragma once

#include <cstddef>

#include "pools/packet/packet_pool.h"

namespace superslab::packet {

// Ends --------------------------------------------------------------------------------------------

/// The new beginning; nullptr beyond the headroom.
[[gnu::always_inline]] inline std::byte* push(Segment& packet, std::size_t n) {
  if (n > packet.headroom()) [[unlikely]]
    return nullptr;
  packet.head -= static_cast<std::uint32_t>(n);
  return packet.begin();
}

/// Where the new bytes begin; nullptr beyond the tailroom.
[[gnu::always_inline]] inline std::byte* put(Segment& packet, std::size_t n) {
  Segment& last = *packet.last;
  if (n > last.tailroom()) [[unlikely]]
    return nullptr;
  std::byte* const at = last.room->bytes + last.tail;
  last.tail += static_cast<std::uint32_t>(n);
  if (&last != &packet) packet.rest += n;
  return at;
}

/// Shorter in front and behind. Segments that have nothing left are released, but for one. False
/// beyond the length.
bool pull(Segment& packet, std::size_t n);
bool trim(Segment& packet, std::size_t n);

/// Moves the beginning of an empty packet: kNotEmpty, or kLength beyond the tailroom.
PacketFault reserve(Segment& packet, std::size_t n);

// Chains ------------------------------------------------------------------------------------------

void append(Segment& packet, Segment& other);

/// The packet keeps the bytes before `at`; the rest is the packet that is returned. nullptr, and
/// why.
Segment* split(Segment& packet, std::size_t at, PacketFault& fault);

/// Moves all bytes into one segment. Nothing has changed on a fault; kLength where they do not fit.
PacketFault linearize(Segment& packet);

/// Whether any of its memory is another packet's, too.
bool is_shared(const Segment& packet);

// Other packets -----------------------------------------------------------------------------------

/// Over bytes `from` to `to`, without a copy; of the pool of the first segment.
Segment* slice(Segment& packet, std::size_t from, std::size_t to, PacketFault& fault);

/// With the same bytes, in memory of its own.
Segment* copy(const Segment& packet, PacketFault& fault);

/// With a copy of `bytes`.
Segment* from_bytes(PacketPool& pool, const void* bytes, std::size_t count, PacketFault& fault);

// Bytes -------------------------------------------------------------------------------------------

/// `n` bytes in a row behind the packet: of its last segment's tailroom, or of a new segment.
/// nullptr, and why.
std::byte* extend(Segment& packet, std::size_t n, PacketFault& fault);

/// Puts bytes behind the packet, into as many new segments as it takes, or none.
PacketFault write(Segment& packet, const void* bytes, std::size_t n);

/// Bytes `from` to `from + n`, where they lie; nullptr when they lie in several segments.
const std::byte* look(const Segment& packet, std::size_t from, std::size_t n);

void read(const Segment& packet, std::size_t from, std::size_t n, void* target);

/// Calls visit(bytes, count) for each part of a segment that has bytes.
template <class Visit>
void each_part(const Segment& packet, std::size_t from, std::size_t n, Visit visit) {
  const Segment* segment = &packet;
  while (n != 0 && from >= segment->own_bytes()) {
    from -= segment->own_bytes();
    segment = segment->next;
  }
  for (; n != 0; segment = segment->next, from = 0) {
    const std::size_t there = segment->own_bytes() - from;
    const std::size_t count = there < n ? there : n;
    if (count != 0) visit(segment->begin() + from, count);
    n -= count;
  }
}

}  // namespace superslab::packet

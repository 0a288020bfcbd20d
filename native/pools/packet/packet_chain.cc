#include "pools/packet/packet_chain.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace superslab::packet {
namespace {

/// A place in a packet: byte `offset` of `segment`, before which the packet has `index` segments
/// and `start` bytes.
struct Place {
  Segment* segment;
  std::uint32_t offset;
  std::uint32_t index;
  std::size_t start;
};

/// Where byte `at` is, which is at most the length. Between two segments: the end of the first one.
Place place_of(Segment& packet, std::size_t at) {
  Place place{&packet, 0, 0, 0};
  while (at - place.start > place.segment->own_bytes()) {
    place.start += place.segment->own_bytes();
    place.segment = place.segment->next;
    ++place.index;
  }
  place.offset = static_cast<std::uint32_t>(at - place.start);
  return place;
}

/// The same, but between two segments the beginning of the second.
Place place_after(Segment& packet, std::size_t at) {
  Place place = place_of(packet, at);
  while (place.offset == place.segment->own_bytes() && place.segment->next != nullptr) {
    place.start += place.offset;
    place.segment = place.segment->next;
    place.offset = 0;
    ++place.index;
  }
  return place;
}

/// Makes `segment`, with all that follows up to `last`, a packet.
void begin_packet(Segment& segment, Segment& last, std::uint32_t count, std::size_t rest) {
  segment.state = SegmentState::kLive;
  segment.last = &last;
  segment.count = count;
  segment.rest = rest;
  segment.context = nullptr;
}

/// Takes all of the first segment, which is not the only one, and more off the front.
void pull_across(Segment& packet, std::size_t n) {
  const auto [segment, offset, index, start] = place_after(packet, n);
  const std::size_t rest = packet.length() - start - segment->own_bytes();
  Segment& front = *packet.next;
  // The first one stays the packet: it changes places with the one in which the packet begins from
  // now on.
  std::swap(packet.room, segment->room);
  std::swap(packet.head, segment->head);
  std::swap(packet.tail, segment->tail);
  packet.head += offset;
  packet.next = segment->next;
  if (packet.last == segment) packet.last = &packet;
  packet.rest = rest;
  packet.count -= index;
  segment->next = nullptr;
  begin_packet(front, *segment, index, 0);
  release_packet(front);
}

/// The segments behind byte `at`, and of one the rest, go.
void cut_behind(Segment& packet, std::size_t at) {
  const auto [segment, offset, index, start] = place_of(packet, at);
  Segment* const next = segment->next;
  segment->tail = segment->head + offset;
  segment->next = nullptr;
  Segment* const last = std::exchange(packet.last, segment);
  const std::uint32_t count = std::exchange(packet.count, index + 1);
  packet.rest = at - packet.own_bytes();
  if (next == nullptr) return;
  begin_packet(*next, *last, count - packet.count, 0);
  release_packet(*next);
}

void copy_all(const Segment* from, std::byte* target) {
  for (; from != nullptr; from = from->next) {
    const std::uint32_t count = from->own_bytes();
    if (count == 0) continue;
    std::memcpy(target, from->begin(), count);
    target += count;
  }
}

/// Moves the bytes of all later segments into the tailroom of the first.
void gather(Segment& packet) {
  copy_all(packet.next, packet.room->bytes + packet.tail);
  packet.tail += static_cast<std::uint32_t>(packet.rest);
  Segment& behind = *packet.next;
  begin_packet(behind, *packet.last, packet.count - 1, 0);
  packet.next = nullptr;
  packet.last = &packet;
  packet.rest = 0;
  packet.count = 1;
  release_packet(behind);
}

}  // namespace

bool pull(Segment& packet, std::size_t n) {
  const std::uint32_t own = packet.own_bytes();
  if (n < own || (n == own && packet.next == nullptr)) [[likely]] {
    packet.head += static_cast<std::uint32_t>(n);
    return true;
  }
  if (n > packet.length()) return false;
  pull_across(packet, n);
  return true;
}

bool trim(Segment& packet, std::size_t n) {
  Segment& last = *packet.last;
  const std::uint32_t own = last.own_bytes();
  if (n < own || (n == own && &last == &packet)) [[likely]] {
    last.tail -= static_cast<std::uint32_t>(n);
    if (&last != &packet) packet.rest -= n;
    return true;
  }
  if (n > packet.length()) return false;
  cut_behind(packet, packet.length() - n);
  return true;
}

PacketFault reserve(Segment& packet, std::size_t n) {
  if (packet.count > 1 || packet.length() != 0) return PacketFault::kNotEmpty;
  if (n > packet.tailroom()) return PacketFault::kLength;
  packet.head += static_cast<std::uint32_t>(n);
  packet.tail = packet.head;
  return PacketFault::kNone;
}

void append(Segment& packet, Segment& other) {
  packet.last->next = &other;
  packet.last = other.last;
  packet.rest += other.length();
  packet.count += other.count;
  other.state = SegmentState::kLinked;
}

Segment* split(Segment& packet, std::size_t at, PacketFault& fault) {
  fault = PacketFault::kNone;
  const auto [segment, offset, index, start] = place_of(packet, at);
  const std::uint32_t own = segment->own_bytes();
  const std::size_t behind = packet.length() - start - own;
  Segment* const next = segment->next;
  const bool is_between = offset == own && next != nullptr;
  Segment* other = next;
  if (is_between) {
    begin_packet(*other, *packet.last, packet.count - index - 1, behind - next->own_bytes());
  } else {
    other = packet.pool->show(*segment->room, segment->head + offset, segment->tail, fault);
    if (other == nullptr) return nullptr;
    other->next = next;
    begin_packet(*other, next == nullptr ? *other : *packet.last, packet.count - index, behind);
    segment->tail = other->head;
  }
  segment->next = nullptr;
  packet.last = segment;
  packet.count = index + 1;
  packet.rest = at - packet.own_bytes();
  return other;
}

PacketFault linearize(Segment& packet) {
  if (packet.count == 1) return PacketFault::kNone;
  if (packet.rest <= packet.tailroom()) {
    gather(packet);
    return PacketFault::kNone;
  }
  const PacketPoolOptions& options = packet.pool->options();
  const std::size_t length = packet.length();
  if (length > options.size) return PacketFault::kLength;
  PacketFault fault;
  Segment* const fresh = packet.pool->get(fault);
  if (fresh == nullptr) return fault;
  const auto head = static_cast<std::uint32_t>(std::min(options.headroom, options.size - length));
  copy_all(&packet, fresh->room->bytes + head);
  // The fresh one takes the old memory, and goes with it.
  std::swap(packet.room, fresh->room);
  fresh->next = packet.next;
  packet.head = head;
  packet.tail = head + static_cast<std::uint32_t>(length);
  packet.next = nullptr;
  packet.last = &packet;
  packet.rest = 0;
  packet.count = 1;
  release_packet(*fresh);
  return PacketFault::kNone;
}

bool is_shared(const Segment& packet) {
  for (const Segment* segment = &packet; segment != nullptr; segment = segment->next)
    if (!segment->room->is_sole()) return true;
  return false;
}

Segment* slice(Segment& packet, std::size_t from, std::size_t to, PacketFault& fault) {
  PacketPool& pool = *packet.pool;
  if (to <= packet.own_bytes()) [[likely]] {
    return pool.show(*packet.room, packet.head + static_cast<std::uint32_t>(from),
                     packet.head + static_cast<std::uint32_t>(to), fault);
  }
  Place place = place_of(packet, from);
  Segment* made = nullptr;
  std::size_t left = to - from;
  do {
    const std::uint32_t head = place.segment->head + place.offset;
    const auto bytes =
        static_cast<std::uint32_t>(std::min<std::size_t>(place.segment->tail - head, left));
    // What shows no byte keeps no memory.
    if (bytes != 0 || left == 0) {
      Segment* part = pool.show(*place.segment->room, head, head + bytes, fault);
      if (part == nullptr) {
        if (made != nullptr) release_packet(*made);
        return nullptr;
      }
      if (made == nullptr) {
        made = part;
      } else {
        append(*made, *part);
      }
    }
    left -= bytes;
    place = {place.segment->next, 0, 0, 0};
  } while (left != 0);
  return made;
}

Segment* copy(const Segment& packet, PacketFault& fault) {
  Segment* const made = packet.pool->get(fault);
  if (made == nullptr) return nullptr;
  for (const Segment* part = &packet; part != nullptr; part = part->next) {
    fault = write(*made, part->begin(), part->own_bytes());
    if (fault == PacketFault::kNone) continue;
    release_packet(*made);
    return nullptr;
  }
  return made;
}

Segment* from_bytes(PacketPool& pool, const void* bytes, std::size_t count, PacketFault& fault) {
  Segment* const made = pool.get(fault);
  if (made == nullptr) return nullptr;
  fault = write(*made, bytes, count);
  if (fault == PacketFault::kNone) return made;
  release_packet(*made);
  return nullptr;
}

std::byte* extend(Segment& packet, std::size_t n, PacketFault& fault) {
  fault = PacketFault::kNone;
  if (std::byte* const at = put(packet, n); at != nullptr) return at;
  PacketPool& pool = *packet.pool;
  const PacketPoolOptions& options = pool.options();
  fault = PacketFault::kLength;
  if (n > options.size - options.headroom) return nullptr;
  Segment* const more = pool.get(fault);
  if (more == nullptr) return nullptr;
  std::byte* const at = put(*more, n);
  append(packet, *more);
  return at;
}

PacketFault write(Segment& packet, const void* bytes, std::size_t n) {
  PacketPool& pool = *packet.pool;
  const auto* from = static_cast<const std::byte*>(bytes);
  const std::size_t before = packet.length();
  for (;;) {
    // Of a segment of the pool as much is left behind as the pool says.
    const Segment& last = *packet.last;
    const std::size_t kept = last.room->is_external ? 0 : last.pool->options().tailroom;
    const std::size_t room = last.tailroom() - std::min<std::size_t>(last.tailroom(), kept);
    const std::size_t count = std::min(room, n);
    if (count != 0) std::memcpy(put(packet, count), from, count);
    from += count;
    n -= count;
    if (n == 0) return PacketFault::kNone;
    PacketFault fault;
    Segment* const more = pool.get(fault);
    if (more == nullptr) {
      trim(packet, packet.length() - before);
      return fault;
    }
    append(packet, *more);
  }
}

const std::byte* look(const Segment& packet, std::size_t from, std::size_t n) {
  const auto [segment, offset, index, start] = place_after(const_cast<Segment&>(packet), from);
  return segment->own_bytes() - offset >= n ? segment->begin() + offset : nullptr;
}

void read(const Segment& packet, std::size_t from, std::size_t n, void* target) {
  auto* at = static_cast<std::byte*>(target);
  each_part(packet, from, n, [&](const std::byte* bytes, std::size_t count) {
    std::memcpy(at, bytes, count);
    at += count;
  });
}

}  // namespace superslab::packet

#include "pools/packet/packet_pool.h"

#include <algorithm>
#include <new>

namespace superslab {
namespace {

/// Objects that are on their way together lie on the stack meanwhile.
constexpr std::size_t kBatch = 64;

}  // namespace

PacketFault packet_fault(FixedFault fault) {
  switch (fault) {
    case FixedFault::kNone:
      return PacketFault::kNone;
    case FixedFault::kLimit:
      return PacketFault::kLimit;
    case FixedFault::kClosed:
      return PacketFault::kClosed;
    default:
      return PacketFault::kNoMemory;
  }
}

/// An empty packet of two objects of the store.
[[gnu::always_inline]] inline Segment* PacketPool::fill(void* segment, void* memory) {
  auto* room = static_cast<DataRoom*>(memory);
  room->bytes = static_cast<std::byte*>(memory) + kRoomHeaderBytes;
  room->pool = this;
  room->refs.store(1, std::memory_order_relaxed);
  room->capacity = static_cast<std::uint32_t>(options_.size);
  room->is_external = false;
  auto* packet = static_cast<Segment*>(segment);
  packet->pool = this;
  packet->room = room;
  packet->head = packet->tail = static_cast<std::uint32_t>(options_.headroom);
  packet->context = nullptr;
  packet->begin_chain();
  return packet;
}

Segment* PacketPool::get(PacketFault& fault) {
  void* room;
  void* segment;
  fault = packet_fault(store_.take_rooms(&room, 1));
  if (fault != PacketFault::kNone) return nullptr;
  fault = packet_fault(store_.take_segments(&segment, 1));
  if (fault == PacketFault::kNone) [[likely]]
    return fill(segment, room);
  store_.give(nullptr, 0, &room, 1);
  return nullptr;
}

PacketFault PacketPool::get_bulk(Segment** out, std::size_t count) {
  void* rooms[kBatch];
  void* segments[kBatch];
  for (std::size_t made = 0; made < count;) {
    const std::size_t wanted = std::min(count - made, kBatch);
    PacketFault fault = packet_fault(store_.take_rooms(rooms, wanted));
    if (fault == PacketFault::kNone) {
      fault = packet_fault(store_.take_segments(segments, wanted));
      if (fault != PacketFault::kNone) store_.give(nullptr, 0, rooms, wanted);
    }
    if (fault != PacketFault::kNone) {
      std::size_t bad;
      release_packets(out, made, bad);
      return fault;
    }
    for (std::size_t i = 0; i < wanted; ++i) out[made + i] = fill(segments[i], rooms[i]);
    made += wanted;
  }
  return PacketFault::kNone;
}

Segment* PacketPool::take_segment(PacketFault& fault) {
  void* segment;
  fault = packet_fault(store_.take_segments(&segment, 1));
  return fault == PacketFault::kNone ? static_cast<Segment*>(segment) : nullptr;
}

Segment* PacketPool::attach(void* memory, std::size_t bytes, PacketFree free, void* context,
                            PacketFault& fault) {
  fault = PacketFault::kLength;
  if (bytes > kMaxExternalBytes) return nullptr;
  void* objects[2];
  fault = packet_fault(store_.take_segments(objects, 2));
  if (fault != PacketFault::kNone) return nullptr;
  auto* packet = static_cast<Segment*>(objects[0]);
  packet->room = new (objects[1]) DataRoom{.bytes = static_cast<std::byte*>(memory),
                                           .pool = this,
                                           .refs = 1,
                                           .capacity = static_cast<std::uint32_t>(bytes),
                                           .is_external = true,
                                           .free = free,
                                           .context = context};
  packet->pool = this;
  packet->head = 0;
  packet->tail = packet->room->capacity;
  packet->context = nullptr;
  packet->begin_chain();
  return packet;
}

Segment* PacketPool::show(DataRoom& room, std::uint32_t head, std::uint32_t tail,
                          PacketFault& fault) {
  Segment* packet = take_segment(fault);
  if (packet == nullptr) return nullptr;
  // Relaxed: whoever has a reference hands it on. Alone nobody else can change the count meanwhile.
  if (room.is_sole()) {
    room.refs.store(2, std::memory_order_relaxed);
  } else {
    room.refs.fetch_add(1, std::memory_order_relaxed);
  }
  packet->pool = this;
  packet->room = &room;
  packet->head = head;
  packet->tail = tail;
  packet->context = nullptr;
  packet->begin_chain();
  return packet;
}

namespace {

/// What goes back, in batches of one pool.
class Returning {
 public:
  ~Returning() { flush(); }

  /// Takes a segment, of which nothing is read any more, and its room, if no other shows it.
  [[gnu::always_inline]] void add(Segment& segment) {
    DataRoom& room = *segment.room;
    PacketPool& pool = *segment.pool;
    segment.state = SegmentState::kReleased;
    // Alone nobody can make another reference. Else: what was done with it here comes before its
    // next use.
    if (room.is_sole() || room.refs.fetch_sub(1, std::memory_order_acq_rel) == 1) drop(room);
    go_on_with(pool, 1);
    segments_[segment_count_++] = &segment;
  }

 private:
  [[gnu::always_inline]] void drop(DataRoom& room) {
    PacketPool& pool = *room.pool;
    if (room.is_external) [[unlikely]] {
      end_external(room, pool);
      return;
    }
    go_on_with(pool, 0);
    rooms_[room_count_++] = &room;
  }

  /// The program may do anything, but the room is not in its hand any more.
  [[gnu::noinline]] void end_external(const DataRoom& room, PacketPool& pool) {
    if (room.free != nullptr) room.free(room.bytes, room.capacity, room.context);
    go_on_with(pool, 1);
    segments_[segment_count_++] = const_cast<DataRoom*>(&room);
  }

  /// DataRoom for an object of that pool, and for `more` segments.
  [[gnu::always_inline]] void go_on_with(PacketPool& pool, std::size_t more) {
    if (pool_ == &pool && segment_count_ + more <= kBatch && room_count_ < kBatch) [[likely]]
      return;
    flush();
    pool_ = &pool;
  }

  void flush() {
    const std::size_t segments = segment_count_;
    const std::size_t rooms = room_count_;
    segment_count_ = room_count_ = 0;
    if (segments + rooms != 0) pool_->store().give(segments_, segments, rooms_, rooms);
  }

  PacketPool* pool_ = nullptr;
  std::size_t segment_count_ = 0;
  std::size_t room_count_ = 0;
  void* segments_[kBatch];
  void* rooms_[kBatch];
};

[[gnu::always_inline]] inline void add_chain(Returning& returning, Segment* segment) {
  while (segment != nullptr) {
    Segment* const next = segment->next;
    returning.add(*segment);
    segment = next;
  }
}

[[gnu::noinline]] void release_chain(Segment& packet) {
  Returning returning;
  add_chain(returning, &packet);
}

}  // namespace

void release_packet(Segment& packet) {
  DataRoom& room = *packet.room;
  const bool is_plain = packet.next == nullptr && !room.is_external && room.pool == packet.pool;
  if (!is_plain) [[unlikely]] {
    release_chain(packet);
    return;
  }
  PacketPool& pool = *packet.pool;
  const bool is_last = room.is_sole() || room.refs.fetch_sub(1, std::memory_order_acq_rel) == 1;
  packet.state = SegmentState::kReleased;
  void* segment = &packet;
  void* memory = &room;
  pool.store().give(&segment, 1, &memory, is_last ? 1 : 0);
}

PacketFault release_packets(Segment* const* packets, std::size_t count, std::size_t& bad) {
  for (bad = 0; bad < count; ++bad) {
    Segment& packet = *packets[bad];
    if (const PacketFault fault = fault_of(packet); fault != PacketFault::kNone) {
      for (std::size_t i = 0; i < bad; ++i) packets[i]->state = SegmentState::kLive;
      return fault;
    }
    // One that comes twice is found by it.
    packet.state = SegmentState::kLeaving;
  }
  Returning returning;
  for (std::size_t i = 0; i < count; ++i) add_chain(returning, packets[i]);
  return PacketFault::kNone;
}

}  // namespace superslab

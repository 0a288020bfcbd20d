// A packet pool on a fake operating system, and the objects that threads have of it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "fixed_fixture.h"
#include "pools/packet/packet_chain.h"

namespace superslab_test {

/// Two fixed pools, as malloc/program_packets.h has them, for one thread.
class TestPacketStore final : public superslab::PacketStore {
 public:
  TestPacketStore(superslab::FixedPool& segments, superslab::FixedPool& rooms)
      : segments_(segments), rooms_(rooms), segment_user_(segments), room_user_(rooms) {}

  superslab::FixedFault take_segments(void** out, std::size_t count) override {
    return take(segment_user_, out, count);
  }
  superslab::FixedFault take_rooms(void** out, std::size_t count) override {
    return take(room_user_, out, count);
  }
  void give(void* const* segments, std::size_t segment_count, void* const* rooms,
            std::size_t room_count) override {
    put(segments_, segment_user_, segments, segment_count);
    put(rooms_, room_user_, rooms, room_count);
  }

  bool is_attached() const { return segment_user_.is_attached() && room_user_.is_attached(); }
  void leave() {
    segment_user_.leave();
    room_user_.leave();
  }

 private:
  static superslab::FixedFault take(FixedUser& user, void** out, std::size_t count) {
    return user.get_bulk(out, count) ? superslab::FixedFault::kNone : user.fault;
  }
  static void put(superslab::FixedPool& pool, FixedUser& user, void* const* objects,
                  std::size_t count) {
    if (count == 0) return;
    if (!pool.is_closed()) {
      user.put_bulk(objects, count);
      return;
    }
    for (std::size_t i = 0; i < count; ++i) pool.give_checked(objects[i]);
  }

  superslab::FixedPool& segments_;
  superslab::FixedPool& rooms_;
  FixedUser segment_user_;
  FixedUser room_user_;
};

inline constexpr superslab::PacketPoolOptions kSmallPackets{
    .size = 64, .headroom = 16, .tailroom = 4};

struct TestPackets {
  TestFixedPool segments;
  TestFixedPool rooms;
  std::unique_ptr<TestPacketStore> store;
  std::unique_ptr<superslab::PacketPool> pool;

  explicit TestPackets(const superslab::PacketPoolOptions& options = kSmallPackets,
                       std::size_t max = 0)
      : segments({.object_bytes = sizeof(superslab::Segment), .alignment = 64}),
        rooms({.object_bytes = superslab::PacketPool::room_bytes(options),
               .alignment = 64,
               .max = max}) {
    options_ = options;
  }
  ~TestPackets() { store.reset(); }

  /// False without memory.
  bool open() {
    if (segments->open() != superslab::FixedFault::kNone ||
        rooms->open() != superslab::FixedFault::kNone)
      return false;
    store = std::make_unique<TestPacketStore>(*segments, *rooms);
    pool = std::make_unique<superslab::PacketPool>(options_, *store);
    return store->is_attached();
  }

  superslab::PacketPool* operator->() const { return pool.get(); }
  superslab::PacketPool& operator*() const { return *pool; }

  /// Whether everything came home.
  bool ends_clean() {
    pool.reset();
    if (store != nullptr) store->leave();
    store.reset();
    return rooms.ends_clean() && segments.ends_clean();
  }

 private:
  superslab::PacketPoolOptions options_;
};

/// What a packet has.
inline std::string bytes_of(const superslab::Segment& packet) {
  std::string bytes(packet.length(), '\0');
  superslab::packet::read(packet, 0, bytes.size(), bytes.data());
  return bytes;
}

/// Whether count, last, rest and states of a packet are what its segments say.
inline bool is_whole(const superslab::Segment& packet) {
  using superslab::SegmentState;
  if (packet.state != SegmentState::kLive) return false;
  std::size_t rest = 0;
  std::uint32_t count = 1;
  const superslab::Segment* last = &packet;
  for (const superslab::Segment* one = packet.next; one != nullptr; one = one->next) {
    if (one->state != SegmentState::kLinked) return false;
    rest += one->own_bytes();
    ++count;
    last = one;
  }
  for (const superslab::Segment* one = &packet; one != nullptr; one = one->next) {
    if (one->head > one->tail || one->tail > one->room->capacity) return false;
    if (one->room->refs.load() == 0) return false;
  }
  return packet.rest == rest && packet.count == count && packet.last == last;
}

}  // namespace superslab_test

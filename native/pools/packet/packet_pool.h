// A pool of packets: ranges of bytes with room in front and behind, that share memory by references
// and form chains. The words are those of DPDK's mbufs and Linux's sk_buffs; docs/pools/PACKET.md
// has the rules.
//
// What is done with one packet stands in packet_chain.h.
#pragma once

#include <cstdint>

#include "base/counter.h"
#include "pools/packet/packet_store.h"
#include "pools/packet/segment.h"

namespace superslab {

struct PacketPoolOptions {
  ByteCount size = 2048;     // memory of a segment, headroom and tailroom included
  ByteCount headroom = 128;  // of a new packet
  ByteCount tailroom = 0;    // that copies leave at the end of each segment
};

class PacketPool {
 public:
  /// The largest room fills the largest block.
  static constexpr ByteCount kMaxSize = kMaxClassBytes - kRoomHeaderBytes;
  static constexpr ByteCount kMaxExternalBytes = ~std::uint32_t{0};

  /// Whether there can be such a pool: data has room between headroom and tailroom.
  static bool can_be(const PacketPoolOptions& options) {
    return options.size <= kMaxSize && options.headroom < options.size &&
           options.tailroom < options.size - options.headroom;
  }
  static ByteCount room_bytes(const PacketPoolOptions& options) {
    return options.size + kRoomHeaderBytes;
  }

  /// can_be() holds; `store` outlives the pool.
  PacketPool(const PacketPoolOptions& options, PacketStore& store)
      : store_(store), options_(options) {}
  PacketPool(const PacketPool&) = delete;
  PacketPool& operator=(const PacketPool&) = delete;

  // Any thread. Each packet that is had, however, is released once. ----------------------------

  /// An empty packet with the pool's headroom; nullptr, and why.
  Segment* get(PacketFault& fault);
  /// Stores `count` at `out`, or none.
  PacketFault get_bulk(Segment** out, std::size_t count);
  /// A packet over memory of the program, at most kMaxExternalBytes; `free` may be nullptr.
  Segment* attach(void* memory, std::size_t bytes, PacketFree free, void* context,
                  PacketFault& fault);
  /// A segment of this pool over bytes `head` to `tail` of a room that the caller has a segment of:
  /// a packet of its own.
  Segment* show(DataRoom& room, std::uint32_t head, std::uint32_t tail, PacketFault& fault);

  PacketStore& store() { return store_; }
  const PacketPoolOptions& options() const { return options_; }
  /// Bytes that copies put into a segment.
  std::uint32_t data_bytes() const {
    return static_cast<std::uint32_t>(options_.size - options_.headroom - options_.tailroom);
  }

  void count_misuse() { misuses_.shared_add(1); }
  /// Released packets that were used, as far as it was found.
  std::uint64_t misuses() const { return misuses_.get(); }

 private:
  Segment* fill(void* segment, void* room);
  Segment* take_segment(PacketFault& fault);

  PacketStore& store_;
  const PacketPoolOptions options_;
  Counter misuses_;
};

PacketFault packet_fault(FixedFault fault);

/// kNone for a packet that is out. Reads what is there.
[[gnu::always_inline]] inline PacketFault fault_of(const Segment& packet) {
  if (packet.state == SegmentState::kLive) [[likely]]
    return PacketFault::kNone;
  const bool was_one = packet.state == SegmentState::kReleased ||
                       packet.state == SegmentState::kLinked ||
                       packet.state == SegmentState::kLeaving;
  return was_one ? PacketFault::kReleased : PacketFault::kNoPacket;
}

/// Gives packets back with all their segments, each to its own pool, which may end with it.
/// fault_of() each is kNone.
void release_packet(Segment& packet);
/// All or none. `bad` is the place of the first that is no packet, or is there twice.
PacketFault release_packets(Segment* const* packets, std::size_t count, std::size_t& bad);

}  // namespace superslab

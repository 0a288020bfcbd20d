// Packet pools of a program: a PacketPool whose segments and rooms are objects of two fixed pools,
// so that each thread has magazines of both.
#pragma once

#include <string_view>

#include "malloc/program_kinds.h"
#include "malloc/program_pools.h"
#include "pools/packet/packet_pool.h"

namespace superslab {

class ProgramPackets final : public ProgramKind, private PacketStore {
 public:
  struct Made {
    ProgramPackets* pool = nullptr;
    FixedFault fault = FixedFault::kNone;  // kLimit: there are too many pools
  };
  /// PacketPool::can_be() holds of `options`; of `rooms` the number of bytes is not read.
  static Made make(const PacketPoolOptions& options, const FixedPoolOptions& rooms,
                   std::string_view name);

  /// With SUPERSLAB_CHECK: as ProgramKind::check().
  static void check(const char* function, const ProgramKind* pool) {
    ProgramKind::check(function, pool, Kind::kPackets);
  }

  /// A packet that is not out was used: the pool that it is of counts it, if there is one.
  static void count_misuse_of(const Segment* packet);

  /// No other thread is in a call for this pool. Returns how many segments are out: without any the
  /// pool has ended.
  std::size_t close();

  /// Gives back what is idle, and what the calling thread caches.
  ByteCount trim() { return segments_->trim() + rooms_->trim(); }

  PacketPool& packets() { return packets_; }
  const PacketPool& packets() const { return packets_; }
  const FixedPool& rooms() const { return rooms_->fixed(); }
  const FixedPool& segments() const { return segments_->fixed(); }

 private:
  friend class Metadata;
  ProgramPackets(const PacketPoolOptions& options, ProgramPool* segments, ProgramPool* rooms)
      : ProgramKind(Kind::kPackets), packets_(options, *this), segments_(segments), rooms_(rooms) {}
  ~ProgramPackets() = default;

  FixedFault take_segments(void** out, std::size_t count) override;
  FixedFault take_rooms(void** out, std::size_t count) override;
  void give(void* const* segments, std::size_t segment_count, void* const* rooms,
            std::size_t room_count) override;

  bool is_done() const override {
    return rooms().is_closed() && rooms().is_empty() && segments().is_empty();
  }
  void end() override;

  PacketPool packets_;
  ProgramPool* const segments_;
  ProgramPool* const rooms_;
};

}  // namespace superslab

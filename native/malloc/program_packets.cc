#include "malloc/program_packets.h"

namespace superslab {
namespace {

void end_part(ProgramPool* part) {
  if (part == nullptr) return;
  part->close();
  part->unpin();
}

/// From the thread's magazine, where it has as many.
[[gnu::always_inline]] inline FixedFault take(ProgramPool& part, void** out, std::size_t count) {
  if (part.own_magazine().pop_bulk(out, count)) [[likely]]
    return FixedFault::kNone;
  if (count != 1) return part.get_bulk(out, count);
  // For more than one: so many more are fetched.
  FixedFault fault;
  *out = part.get(fault);
  return *out == nullptr ? fault : FixedFault::kNone;
}

[[gnu::always_inline]] inline void put(ProgramPool& part, void* const* objects, std::size_t count) {
  if (count != 0 && !part.own_magazine().push_bulk(objects, count)) [[unlikely]]
    part.put_bulk(objects, count);
}

}  // namespace

ProgramPackets::Made ProgramPackets::make(const PacketPoolOptions& options,
                                          const FixedPoolOptions& rooms, std::string_view name) {
  FixedPoolOptions own = rooms;
  own.object_bytes = PacketPool::room_bytes(options);
  own.alignment = alignof(Segment);
  FixedPoolOptions segments = rooms;
  segments.object_bytes = sizeof(Segment);
  segments.alignment = alignof(Segment);
  segments.max = 0;  // clones are as many as there is memory for
  const ProgramPool::Made first = ProgramPool::make(own, name, ProgramPool::Role::kPart);
  if (first.pool == nullptr) return {nullptr, first.fault};
  const ProgramPool::Made second = ProgramPool::make(segments, name, ProgramPool::Role::kPart);
  ProcessHeap& process = *ProcessHeap::get();
  Space& space = process.space();
  ProgramPackets* pool = nullptr;
  if (second.pool != nullptr)
    pool = space.metadata().make<ProgramPackets>(space.os(), options, second.pool, first.pool);
  if (pool == nullptr) {
    end_part(first.pool);
    end_part(second.pool);
    return {nullptr, second.pool == nullptr ? second.fault : FixedFault::kNoMemory};
  }
  pool->enter(process);
  return {pool, FixedFault::kNone};
}

void ProgramPackets::count_misuse_of(const Segment* packet) {
  for_each([&](ProgramKind& one) {
    if (one.kind() != Kind::kPackets) return;
    auto& pool = static_cast<ProgramPackets&>(one);
    if (pool.segments().owns(packet)) pool.packets_.count_misuse();
  });
}

std::size_t ProgramPackets::close() {
  pin();
  rooms_->close();
  const std::size_t out = segments_->close();
  unpin();
  return out;
}

void ProgramPackets::end() {
  segments_->unpin();
  rooms_->unpin();
  ProcessHeap::get()->space().metadata().destroy(this);
}

FixedFault ProgramPackets::take_segments(void** out, std::size_t count) {
  return take(*segments_, out, count);
}

FixedFault ProgramPackets::take_rooms(void** out, std::size_t count) {
  return take(*rooms_, out, count);
}

void ProgramPackets::give(void* const* segments, std::size_t segment_count, void* const* rooms,
                          std::size_t room_count) {
  const bool may_end = rooms_->fixed().is_closed();
  if (may_end) [[unlikely]]
    pin();
  put(*rooms_, rooms, room_count);
  put(*segments_, segments, segment_count);
  if (may_end) [[unlikely]]
    unpin();
}

}  // namespace superslab

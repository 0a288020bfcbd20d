// A generational pool as statistics and checks see it.
#include <cstring>

#include "pools/generational/generational_pool.h"

namespace superslab {

GenerationalPool::Figures GenerationalPool::figures(Generation generation) const {
  Figures sum{};
  const auto add = [&](const ChunkList& list, Generation wanted) {
    for (const Chunk* chunk = list.first(); chunk != nullptr; chunk = chunk->next) {
      const Generation here =
          chunk->generation == Generation::kLeaving ? chunk->origin : chunk->generation;
      if (here != wanted) continue;
      sum.values += chunk->live_values;
      sum.bytes += chunk->live_bytes;
      sum.held += chunk->capacity;
    }
  };
  add(store_.list(generation), generation);
  add(store_.list(Generation::kLeaving), generation);
  return sum;
}

void GenerationalPool::stats(const FaultCounts& faults, PoolFigures& out) const {
  out.closed = is_closed();
  std::memcpy(out.name, name().data(), name().size());
  out.heap = heap_.stats(faults);
  heap_.class_stats(out.classes);
}

bool GenerationalPool::is_sound(const Slot& slot) const {
  const Chunk* const chunk = slot.chunk;
  return chunk != nullptr && slot.at >= chunk->memory &&
         slot.at + footprint(slot.length) <= chunk->at;
}

PoolFault GenerationalPool::check() const {
  if (!heap_.is_whole()) return PoolFault::kHeap;
  ByteCount bytes = 0;
  std::size_t values = 0;
  const bool slots_are_good = slots_.is_valid([&](const Slot& slot) {
    ++values;
    bytes += footprint(slot.length);
    return is_sound(slot);
  });
  if (!slots_are_good || values != values_.get() || bytes != live_bytes_.get())
    return PoolFault::kMagazine;
  for (std::size_t g = 0; g < kGenerations; ++g) {
    for (const Chunk* chunk = store_.list(static_cast<Generation>(g)).first(); chunk != nullptr;
         chunk = chunk->next) {
      ByteCount live = 0;
      std::uint32_t count = 0;
      std::uint32_t pinned = 0;
      // A slot may be noted twice, when it was used again here.
      const std::byte* behind = chunk->at;
      for (const std::uint32_t* log = chunk->log; log != chunk->log_end(); ++log) {
        const Slot* const slot = slots_.at(*log);
        if (slot == nullptr || slot->chunk != chunk || slot->at >= behind) continue;
        behind = slot->at;
        live += footprint(slot->length);
        ++count;
        pinned += slot->pins != 0;
      }
      if (live != chunk->live_bytes || count != chunk->live_values || pinned != chunk->pinned ||
          chunk->used() > chunk->capacity)
        return PoolFault::kDepth;
    }
  }
  return PoolFault::kNone;
}

}  // namespace superslab

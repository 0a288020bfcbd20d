#include "pools/generational/collector.h"

#include <algorithm>
#include <cstring>

namespace superslab {
namespace {

/// Values that are looked at between two looks at the clock; of large ones fewer.
constexpr std::uint32_t kBatchValues = 64;
constexpr ByteCount kBatchBytes = 64 * kKiB;
/// Values between two calls of a callback.
constexpr std::size_t kProgressValues = 4096;
/// Slots that are fetched ahead: they lie anywhere.
constexpr std::uint32_t kAhead = 8;
/// Old and permanent chunks are compacted while more is free in them than this part of what lives.
constexpr ByteCount kMostFree = 6;
/// How full a chunk is, in steps, of which the last is left alone.
constexpr std::size_t kFillSteps = 16;

std::size_t fill_of(const Chunk& chunk) {
  return std::min(chunk.live_bytes * kFillSteps / chunk.capacity, kFillSteps - 1);
}

}  // namespace

bool Collector::step(Nanos end, CollectProgress progress, void* context) {
  if (!is_under_way_) begin();
  ChunkList& leaving = store_.list(Generation::kLeaving);
  while (leaving.first() != nullptr) {
    batch(*leaving.first());
    if (progress != nullptr && done_ - told_ >= kProgressValues) {
      told_ = done_;
      progress(std::min(done_, count_), count_, context);
    }
    if (leaving.first() != nullptr && clock_.now() >= end) return false;
  }
  complete();
  if (progress != nullptr) progress(count_, count_, context);
  return true;
}

void Collector::begin() {
  is_under_way_ = true;
  done_ = told_ = count_ = 0;
  young_bytes_ = young_survived_ = 0;
  // What is put from now on is not part of it.
  store_.leave_current(Generation::kYoung);
  while (Chunk* const chunk = store_.list(Generation::kYoung).first()) {
    young_bytes_ += chunk->used();
    store_.turn(*chunk, Generation::kLeaving);
  }
  add_victims(Generation::kOld);
  add_victims(Generation::kPermanent);
  for (Chunk* chunk = store_.list(Generation::kLeaving).first(); chunk != nullptr;
       chunk = chunk->next) {
    chunk->scanned = 0;
    count_ += chunk->logged();
  }
}

/// The emptiest chunks of a generation, until enough would be free.
void Collector::add_victims(Generation generation) {
  const auto may_go = [&](const Chunk& chunk) {
    return !chunk.is_own && chunk.pinned == 0 && !store_.is_current(chunk);
  };
  ByteCount live = 0;
  ByteCount free = 0;
  ByteCount gain[kFillSteps] = {};
  for (const Chunk* chunk = store_.list(generation).first(); chunk != nullptr;
       chunk = chunk->next) {
    if (chunk->is_own || store_.is_current(*chunk)) continue;
    live += chunk->live_bytes;
    free += chunk->capacity - chunk->live_bytes;
    if (may_go(*chunk)) gain[fill_of(*chunk)] += chunk->capacity - chunk->live_bytes;
  }
  const ByteCount most = live / kMostFree;
  for (std::size_t fill = 0; fill < kFillSteps - 1 && free > most; ++fill) {
    if (gain[fill] == 0) continue;
    Chunk* following;
    for (Chunk* chunk = store_.list(generation).first(); chunk != nullptr && free > most;
         chunk = following) {
      following = chunk->next;
      if (!may_go(*chunk) || fill_of(*chunk) != fill) continue;
      free -= chunk->capacity - chunk->live_bytes;
      store_.turn(*chunk, Generation::kLeaving);
    }
  }
}

/// Looks at some values of a chunk. When it has seen all of them, the chunk goes back, or becomes
/// old where it is.
void Collector::batch(Chunk& chunk) {
  const std::uint32_t logged = chunk.logged();
  const std::uint32_t last = std::min(logged, chunk.scanned + kBatchValues);
  const std::uint32_t* const log = chunk.log_end() - 1;  // downwards
  ByteCount bytes = 0;
  while (chunk.scanned < last && bytes < kBatchBytes && chunk.live_values != 0) {
    if (chunk.scanned + kAhead < last)
      __builtin_prefetch(slots_.at(*(log - chunk.scanned - kAhead)));
    Slot* const slot = slots_.at(*(log - chunk.scanned));
    if (slot != nullptr && slot->chunk == &chunk && slot->pins == 0) {
      // Where nothing can be moved to, the rest of the chunk stays as it is.
      if (!move(*slot, chunk)) {
        leave(chunk);
        return;
      }
      bytes += slot->length;
    }
    ++chunk.scanned;
    ++done_;
  }
  if (chunk.live_values == 0) {
    done_ += logged - chunk.scanned;
    store_.retire(chunk);
  } else if (chunk.scanned == logged) {
    leave(chunk);
  }
}

/// What cannot be moved stays where it is; of young it is old then.
void Collector::leave(Chunk& chunk) {
  done_ += chunk.logged() - chunk.scanned;
  const Generation home = chunk.origin == Generation::kYoung ? Generation::kOld : chunk.origin;
  store_.turn(chunk, home);
}

bool Collector::move(Slot& slot, Chunk& chunk) {
  const ByteCount size = footprint(slot.length);
  const std::uint32_t age = std::min(slot.age + 1u, 255u);
  Chunk* const target = target_for(chunk, age, size);
  if (target == nullptr) return false;
  std::memcpy(target->at, slot.at, size);
  slot.at = target->at;
  slot.chunk = target;
  slot.age = static_cast<std::uint8_t>(age);
  *--target->log = slot.number;
  target->at += size;
  target->live_bytes += size;
  ++target->live_values;
  chunk.live_bytes -= size;
  --chunk.live_values;
  moved_values_.add(1);
  if (chunk.origin == Generation::kYoung) {
    young_survived_ += size;
    if (target->generation != Generation::kYoung) promoted_bytes_.add(size);
  }
  return true;
}

/// A chunk with room for a value; nullptr when there can be no more.
Chunk* Collector::target_for(const Chunk& chunk, std::uint32_t age, ByteCount bytes) {
  Generation generation = chunk.origin;
  if (generation == Generation::kYoung && age >= promotion_.young_to_old &&
      has_room(Generation::kOld, bytes))
    generation = Generation::kOld;
  Chunk* const current = store_.current(generation);
  if (current != nullptr && current->has_room(bytes)) [[likely]]
    return current;
  return store_.add(generation);
}

bool Collector::has_room(Generation generation, ByteCount bytes) const {
  const Chunk* const current = store_.current(generation);
  if (current != nullptr && current->has_room(bytes)) return true;
  return limits_.old == 0 || store_.held(generation) + store_.chunk_bytes() <= limits_.old;
}

/// Full old chunks of which enough has survived long enough become permanent where they are.
void Collector::complete() {
  Chunk* following;
  for (Chunk* chunk = store_.list(Generation::kOld).first(); chunk != nullptr; chunk = following) {
    following = chunk->next;
    if (store_.is_current(*chunk)) continue;
    ++chunk->age;
    if (chunk->age < promotion_.old_to_permanent) continue;
    if (static_cast<double>(chunk->live_bytes) <
        promotion_.survival * static_cast<double>(chunk->capacity))
      continue;
    if (limits_.permanent == 0 ||
        store_.held(Generation::kPermanent) + chunk->capacity <= limits_.permanent)
      store_.turn(*chunk, Generation::kPermanent);
  }
  survival_ = young_bytes_ == 0
                  ? 0
                  : static_cast<double>(young_survived_) / static_cast<double>(young_bytes_);
  collections_.add(1);
  is_under_way_ = false;
}

}  // namespace superslab

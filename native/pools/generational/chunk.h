// Memory in which values lie one after the other. Behind them, from the end on downwards, lie the
// numbers of the slots of what was put in it, in that order: a collection reads those, not the
// values.
#pragma once

#include <cstdint>

#include "pools/generational/slot.h"

namespace superslab {

enum class Generation : std::uint8_t { kYoung, kOld, kPermanent, kScope, kLeaving };
constexpr std::size_t kGenerations = 5;

/// Values begin at multiples of it.
constexpr ByteCount kValueAlignment = 8;

constexpr ByteCount footprint(ByteCount bytes) {
  return bytes == 0 ? kValueAlignment : (bytes + kValueAlignment - 1) & ~(kValueAlignment - 1);
}

/// Invariant: memory <= at <= log <= memory + capacity. Its live values are those of its log whose
/// slot still names this chunk.
struct Chunk {
  Chunk* next;
  Chunk* prev;
  std::byte* memory;
  ByteCount capacity;
  std::byte* at;       // where the next value goes
  std::uint32_t* log;  // the last slot that was noted
  ByteCount live_bytes;
  std::uint32_t live_values;
  std::uint32_t pinned;   // values that must not move
  std::uint32_t age;      // collections since it was filled
  std::uint32_t scanned;  // of its log, by the collection that it is leaving for
  Generation generation;
  Generation origin;  // of one that is leaving: where it was
  bool is_own;        // of one large value

  std::uint32_t* log_end() const { return reinterpret_cast<std::uint32_t*>(memory + capacity); }
  std::uint32_t logged() const { return static_cast<std::uint32_t>(log_end() - log); }
  ByteCount used() const { return static_cast<ByteCount>(at - memory); }
  bool has_room(ByteCount bytes) const {
    const auto room = static_cast<ByteCount>(reinterpret_cast<std::byte*>(log) - at);
    return bytes + sizeof *log <= room;
  }
  void reset() {
    at = memory;
    log = log_end();
  }
};

/// Chunks of one generation, the newest first.
class ChunkList {
 public:
  Chunk* first() const { return first_; }
  void add(Chunk& chunk) {
    chunk.next = first_;
    chunk.prev = nullptr;
    if (first_ != nullptr) first_->prev = &chunk;
    first_ = &chunk;
  }
  void remove(Chunk& chunk) {
    (chunk.prev == nullptr ? first_ : chunk.prev->next) = chunk.next;
    if (chunk.next != nullptr) chunk.next->prev = chunk.prev;
  }

 private:
  Chunk* first_ = nullptr;
};

}  // namespace superslab

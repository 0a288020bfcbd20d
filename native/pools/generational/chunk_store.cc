#include "pools/generational/chunk_store.h"

#include <cassert>

namespace superslab {

Chunk* ChunkStore::make(ByteCount bytes, Generation generation) {
  Space& space = memory_.heap().space();
  std::byte* const block = memory_.take(bytes);
  if (block == nullptr) return nullptr;
  Chunk* const chunk = space.metadata().make<Chunk>(space.os());
  if (chunk == nullptr) {
    memory_.give(block, bytes);
    return nullptr;
  }
  *chunk = {.next = nullptr,
            .prev = nullptr,
            .memory = block,
            .capacity = bytes,
            .at = block,
            .log = reinterpret_cast<std::uint32_t*>(block + bytes),
            .live_bytes = 0,
            .live_values = 0,
            .pinned = 0,
            .age = 0,
            .scanned = 0,
            .generation = generation,
            .origin = generation,
            .is_own = false};
  held_[to_place(generation)].add(bytes);
  return chunk;
}

void ChunkStore::end(Chunk* chunk) {
  held_[to_place(chunk->generation)].set(held(chunk->generation) - chunk->capacity);
  memory_.give(chunk->memory, chunk->capacity);
  memory_.heap().space().metadata().destroy(chunk);
}

Chunk* ChunkStore::add(Generation generation) {
  Chunk* const chunk = make(chunk_bytes_, generation);
  if (chunk == nullptr) return nullptr;
  // One that never had a value is nobody's: it would be found by no free.
  Chunk* const before = current(generation);
  list(generation).add(*chunk);
  current_[to_place(generation)] = chunk;
  if (before != nullptr && before->live_values == 0) retire(*before);
  return chunk;
}

Chunk* ChunkStore::add_own(ByteCount bytes) {
  Chunk* const chunk = make(bytes, Generation::kOld);
  if (chunk == nullptr) return nullptr;
  chunk->is_own = true;
  list(Generation::kOld).add(*chunk);
  return chunk;
}

void ChunkStore::retire(Chunk& chunk) {
  assert(chunk.live_values == 0 && chunk.pinned == 0);
  if (is_current(chunk)) leave_current(chunk.generation);
  list(chunk.generation).remove(chunk);
  end(&chunk);
}

void ChunkStore::emptied(Chunk& chunk) {
  if (is_current(chunk)) {
    chunk.reset();
  } else {
    retire(chunk);
  }
}

void ChunkStore::turn(Chunk& chunk, Generation generation) {
  list(chunk.generation).remove(chunk);
  held_[to_place(chunk.generation)].set(held(chunk.generation) - chunk.capacity);
  chunk.origin = chunk.generation;
  chunk.generation = generation;
  list(generation).add(chunk);
  held_[to_place(generation)].add(chunk.capacity);
}

void ChunkStore::retire_current() {
  for (Chunk* chunk : current_)
    if (chunk != nullptr && chunk->live_values == 0) retire(*chunk);
}

}  // namespace superslab

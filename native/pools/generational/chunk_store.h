// The chunks of a generational pool, by generation, and where values go.
#pragma once

#include <atomic>

#include "base/counter.h"
#include "pools/generational/chunk.h"
#include "pools/generational/value_memory.h"

namespace superslab {

class ChunkStore {
 public:
  ChunkStore(ValueMemory& memory, ByteCount chunk_bytes)
      : memory_(memory), chunk_bytes_(chunk_bytes) {}

  /// Another chunk, which is the current one of its generation; nullptr at the heap's limit or
  /// without memory.
  Chunk* add(Generation generation);
  /// One for a single value.
  Chunk* add_own(ByteCount bytes);
  /// One that is in no list, for scopes.
  Chunk* make(ByteCount bytes, Generation generation);
  void end(Chunk* chunk);

  /// The last value of a chunk has ended: current ones begin anew, others go back.
  void emptied(Chunk& chunk);
  /// Gives the memory of a chunk without values back.
  void retire(Chunk& chunk);
  /// Makes it one of another generation, where it lies.
  void turn(Chunk& chunk, Generation generation);
  /// Current chunks without values go back.
  void retire_current();

  Chunk* current(Generation g) const { return current_[to_place(g)]; }
  void leave_current(Generation g) { current_[to_place(g)] = nullptr; }
  bool is_current(const Chunk& chunk) const { return current(chunk.generation) == &chunk; }
  ChunkList& list(Generation g) { return lists_[to_place(g)]; }
  const ChunkList& list(Generation g) const { return lists_[to_place(g)]; }
  /// Bytes of all chunks of a generation. Any thread.
  ByteCount held(Generation g) const { return held_[to_place(g)].get(); }
  ByteCount chunk_bytes() const { return chunk_bytes_; }

 private:
  static std::size_t to_place(Generation g) { return static_cast<std::size_t>(g); }

  ValueMemory& memory_;
  const ByteCount chunk_bytes_;
  ChunkList lists_[kGenerations];
  Chunk* current_[kGenerations] = {};
  Counter held_[kGenerations];
};

}  // namespace superslab

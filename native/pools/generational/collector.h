// Moves values that live out of chunks in which others have ended, so that whole chunks come back.
// It looks at what was noted of the values, not at their bytes, and may be left after any of them:
// what it has to do stands in the chunks.
#pragma once

#include "base/clock.h"
#include "pools/generational/chunk_store.h"
#include "pools/generational/slot_table.h"

namespace superslab {

struct Promotion {
  std::uint32_t young_to_old = 2;      // collections that a young value survives before it is old
  std::uint32_t old_to_permanent = 8;  // collections before a full old chunk may be permanent
  double survival = 0.9;               // the share of it that must be alive then
};

/// Told now and then, and at the end, how many of the `count` values that a collection looks at it
/// has seen.
using CollectProgress = void (*)(std::size_t done, std::size_t count, void* context);

class Collector {
 public:
  struct Limits {
    ByteCount old;  // 0: none
    ByteCount permanent;
  };
  Collector(ChunkStore& store, SlotTable& slots, const Promotion& promotion, const Limits& limits,
            const Clock& clock)
      : store_(store), slots_(slots), promotion_(promotion), limits_(limits), clock_(clock) {}

  /// Goes on with the collection, or begins one, until `end` or until it is complete: whether it
  /// is.
  bool step(Nanos end, CollectProgress progress, void* context);

  // Any thread ----------------------------------------------------------------------------------

  std::uint64_t collections() const { return collections_.get(); }
  std::uint64_t moved_values() const { return moved_values_.get(); }
  ByteCount promoted_bytes() const { return promoted_bytes_.get(); }

  /// The share of young bytes that survived the last collection.
  double survival() const { return survival_; }

 private:
  void begin();
  void add_victims(Generation generation);
  void batch(Chunk& chunk);
  /// Whether the value is somewhere else now.
  bool move(Slot& slot, Chunk& chunk);
  Chunk* target_for(const Chunk& chunk, std::uint32_t age, ByteCount bytes);
  bool has_room(Generation generation, ByteCount bytes) const;
  void leave(Chunk& chunk);
  void complete();

  ChunkStore& store_;
  SlotTable& slots_;
  const Promotion promotion_;
  const Limits limits_;
  const Clock& clock_;
  bool is_under_way_ = false;
  std::size_t done_ = 0;
  std::size_t count_ = 0;
  std::size_t told_ = 0;
  ByteCount young_bytes_ = 0;
  ByteCount young_survived_ = 0;
  double survival_ = 0;
  Counter collections_;
  Counter moved_values_;
  Counter promoted_bytes_;
};

}  // namespace superslab

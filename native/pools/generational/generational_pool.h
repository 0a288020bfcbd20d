// A pool of values that are named by handles, because they move. Values are put one after the other
// into young memory, which a collection empties: what survives as often as the options say moves to
// old memory, which is compacted, and then becomes permanent. The values of scopes end together.
//
// The young generation is that of D. Ungar, "Generation Scavenging" (1984), but of values that the
// program ends by itself: nothing looks for references. docs/pools/GENERATIONAL.md has the rules.
//
// One thread at a time uses a pool; figures may be read by any.
#pragma once

#include <atomic>
#include <cstdint>

#include "pools/generational/collector.h"
#include "pools/generational/scope_stack.h"
#include "pools/generational/slot_table.h"
#include "pools/pool.h"

namespace superslab {

struct GenerationalOptions {
  ByteCount young = 16 * kMiB;  // between two collections
  ByteCount old = 0;            // most; 0: no limit
  ByteCount permanent = 0;
  ByteCount max_bytes = 0;  // of everything
  Promotion promotion = {};
};

/// Why nothing was done.
enum class ValueFault : std::uint8_t {
  kNone,
  kNoMemory,
  kLimit,
  kStale,
  kPinned,  // what is pinned cannot end
  kScoped,  // what ends with its scope cannot be pinned
  kNotPinned,
  kTooLarge,
  kNoScope,  // none is open
  kBusy,     // from the callback of a collection
};

class GenerationalPool final : public Pool {
 public:
  static constexpr ByteCount kMinYoung = 256 * kKiB;
  static constexpr ByteCount kMaxBytes = ByteCount{1} << 40;
  static constexpr ByteCount kMaxValueBytes = kGiB;
  /// Whether there can be such a pool.
  static bool can_be(const GenerationalOptions& options);

  /// `space`, the clocks and `window`, where scopes put, outlive the pool; can_be() holds.
  /// `stopwatch` is for budgets. `seed`: handles begin with it.
  GenerationalPool(Space& space, const Clock& clock, const Clock& stopwatch, const Policy& policy,
                   const GenerationalOptions& options, ScopeWindow& window, std::uint32_t seed,
                   std::string_view name);
  /// Closed, or never opened.
  ~GenerationalPool() override;

  /// Before anything else. False without memory.
  bool open() { return memory_.open(); }

  // For the thread that uses it -----------------------------------------------------------------

  /// Where the bytes of a new value go, and its handle; nullptr, and why.
  std::byte* allocate(ByteCount bytes, ValueHandle& handle, ValueFault& fault);
  /// The same in the innermost scope.
  std::byte* allocate_scoped(ByteCount bytes, ValueHandle& handle, ValueFault& fault);

  /// The slot of a value that is there; nullptr for a stale handle.
  [[gnu::always_inline]] const Slot* find(ValueHandle handle) const {
    return (slot_of(handle) & kScoped) == 0 ? slots_.find(handle) : scopes_.find(window_, handle);
  }
  ValueFault free(ValueHandle handle);
  ValueFault pin(ValueHandle handle);
  ValueFault unpin(ValueHandle handle);
  /// A copy in young of a value of a scope, which has survived as much as a collection; any other
  /// handle as it is.
  ValueHandle promote(ValueHandle handle, ValueFault& fault);

  /// 0 where too many are open.
  ScopeId begin_scope() { return scopes_.begin(window_); }
  bool end_scope(ScopeId id) { return scopes_.end(window_, id); }
  bool is_collecting() const { return is_collecting_; }

  /// Goes on with the collection, or begins one, for about `budget` ns. Whether it is complete.
  bool collect(Nanos budget, CollectProgress progress, void* context, ValueFault& fault);

  struct Figures {
    std::size_t values;
    ByteCount bytes;  // live
    ByteCount held;   // chunks
  };
  /// Young ones are those that leave, too.
  Figures figures(Generation generation) const;
  std::uint32_t scoped_values() const { return scopes_.values(window_); }
  const Collector& collector() const { return collector_; }

  // As a Pool ---------------------------------------------------------------------------------

  Heap& heap() override { return heap_; }
  using Pool::heap;
  void stats(const FaultCounts& faults, PoolFigures& out) const override;
  /// The thread that uses it.
  PoolFault check() const override;
  /// The thread that uses it: what is idle goes back.
  ByteCount trim(ByteCount target) override;
  /// Ends all values.
  void close() override;

  // Any thread ----------------------------------------------------------------------------------

  const GenerationalOptions& options() const { return options_; }
  ByteCount chunk_bytes() const { return store_.chunk_bytes(); }
  /// The largest value that lies in a chunk with others.
  ByteCount max_shared() const { return chunk_bytes() / 8; }
  ByteCount held(Generation g) const { return store_.held(g); }
  /// Values that live until they are freed, and their bytes.
  std::uint64_t values() const { return values_.get(); }
  ByteCount live_bytes() const { return live_bytes_.get(); }
  /// Values that went to old at once.
  std::uint64_t pretenured() const { return pretenured_.get(); }
  void count_stale() { stale_.add(1); }
  std::uint64_t stale() const { return stale_.get(); }

 private:
  static HeapSnapshot policy_for(const Policy& policy, const GenerationalOptions& options);
  static ByteCount chunk_for(ByteCount young);
  Chunk* chunk_for_value(ByteCount bytes, ValueFault& fault);
  bool is_over(Generation g, ByteCount bytes) const;
  ValueFault why_none(ByteCount bytes) const;
  std::byte* put(Chunk& chunk, Slot& slot, ByteCount bytes);
  bool is_sound(const Slot& slot) const;

  ScopeWindow& window_;
  const Clock& stopwatch_;
  const GenerationalOptions options_;
  Heap heap_;
  ValueMemory memory_{heap_};
  ChunkStore store_;
  SlotTable slots_;
  ScopeStack scopes_;
  Counter values_;
  Counter live_bytes_;
  Counter pretenured_;
  Counter stale_;
  Collector collector_;
  bool is_collecting_ = false;
};

}  // namespace superslab

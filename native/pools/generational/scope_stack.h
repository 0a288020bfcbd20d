// The values of scopes: a stack of chunks and a stack of slots, which the end of a scope sets back
// to where it began. A slot at or above the top is stale, and its next handle is another.
#pragma once

#include "pools/generational/chunk_store.h"
#include "pools/generational/slot_pages.h"

namespace superslab {

/// Where the next value of a scope goes. Programs know this layout: superslab.h puts values in
/// their own code. All zero it has room for none, so that every put takes the slow path.
struct ScopeWindow {
  std::byte* at = nullptr;
  std::byte* end = nullptr;
  Slot* slot = nullptr;
  Slot* slot_end = nullptr;
};

/// Names a scope that is open: how deep it is, and which of those that were so deep. 0 is none.
using ScopeId = std::uint64_t;

class ScopeStack {
 public:
  static constexpr std::uint32_t kMaxDepth = 128;

  ScopeStack(ChunkStore& store, ValueMemory& memory, std::uint32_t generation)
      : store_(store), slots_(memory, kScoped, generation) {}

  /// 0 where kMaxDepth are open.
  ScopeId begin(ScopeWindow& window);
  /// Ends a scope, and those that were begun within it. False for one that is not open.
  bool end(ScopeWindow& window, ScopeId id);

  bool is_open() const { return depth_ != 0; }

  /// Room for a value of so many bytes in a row, while a scope is open; false at a limit or without
  /// memory.
  bool make_room(ScopeWindow& window, ByteCount bytes);

  /// The slot of a value that is there; nullptr for a stale handle.
  Slot* find(const ScopeWindow& window, ValueHandle handle) const;

  /// Gives back what no open scope has.
  void trim(const ScopeWindow& window);
  /// Gives back everything.
  void close();

  std::uint32_t values(const ScopeWindow& window) const { return top(window); }

 private:
  struct Mark {
    std::uint64_t serial;
    Chunk* chunk;
    std::byte* at;
    std::uint32_t top;
  };

  std::uint32_t top(const ScopeWindow& window) const {
    return slot_page_ << SlotPages::kPageShift |
           (window.slot == nullptr
                ? 0
                : static_cast<std::uint32_t>(window.slot - slots_.page(slot_page_).slots));
  }
  void note_base();
  void go_to(ScopeWindow& window, Chunk* chunk, std::byte* at);
  bool next_chunk(ScopeWindow& window, ByteCount bytes);
  bool next_slots(ScopeWindow& window);
  void go_to_slot(ScopeWindow& window, std::uint32_t number);

  ChunkStore& store_;
  SlotPages slots_;
  Chunk* first_ = nullptr;    // by Chunk::next
  Chunk* current_ = nullptr;  // of first_ and its followers; nullptr: none is begun
  ScopeWindow base_;
  std::uint32_t slot_page_ = 0;
  std::uint32_t depth_ = 0;
  std::uint64_t serials_ = 0;
  Mark marks_[kMaxDepth];
};

}  // namespace superslab

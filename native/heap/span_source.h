// The superslabs of a heap: spans of them taken from the space and given back.
#pragma once

#include <atomic>

#include "heap/heap_core.h"
#include "heap/memory_account.h"

namespace superslab {

/// What a heap wants of a span beside its length.
struct SpanWish {
  ByteCount bytes;  // from its start on that are committed
  HugePages pages = HugePages::kOff;
  NodePlacement node_placement = {};
  NodeOrdinal home_node = 0;               // see Superslab
  std::uint32_t unit = 1;                  // it starts at a multiple of so many superslabs
  ByteCount tail_bytes = kSuperslabBytes;  // see Backing
};

class SpanSource {
 public:
  /// Who gives idle superslabs back when the heap is short of memory or of addresses.
  class IdleSpans {
   public:
    /// Gives every idle superslab of the heap back. Under the heap's lock.
    virtual void give_back_idle_spans() = 0;

   protected:
    ~IdleSpans() = default;
  };

  /// `heap` is who the superslabs belong to from then on: see Superslab::heap.
  SpanSource(HeapCore& core, MemoryAccount& account, void* heap, IdleSpans& idle);
  SpanSource(const SpanSource&) = delete;
  SpanSource& operator=(const SpanSource&) = delete;

  /// `count` superslabs in a row. Before it is refused it has gives what is idle back. Under the
  /// heap's lock, as what follows unless it says otherwise.
  TakenSpan take(std::uint32_t count, const SpanWish& wish);

  /// The same of superslabs that hold memory and lie idle in the space, without a look for others.
  TakenSpan take_idle(std::uint32_t count, const SpanWish& wish);

  /// A superslab that was out of the heap's hands for a purge is the heap's again.
  void claim(Superslab* s) { s->heap = heap_; }

  /// Gives a span back whose memory is gone already.
  void give(Superslab* head);

  /// Gives a span back of which `bytes` may hold memory, `committed` of them by the account.
  void scrub_and_give(Superslab* head, ByteCount bytes, ByteCount committed);

  /// Gives a span to the space with its memory, for whoever needs superslabs next.
  void give_with_memory(Superslab* head, Nanos idle_since);

  /// Purges a range of one superslab's span; false when its memory stays. Any thread, with or
  /// without the lock.
  bool purge(const Superslab& s, const OsRange& range);

  /// Makes the first `bytes` of a span read as zero, whatever it takes. As purge().
  void scrub(const Superslab& s, ByteCount bytes);

  /// What the operating system refused so far of the secrecy that the policy asks for.
  Secrecy refused_secrecy() const { return refused_secrecy_.load(std::memory_order_relaxed); }

 private:
  Backing backing_for(const SpanWish& wish) const;
  void note_taken(const TakenSpan& taken, std::uint32_t count, const SpanWish& wish);
  void note_refused(Secrecy what);

  HeapCore& core_;
  MemoryAccount& account_;
  void* const heap_;
  IdleSpans& idle_;
  std::atomic<Secrecy> refused_secrecy_{Secrecy::kNone};
};

}  // namespace superslab

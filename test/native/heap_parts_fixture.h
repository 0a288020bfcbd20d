// The parts of a heap without the heap, for tests of one of them.
#pragma once

#include "heap/huge_blocks.h"
#include "heap/purger.h"
#include "heap/slab_owners.h"
#include "heap/slab_source.h"
#include "heap_fixture.h"

namespace superslab_test {

/// On a fake operating system, at a clock that the test moves. Blocks must be home at the end.
class HeapParts {
  struct Idle final : superslab::SpanSource::IdleSpans {
    void give_back_idle_spans() override {}
  };

 public:
  explicit HeapParts(superslab::Access access, const superslab::Policy& policy = plain_policy())
      : core(*world.space, clock, policy, {.access = access}) {
    clock.advance(1000 * superslab::kMillisecond);
  }
  ~HeapParts() {
    owners.end();
    superslab::HeapLock guard(core.lock);
    huge.give_back_cached();
    slabs.give_back_all();
  }
  HeapParts(const HeapParts&) = delete;
  HeapParts& operator=(const HeapParts&) = delete;

  bool is_valid() {
    superslab::HeapLock guard(core.lock);
    return slabs.is_valid() && huge.is_valid() && owners.is_valid();
  }
  void pass(std::uint64_t ms) { clock.advance(ms * superslab::kMillisecond); }

  TestSpace world{kTestArenas};
  superslab::ManualClock clock;
  superslab::HeapCore core;
  superslab::MemoryAccount account{core};

 private:
  Idle idle_;

 public:
  superslab::SpanSource spans{core, account, this, idle_};
  superslab::SlabOwners owners{core};
  superslab::SlabSource slabs{core, account, spans, owners};
  superslab::HugeBlocks huge{core, account, spans, owners, slabs};
  superslab::Purger purger{core, account, spans, owners, slabs, huge};
};

}  // namespace superslab_test

// Memory that is populated ahead of demand, as free slices that serve any class.
#include <bit>
#include <cassert>

#include "heap/slab_source.h"

namespace superslab {

/// Of the superslab that has some and is as full as any; of a fresh one when none has.
SlabSource::Clean SlabSource::take_clean_slices() {
  if (core_.shape.has_nodes) return {};  // nobody knows which node will want it
  Superslab* found = nullptr;
  shelf_.for_each([&](Superslab* s) {
    if (found == nullptr && (s->free_slices & ~s->dirty_slices) != 0) found = s;
  });
  if (found == nullptr) found = fresh_superslab(wish_for(ClassIndex{kFirstLargeClass}, kNoNode));
  if (found == nullptr) return {};
  const SliceMask clean = found->free_slices & ~found->dirty_slices;
  shelf_.remove(found);
  found->free_slices &= ~clean;
  found->zero_slices &= ~clean;
  shelf_.insert(found);
  return {found, clean};
}

void SlabSource::give_dirty_slices(const Clean& taken) {
  Superslab* s = taken.superslab;
  assert((s->free_slices & taken.slices) == 0);
  const auto bytes = static_cast<std::int64_t>(bytes_of(taken.slices));
  account_.change_committed(bytes);
  account_.change_free(bytes);
  shelf_.remove(s);
  s->free_slices |= taken.slices;
  s->dirty_slices |= taken.slices;
  s->idle_since = core_.clock.now();
  shelf_.insert(s);
}

ByteCount SlabSource::expand(ByteCount bytes) {
  const ByteCount before = account_.free_bytes();
  Os& os = core_.space.os();
  while (account_.free_bytes() < bytes) {
    Clean taken;
    {
      HeapLock guard(core_.lock);
      taken = take_clean_slices();
      if (taken.superslab == nullptr) break;
    }
    for (SliceMask rest = taken.slices; rest != 0;) {
      const auto first = static_cast<unsigned>(std::countr_zero(rest));
      const auto length = static_cast<unsigned>(std::countr_one(rest >> first));
      os.populate(taken.superslab->base + first * kSliceBytes, length * kSliceBytes);
      core_.counters.populates.shared_add(1);
      rest &= ~slice_range(first, length);
    }
    // A fresh superslab may hold memory already: a huge page.
    if (taken.slices == 0) continue;
    HeapLock guard(core_.lock);
    give_dirty_slices(taken);
  }
  const ByteCount after = account_.free_bytes();
  return after > before ? after - before : 0;
}

}  // namespace superslab

#include "heap/block_number.h"

#include "base/secure_zero.h"
#include "heap/heap.h"
#include "heap/slab_owner.h"

namespace superslab {

ByteCount capacity_of(const Space& space, BlockNumber n) {
  const Superslab& s = space.superslab(superslab_of(n));
  if (is_large(space, n)) return s.large_bytes;
  return space.slab_of(address_of_number(space, n))->block_bytes;
}

void send_home(const Space& space, BlockNumber n) {
  Superslab& s = space.superslab(superslab_of(n));
  auto* heap = static_cast<Heap*>(s.heap);
  // The heap may be closed and wait for this block only.
  const Heap::Visit visit(*heap);
  // Here and not in the facade: the last reference may be a token, or another pool's.
  if (zeroing_of(heap->policy()) == Zeroing::kRelease)
    secure_zero(address_of_number(space, n), capacity_of(space, n));
  if (is_large(space, n)) {
    heap->give_large(&s);
    return;
  }
  void* block = address_of_number(space, n);
  SlabOwner::give_remote(*heap, block);
}

}  // namespace superslab

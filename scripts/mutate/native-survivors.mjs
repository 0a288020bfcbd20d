// Mutants that the native tests let live, each with the reason. `isEquivalent`: it changes nothing that anybody could see,
// or only what no test should pin down; such a one is no fault, and does not count.

const glanced =
  'the map alone reads it, and all else of the entry it glances at as well: a frame may be of a moment before';

export const survivors = [
  // Memory orders.
  {
    file: 'native/heap/budget.h',
    code: 'void discharge(ByteCount bytes) { charged_.fetch_sub(bytes, std::memory_order_release); }',
    change: 'release → relaxed',
    isEquivalent: true,
    why: 'who discharges lets go of the heap later, and that releases as well',
  },
  {
    file: 'native/heap/budget.h',
    code: 'bool is_empty() const { return charged_.load(std::memory_order_acquire) == 0; }',
    change: 'acquire → relaxed',
    isEquivalent: true,
    why: 'the load of the visitors that follows acquires as well',
  },
  {
    file: 'native/base/biased_lock.cc',
    code: 'is_visited_.store(false, std::memory_order_release);',
    change: 'release → relaxed',
    isEquivalent: true,
    why: 'the child of a fork alone reads it, in the order of the program',
  },
  {
    file: 'native/base/biased_lock.cc',
    code: 'holder_.store(0, std::memory_order_release);',
    change: 'release → relaxed',
    why: 'ThreadSanitizer keeps what the exchange before it released',
  },
  {
    file: 'native/heap/heap.cc',
    code: 'visitors_.fetch_sub(1, std::memory_order_release);',
    change: 'release → relaxed',
    why: 'of a thread that got no share of the heap: nothing was done that its end could meet',
  },
  {
    file: 'native/heap/slab_owner.cc',
    code: 'auto* owner = static_cast<SlabOwner*>(slab->owner.load(std::memory_order_acquire));',
    change: 'acquire → relaxed',
    why: 'only a slab that was handed over between two instructions of its free has another owner here',
  },
  ...[
    ['native/heap/heap.cc', 's->use.store(SuperslabUse::kSlabs, std::memory_order_release);'],
    [
      'native/heap/large_blocks.cc',
      'head[i].use.store(SuperslabUse::kLargeTail, std::memory_order_release);',
    ],
    ['native/heap/large_blocks.cc', 'head->use.store(SuperslabUse::kLargeHead, std::memory_order_release);'],
    ['native/space/space.cc', 'tail[i].use.store(SuperslabUse::kLargeTail, std::memory_order_release);'],
  ].map(([file, code]) => ({ file, code, change: 'release → relaxed', why: glanced })),
  {
    file: 'native/heap/map_scan.cc',
    code: 'const SuperslabUse use = s.use.load(std::memory_order_acquire);',
    change: 'acquire → relaxed',
    why: glanced,
  },
];

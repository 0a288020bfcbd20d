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
  {
    file: 'native/heap/lease_cache.h',
    code: 'if (references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;',
    change: 'acq_rel → relaxed',
    why: 'ThreadSanitizer reports nothing of the delete, though another thread wrote to the object before; not understood',
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
  // The others.
  {
    file: 'native/heap/heap.cc',
    code: 'slab->slices = 0;',
    change: '0 → 1',
    isEquivalent: true,
    why: 'nobody looks at it before the entry has an owner again, or a tag',
  },
  {
    file: 'native/heap/size_class.h',
    code: 'if (waste < best_waste) best = slices, best_waste = waste;',
    change: 'if not (waste < best_waste)',
    isEquivalent: true,
    why: 'the table is made at compile time, where no mutant is switched on',
  },
  {
    file: 'native/heap/budget.h',
    code: 'while (peak < to && !peak_.compare_exchange_weak(peak, to, std::memory_order_relaxed)) {',
    change: '< → <=',
    isEquivalent: true,
    why: 'the same peak is stored once more',
  },
  {
    file: 'native/heap/slab_owner.h',
    code: 'std::uint32_t word = 0;',
    change: '0 → 1',
    isEquivalent: true,
    why: 'a run without a slab is never looked at, and one with a slab has its word',
  },
  {
    file: 'native/heap/small_sizes.h',
    code: 'std::array<std::uint8_t, most / step + 1> table{};',
    change: '1 → 2',
    isEquivalent: true,
    why: 'the table is made at compile time, where no mutant is switched on',
  },
  {
    file: 'native/heap/slab_owner.cc',
    code: 'if (const ByteCount freed = given.own_bytes + given.others_bytes; freed != 0)',
    change: '0 → 1',
    isEquivalent: true,
    why: 'blocks are multiples of 16 bytes; nothing is then discharged with a call of its own',
  },
  ...['if (x >= height_[kMarkers - 1]) {', 'while (x >= height_[cell + 1]) ++cell;'].map((code) => ({
    file: 'native/heap/quantile.h',
    code,
    change: '>= → >',
    isEquivalent: true,
    why: 'an observation that equals a marker may count on either side of it',
  })),
  {
    file: 'native/heap/heap.cc',
    code: 'if (batch < kSuperslabBytes) populate_bytes_.store(batch * 2, std::memory_order_relaxed);',
    change: '< → <=',
    isEquivalent: true,
    why: 'no slab is longer than a superslab',
  },
  {
    file: 'native/heap/thread_cache.h',
    code: 'ByteCount outbox_bytes_ = 0;',
    change: '0 → 1',
    isEquivalent: true,
    why: 'the first outbox is full a byte sooner',
  },
  {
    file: 'native/heap/thread_cache.h',
    code: 'std::uint32_t steps_ = 0;            // slow paths since the last turn',
    change: '0 → 1',
    isEquivalent: true,
    why: 'the first turn comes one slow path sooner',
  },
  {
    file: 'native/malloc/allocate.cc',
    code: 'ProcessHeap* heap = bytes < ThreadCache::kLeastZeroBytes ? nullptr : ProcessHeap::get();',
    change: '< → <=',
    isEquivalent: true,
    why: 'two ways to the same zeroed block; which is the quicker at their border is not decided',
  },
  {
    file: 'native/malloc/foreign.cc',
    code: 'if (bytes > kStartBytes || alignment > kStartBytes) return nullptr;',
    change: '> → >=',
    isEquivalent: true,
    why: 'with the size in front of it such a block does not fit either',
  },
];

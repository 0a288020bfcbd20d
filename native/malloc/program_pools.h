// The pools that a program makes through superslab.h, and the magazines of its threads.
//
// A pool has a number below kMaxPools while it exists, and each thread a table with a magazine for
// each number, so that a get finds its magazine without a look-up. superslab.h knows the table by
// ss_fixed_caches_v1; a thread without one has a table of empty magazines that nobody writes to.
//
// A pool that is closed while objects are out ends with the put of the last one.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>

#include "base/lock.h"
#include "malloc/process_heap.h"
#include "pools/fixed/fixed_cache.h"
#include "pools/fixed/fixed_pool.h"

/// The calling thread's magazines, by the numbers of their pools.
extern "C" [[gnu::visibility("default")]] __thread superslab::Magazine* ss_fixed_caches_v1
    __attribute__((tls_model("initial-exec")));

namespace superslab {

/// A fixed pool of the program.
class ProgramPool {
 public:
  static constexpr std::uint32_t kMaxPools = 512;

  struct Made {
    ProgramPool* pool = nullptr;
    FixedFault fault = FixedFault::kNone;  // kLimit: there are kMaxPools
  };
  /// Whether a pool is the program's, or a part of one of another kind, which has it pinned from
  /// the beginning and is listed in its place.
  enum class Role : bool { kWhole, kPart };
  /// FixedPool::block_bytes() is not 0, and `initial` not beyond `max`.
  static Made make(const FixedPoolOptions& options, std::string_view name,
                   Role role = Role::kWhole);

  /// With SUPERSLAB_CHECK: ends the process unless `pool` is one. `function` is what was called
  /// with it.
  static void check(const char* function, const ProgramPool* pool);

  /// No other thread is in a call for this pool. Returns how many objects are out: without any the
  /// pool has ended.
  std::size_t close();

  // After a magazine could not serve. Any thread. ---------------------------------------------

  void* get(FixedFault& fault);
  FixedFault put(void* object);
  /// All or none.
  FixedFault get_bulk(void** out, std::size_t count);
  /// Of each of the objects reaches() holds.
  FixedFault put_bulk(void* const* objects, std::size_t count);

  bool reaches(const void* object) const { return fixed_.reaches(object); }

  /// What the calling thread's gets and puts try first: its magazine of this pool, or an empty one
  /// without room.
  [[gnu::always_inline]] Magazine& own_magazine() const {
    return *reinterpret_cast<Magazine*>(reinterpret_cast<std::byte*>(ss_fixed_caches_v1) + offset_);
  }

  /// The calling thread's place for a magazine of this pool; nullptr without memory, and in a
  /// thread that has run its last destructors.
  Magazine* magazine();

  /// Gives back what is idle, and what the calling thread caches.
  ByteCount trim();

  FixedPool& fixed() { return fixed_; }
  const FixedPool& fixed() const { return fixed_; }
  bool is_part() const { return is_part_; }

  /// Takes the pin of whoever made it as a part. One that is closed ends with its last pin.
  void unpin();

  // All of them -------------------------------------------------------------------------------

  /// trim() of each, and FixedPool::tick(), which is cheap when it is not yet time.
  static ByteCount trim_all();
  static void tick_all();
  /// While memory is scarce: FixedPool::relieve() of each.
  static ByteCount relieve_all(ReliefStep step);

  /// How many there are. One that the caller has an object of is counted.
  static std::uint32_t count() { return count_.load(std::memory_order_relaxed); }

  /// Calls visit(ProgramPool&) for each, with no lock held; none of those ends meanwhile.
  template <class Visit>
  static void for_each(Visit visit);

 private:
  friend class Metadata;
  ProgramPool(Space& space, const Clock& clock, const Policy& policy,
              const FixedPoolOptions& options, std::string_view name, Role role)
      : is_part_(role == Role::kPart),
        pins_(is_part_ ? 1 : 0),
        fixed_(space, clock, policy, options, name) {}

  class Registry;
  static Registry registry;
  static constinit std::atomic<std::uint32_t> count_;

  static ProgramPool* pin_next(std::uint32_t& from);
  static bool survive_fork(const SlabOwner* mine, bool is_suspect);
  static void thread_ends(void* table);
  FixedCache* cache();

  std::uint32_t offset_ = 0;  // first: superslab.h finds the magazine by it, bytes into the table
  std::uint32_t index_ = 0;
  const bool is_part_;
  std::atomic<std::uint32_t> pins_;  // who has it in hand without an object of it
  FixedPool fixed_;
};

template <class Visit>
void ProgramPool::for_each(Visit visit) {
  for (std::uint32_t from = 0; ProgramPool* pool = pin_next(from);) {
    visit(*pool);
    pool->unpin();
  }
}

}  // namespace superslab

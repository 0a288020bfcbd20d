#include "malloc/program_compressed.h"

#include "base/clock.h"
#include "base/program_order.h"
#include "malloc/fatal.h"

namespace superslab {

/// All of them, the youngest first.
class ProgramCompressedPool::Registry {
 public:
  void add(ProgramCompressedPool* pool) {
    LockGuard guard(lock_);
    pool->age_ = ++made_;
    pool->next_ = first_;
    in_program_order();
    first_ = pool;
  }

  bool has(const ProgramCompressedPool* wanted) {
    LockGuard guard(lock_);
    for (const ProgramCompressedPool* pool = first_; pool != nullptr; pool = pool->next_)
      if (pool == wanted) return true;
    return false;
  }

  /// The next that is older than `after`, or the first; pinned.
  ProgramCompressedPool* pin_next(const ProgramCompressedPool* after) {
    LockGuard guard(lock_);
    ProgramCompressedPool* pool = after == nullptr ? first_ : after->next_;
    if (pool != nullptr) pool->pins_.fetch_add(1, std::memory_order_relaxed);
    return pool;
  }

  /// Takes one out that is closed and that nobody can reach any more; whether it did.
  bool take_out_if_done(ProgramCompressedPool* wanted) {
    LockGuard guard(lock_);
    ProgramCompressedPool** at = &first_;
    while (*at != nullptr && *at != wanted) at = &(*at)->next_;
    if (*at == nullptr || !wanted->values_.is_closed() ||
        !wanted->values_.heap().budget().is_empty() ||
        wanted->pins_.load(std::memory_order_acquire) != 0)
      return false;
    *at = wanted->next_;
    return true;
  }

  bool survive_fork(const SlabOwner* mine, bool is_suspect) NO_THREAD_SAFETY_ANALYSIS {
    bool is_inside = lock_.survive_fork() == Holder::kMe;
    for (ProgramCompressedPool* pool = first_; pool != nullptr; pool = pool->next_)
      is_inside |= pool->values_.survive_fork(mine, is_suspect);
    return is_inside;
  }

 private:
  Mutex lock_{LockRank::kRegistry};
  ProgramCompressedPool* first_ GUARDED_BY(lock_) = nullptr;
  std::uint64_t made_ GUARDED_BY(lock_) = 0;
};

constinit ProgramCompressedPool::Registry ProgramCompressedPool::registry;

ProgramCompressedPool::Made ProgramCompressedPool::make(const CompressedPool::Options& options,
                                                        double share, std::string_view name) {
  ProcessHeap* process = ProcessHeap::get();
  if (process == nullptr) return {nullptr, CompressedPool::Fault::kNoMemory};
  process->set_fork_hook(ProcessHeap::Others::kCompressed, survive_fork);
  Space& space = process->space();
  auto* pool = space.metadata().make<ProgramCompressedPool>(
      space.os(), space, process->clock(), process->policy(), options, share, name);
  if (pool == nullptr) return {nullptr, CompressedPool::Fault::kNoMemory};
  // Pools that are made one after the other take no handles of each other's for their own.
  if (!pool->values_.open(static_cast<std::uint32_t>(precise_now() >> 10))) {
    pool->values_.close();
    space.metadata().destroy(pool);
    return {nullptr, CompressedPool::Fault::kNoMemory};
  }
  registry.add(pool);
  return {pool, CompressedPool::Fault::kNone};
}

void ProgramCompressedPool::check(const char* function, const ProgramCompressedPool* pool) {
  const ProcessHeap* process = ProcessHeap::get();
  if (process == nullptr || !process->policy().check || registry.has(pool)) return;
  fail_on_address(function, pool, "none of ss_compressed_pool_new(), or closed with nothing pinned",
                  "is not a pool");
}

CompressedPool::Result ProgramCompressedPool::put(const void* bytes, ByteCount length,
                                                  TierHandle& handle) {
  const CompressedPool::Result result = values_.put(bytes, length, handle);
  if (result.fault == CompressedPool::Fault::kNone) cooler_.nudge();
  return result;
}

CompressedPool::Result ProgramCompressedPool::access(TierHandle handle, void*& bytes,
                                                     ByteCount& length) {
  const bool is_cold = values_.tiers().is_cold(handle);
  const CompressedPool::Result result = values_.access(handle, bytes, length);
  if (is_cold) cooler_.nudge();
  return result;
}

CompressedPool::Result ProgramCompressedPool::release(TierHandle handle) {
  if (!values_.is_closed()) return values_.release(handle);
  pins_.fetch_add(1, std::memory_order_relaxed);
  const CompressedPool::Result result = values_.release(handle);
  // Its last pin: whoever closed the pool has left the value for this.
  if (result.fault == CompressedPool::Fault::kNone) static_cast<void>(values_.free(handle));
  unpin();
  return result;
}

std::size_t ProgramCompressedPool::close() {
  pins_.fetch_add(1, std::memory_order_relaxed);
  values_.note_closed();
  cooler_.stop();
  values_.close();
  const std::size_t pinned = values_.count_pinned();
  unpin();
  return pinned;
}

ProgramCompressedPool* ProgramCompressedPool::pin_next(const ProgramCompressedPool* after) {
  return registry.pin_next(after);
}

void ProgramCompressedPool::unpin() {
  // Release: what was done with it comes before its end. From here on it may be gone.
  pins_.fetch_sub(1, std::memory_order_release);
  if (!registry.take_out_if_done(this)) return;
  ProcessHeap::get()->space().metadata().destroy(this);
}

ByteCount ProgramCompressedPool::trim_all() {
  ByteCount bytes = 0;
  for_each([&](ProgramCompressedPool& pool) {
    if (!pool.values_.is_closed()) bytes += pool.values_.trim(0);
  });
  return bytes;
}

bool ProgramCompressedPool::survive_fork(const SlabOwner* mine, bool is_suspect) {
  return registry.survive_fork(mine, is_suspect);
}

}  // namespace superslab

// A thread's objects of a fixed pool: a magazine, and what is done where it is empty or full.
//
// Unlike malloc's magazines it takes objects of any slab of the pool, whoever got them: a fixed
// pool is for objects of whole cache lines, which threads hand to each other.
#pragma once

#include "heap/cache_registry.h"
#include "pools/fixed/fixed_pool.h"
#include "pools/fixed/magazine.h"

namespace superslab {

class FixedCache final : public CacheRegistry::Member {
 public:
  /// Most objects that a thread caches.
  static constexpr std::uint32_t kMaxObjects = 256;

  /// `magazine` is the calling thread's and empty; it is the cache's until leave_thread().
  /// nullptr without memory.
  static FixedCache* attach(FixedPool& pool, Magazine& magazine, void* owner);

  /// Takes the magazine from its thread, which does not use it meanwhile. Gives nothing back yet.
  void leave_thread();

  /// After leave_thread() or become_orphan(): gives all back and ends.
  void end();

  // The thread's own slow paths, after its magazine could not serve ---------------------------

  /// One object; nullptr, and why.
  void* get(FixedFault& fault);
  /// As FixedPool::take(), from the magazine first.
  FixedFault get_bulk(void** out, std::size_t count);
  FixedFault put(void* object);
  /// Objects of the pool.
  void put_bulk(void* const* objects, std::size_t count);
  /// Gives everything back.
  void flush();

  // Any thread, with the registry's lock ------------------------------------------------------

  void squeeze(bool on) override {
    if (on) flush_soon();
  }
  /// The magazine is full from now on: the thread's next put gives all back.
  void flush_soon() override;
  std::uint32_t cached(ClassIndex c) const override;

  // For the pool ------------------------------------------------------------------------------

  /// In the child of a fork: its thread is not there. FixedPool::collect_orphans() ends it.
  void become_orphan();
  bool has_thread() const { return magazine_ != nullptr; }
  const Magazine* magazine() const { return magazine_; }

  bool is_deep_enough() const { return depth() <= kMaxObjects; }
  /// Whether good(void*) holds of each, and none is in twice.
  template <class Good>
  bool all_are(Good good) const {
    for (std::size_t i = 0; i < depth(); ++i) {
      if (!good(objects_[i])) return false;
      for (std::size_t j = 0; j < i; ++j)
        if (objects_[i] == objects_[j]) return false;
    }
    return true;
  }

 private:
  friend class Metadata;
  FixedCache(FixedPool& pool, Magazine& magazine, void* owner);
  ~FixedCache() = default;

  std::size_t depth() const { return magazine_ == nullptr ? left_ : magazine_->depth(); }
  void set_depth(std::size_t n);
  /// Takes up to `count` off the top.
  std::size_t take_off(void** out, std::size_t count);
  /// Makes room for half a magazine by giving away the objects that were put first.
  void give_older();
  void follow_signal();
  void give_own(void** objects, std::size_t count);
  /// Puts them into the magazine as far as it has room, and gives the others back.
  void stash(void** objects, std::size_t count);

  FixedPool& pool_;
  Magazine* magazine_;
  std::size_t left_ = 0;  // objects, once there is no magazine
  void* objects_[kMaxObjects];
};

template <class Wanted>
FixedCache* FixedPool::find_cache(Wanted wanted) const {
  const FixedCache* found = nullptr;
  heap_.caches().for_each_member(CacheRegistry::Retired::kNot,
                                 [&](const CacheRegistry::Member& member) {
                                   if (&member == &depot_member_) return;
                                   const auto& cache = static_cast<const FixedCache&>(member);
                                   if (wanted(cache)) found = &cache;
                                 });
  return const_cast<FixedCache*>(found);
}

}  // namespace superslab

// The pools of compressed values that a program makes through superslab.h, and their threads.
//
// A pool that is closed while values are pinned ends with the last of their releases.
#pragma once

#include <string_view>

#include "malloc/program_kinds.h"
#include "pools/compressed/compressed_pool.h"
#include "runtime/cooler.h"

namespace superslab {

class ProgramCompressedPool final : public ProgramKind {
 public:
  struct Made {
    ProgramCompressedPool* pool = nullptr;
    CompressedPool::Fault fault = CompressedPool::Fault::kNone;
  };
  /// `share` of a processor for its thread.
  static Made make(const CompressedPool::Options& options, double share, std::string_view name);

  /// With SUPERSLAB_CHECK: as ProgramKind::check().
  static void check(const char* function, const ProgramKind* pool) {
    ProgramKind::check(function, pool, Kind::kCompressed);
  }

  CompressedPool& values() { return values_; }
  Cooler& cooler() { return cooler_; }

  CompressedPool::Result put(const void* bytes, ByteCount length, TierHandle& handle);
  CompressedPool::Result access(TierHandle handle, void*& bytes, ByteCount& length);
  /// The pool may have ended then.
  CompressedPool::Result release(TierHandle handle);

  /// No other thread is in a call for this pool. Returns how many values are pinned: without any
  /// the pool has ended.
  std::size_t close();

 private:
  friend class Metadata;
  ProgramCompressedPool(Space& space, const Clock& clock, const Policy& policy,
                        const CompressedPool::Options& options, double share, std::string_view name)
      : ProgramKind(Kind::kCompressed),
        values_(space, clock, policy, options, name),
        cooler_(values_.tiers(), share) {}
  ~ProgramCompressedPool() = default;

  bool is_done() const override {
    return values_.is_closed() && values_.heap().budget().is_empty();
  }
  void end() override;
  ByteCount trim_idle() override { return values_.is_closed() ? 0 : values_.trim(0); }
  ByteCount relieve(ReliefStep step) override;
  bool survive_fork(const SlabOwner* mine, bool is_suspect) override {
    return values_.survive_fork(mine, is_suspect);
  }

  CompressedPool values_;
  Cooler cooler_;
};

}  // namespace superslab

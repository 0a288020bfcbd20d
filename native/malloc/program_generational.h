// Generational pools of a program. One thread at a time uses one.
#pragma once

#include <string_view>

#include "malloc/program_kinds.h"
#include "pools/generational/generational_pool.h"

namespace superslab {

class ProgramGenerational final : public ProgramKind {
 public:
  /// What programs have: superslab.h puts values of scopes by the window.
  struct Face {
    ScopeWindow window;
    ProgramGenerational* pool;
  };

  /// nullptr without memory. GenerationalPool::can_be() holds.
  static ProgramGenerational* make(const GenerationalOptions& options, std::string_view name);

  /// With SUPERSLAB_CHECK: ends the process unless `face` is that of a pool.
  static void check(const char* function, const Face* face) {
    if (is_checked()) [[unlikely]]
      check_now(function, face);
  }

  /// Ends all values and the pool. Returns how many lived.
  std::size_t close();

  Face& face() { return face_; }
  GenerationalPool& values() { return values_; }
  const GenerationalPool& values() const { return values_; }

 private:
  friend class Metadata;
  static void check_now(const char* function, const Face* face);
  ProgramGenerational(ProcessHeap& process, const GenerationalOptions& options, std::uint32_t seed,
                      std::string_view name);
  ~ProgramGenerational() = default;

  bool is_done() const override { return values_.is_closed(); }
  void end() override;
  // Another thread may be using the pool: only its heap.
  ByteCount trim_idle() override { return values_.heap().trim(0); }
  void tick() override { values_.heap().tick(); }
  ByteCount relieve(ReliefStep step) override {
    return step == ReliefStep::kCaches ? trim_idle() : 0;
  }
  bool survive_fork(const SlabOwner* mine, bool is_suspect) override {
    return values_.heap().survive_fork(mine, is_suspect);
  }

  const PreciseClock stopwatch_;
  Face face_{};
  GenerationalPool values_;
};

}  // namespace superslab

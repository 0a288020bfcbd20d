// The interface of every controller: it computes from samples and time alone, so that it is tested
// on synthetic time. It knows nothing of a heap but what the samples tell, allocates nothing, and
// calls nobody. Who runs it (pools/buffer/adaptation.h) samples, applies what it decides, and keeps
// what it did for those who ask.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>

#include "base/types.h"
#include "policy/reserve.h"
#include "policy/samples.h"

namespace superslab {

/// Something that a controller decided to do, and why: see `evidence_bytes`.
struct Action {
  enum class Kind : std::uint8_t {
    kKeep,      // more memory is kept ready for a class: intervals took that much and gave it back
    kShrink,    // less is kept: too few intervals took it
    kMove,      // less is kept for class `from`, so that it is for another one: they took that much
    kExpand,    // memory is populated ahead of demand: the class grew by that much with each tick
    kPressure,  // less is kept, of all classes together: memory is scarce
  };
  Kind kind = Kind::kKeep;
  ClassIndex size_class{};
  ClassIndex from{};
  ByteCount bytes = 0;
  ByteCount evidence_bytes = 0;
};

/// Those of one step; when there are more than it has places for, the last ones are left out.
class Actions {
 public:
  static constexpr std::size_t kMost = 16;

  void add(const Action& action) {
    if (count_ < kMost) all_[count_++] = action;
  }
  const Action* begin() const { return all_.data(); }
  const Action* end() const { return all_.data() + count_; }

 private:
  std::array<Action, kMost> all_{};
  std::size_t count_ = 0;
};

struct Decision {
  Reserve reserve;
  /// Free memory that should be there now, ahead of demand; part of what the reserve keeps.
  ByteCount expand_bytes = 0;
  /// Counted: times that less was kept for a class, and slabs that were no longer kept for one
  /// class but for another.
  std::uint32_t shrinks = 0;
  std::uint32_t moved_slabs = 0;
  Actions actions;
};

class Controller {
 public:
  /// Calls come from one thread at a time, with samples and times that never go back.
  virtual Decision step(const Samples& samples, Nanos now) = 0;

 protected:
  ~Controller() = default;
};

}  // namespace superslab

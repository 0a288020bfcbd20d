// Where a packet pool gets its segments and rooms for the calling thread, and where they go back.
// The pool's own are those of two fixed pools (malloc/program_packets.h).
#pragma once

#include <cstddef>

#include "pools/fixed/fixed_pool.h"

namespace superslab {

class PacketStore {
 public:
  /// Store `count` objects at `out`, or none.
  virtual FixedFault take_segments(void** out, std::size_t count) = 0;
  virtual FixedFault take_rooms(void** out, std::size_t count) = 0;

  /// Takes objects back. A pool that is closed may end with it.
  virtual void give(void* const* segments, std::size_t segment_count, void* const* rooms,
                    std::size_t room_count) = 0;

 protected:
  ~PacketStore() = default;
};

}  // namespace superslab

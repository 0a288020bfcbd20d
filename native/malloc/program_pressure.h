// Memory pressure in programs that use malloc of ours, or superslab.h: while somebody wants it, the
// control loop looks how scarce memory is, and has the process's heap, first-class heaps and pools
// give back what they can do without.
//
// Without that nothing is read and no thread is made: a program with one thread has reasons to keep
// one, and may have forbidden itself system calls.
#pragma once

#include <atomic>
#include <cstdint>

#include "malloc/process_heap.h"
#include "runtime/memory_pressure.h"

namespace superslab {

class ProgramPressure {
 public:
  /// Has it looked from now on, until end() has come as often. False when there is no thread for
  /// it; true, and nothing is done, where SUPERSLAB_PRESSURE=0. Any thread, with no lock held. The
  /// child of a fork that has begun it again has a thread, too.
  static bool begin();
  static void end();

  struct Figures {
    PressureState state;
    std::uint64_t reliefs = 0;  // how often something was given back
    ByteCount bytes = 0;        // all that went back to the operating system then
  };
  /// Any thread.
  static Figures figures();

  /// Reads from there from now on, at once: for tests. nullptr is a system that says nothing.
  static void read_from(PressureSource* source);

 private:
  class Watch;
  static constinit std::atomic<Watch*> watch_;  // made when it is first wanted

  static Watch* watch();
};

}  // namespace superslab

// The control loop: the thread on which a process looks after its memory, one for all who want one.
// Its tasks choose and apply policy, by what they have sampled, on its clock. It is there while it
// has tasks, and sleeps while those rest.
//
// What works all the time, such as compression, has a thread of its own instead (cooler.h): a
// decision must not wait for a second's worth of work.
#pragma once

#include "runtime/background_thread.h"

namespace superslab {

/// That of the process. Never destroyed, so that it can be used until the process is gone.
BackgroundThread& control_loop();

}  // namespace superslab

// The memory limit of the control groups that this process is in.
#pragma once

#if defined(__linux__)

#include "base/types.h"

namespace superslab {

/// The lowest limit of the process's group and of those around it, as far as they can be seen, in
/// version 1 or 2; kNoLimit without one. `root` stands in front of every path.
/// By open, read and close: at the start, when the loader has just done the same, and never again.
ByteCount read_memory_limit(const char* root = "");

}  // namespace superslab

#endif

// The policy that a process starts with: that of the environment.
#pragma once

#include "os/os.h"
#include "policy/policy_error.h"
#include "policy/snapshot.h"

namespace superslab {

/// The default policy, with what the SUPERSLAB_* variables say. `error` gets what is wrong with
/// them, or with what they ask of this machine, and kNone when nothing is.
Policy policy_from_environment(Os& os, PolicyError& error);

}  // namespace superslab

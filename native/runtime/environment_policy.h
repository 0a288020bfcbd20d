// The policy that a process starts with: that of the environment, and of the file that
// SUPERSLAB_POLICY names.
#pragma once

#include <string_view>

#include "os/os.h"
#include "policy/policy_error.h"
#include "policy/snapshot.h"

namespace superslab {

/// The default policy, with what the SUPERSLAB_* variables say. `error` gets what is wrong with
/// them, or with what they ask of this machine, and kNone when nothing is.
/// A file that cannot be used is such an error, and the rest counts.
Policy policy_from_environment(Os& os, PolicyError& error);

/// What the variable `name` says; nullptr without one.
const char* environment_value(std::string_view name);

}  // namespace superslab

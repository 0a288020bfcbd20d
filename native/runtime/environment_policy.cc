#include "runtime/environment_policy.h"

#include <stdlib.h>

#include <cstring>
#include <span>

#include "policy/policy_file.h"

extern char** environ;

namespace superslab {
namespace {

/// What SUPERSLAB_POLICY names. Its text lies in static memory, since malloc starts on stacks of a
/// few pages: one thread reads the environment.
bool read_policy_file(const char* path, PolicyFile& file, PolicyError& error) {
  static constinit char text[kMaxPolicyFileBytes + 1] = {};
  if (!read_whole_file(path, text, sizeof text)) {
    describe_policy_file(path, "it is no file that can be read, or none of a policy's length",
                         error);
    return false;
  }
  return parse_policy_file(text, path, read_machine(), file, error);
}

}  // namespace

const char* environment_value(std::string_view name) {
  for (const char* const* at = environ; at != nullptr && *at != nullptr; ++at) {
    if (std::strncmp(*at, name.data(), name.size()) == 0 && (*at)[name.size()] == '=')
      return *at + name.size() + 1;
  }
  return nullptr;
}

Policy policy_from_environment(Os& os, PolicyError& error) {
  Policy policy;
  static constinit PolicyFile file{};
  static constinit PolicyError file_error{};
  const char* const path = environment_value(kPolicyFileVariable);
  const bool has_file =
      path != nullptr && *path != '\0' && read_policy_file(path, file, file_error);
  const std::size_t wrong = snapshot_from_environment(
      environ, policy, std::span<PolicyError>(&error, 1), has_file ? &file : nullptr);
  if (wrong == 0) {
    error = file_error;
    if (policy.numa.kind == NodePlacement::Kind::kNode && error.kind == PolicyErrorKind::kNone)
      (void)check_node(policy, PolicyOrigin::kEnvironment, os.node_count(), error);
  }
  return policy;
}

}  // namespace superslab

#include "runtime/environment_policy.h"

#include <span>

extern char** environ;

namespace superslab {

Snapshot policy_from_environment(Os& os, PolicyError& error) {
  Snapshot policy;
  if (snapshot_from_environment(environ, policy, std::span<PolicyError>(&error, 1)) == 0 &&
      policy.numa.kind == NodePlacement::Kind::kNode)
    (void)check_node(policy, PolicyOrigin::kEnvironment, os.node_count(), error);
  return policy;
}

}  // namespace superslab

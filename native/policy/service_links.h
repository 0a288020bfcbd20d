// Variables that are not for us although they begin with SUPERSLAB_: Kubernetes and Docker name
// them after services and containers, and one may be called superslab.
#pragma once

#include <string_view>

namespace superslab {

/// Whether `name`, which begins with SUPERSLAB_, is with this value what Kubernetes makes for a
/// service, or Docker for a link, called superslab or superslab-something (kubelet's envvars.go and
/// moby's links.go list them).
bool is_service_link(std::string_view name, std::string_view value);

}  // namespace superslab

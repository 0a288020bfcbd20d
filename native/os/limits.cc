#include "os/limits.h"

#include <sys/resource.h>

#include "os/cgroup_linux.h"

namespace superslab {
namespace {

ByteCount from(const rlimit& limit) {
  return limit.rlim_cur == RLIM_INFINITY ? kNoLimit : ByteCount{limit.rlim_cur};
}

}  // namespace

OsLimits read_limits([[maybe_unused]] const char* root) {
  OsLimits limits;
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) == 0) limits.addresses = from(limit);
  if (getrlimit(RLIMIT_DATA, &limit) == 0) limits.data = from(limit);
#if defined(__linux__)
  limits.memory = read_memory_limit(root);
#endif
  return limits;
}

}  // namespace superslab

// Limits of the process, as it is told of them.

#include "os/limits.h"

#include <sys/resource.h>

#include "check.h"

using namespace superslab;

namespace {

/// What read_limits() says in a process with these limits: 0 when it is right.
template <rlim_t addresses, rlim_t data>
int limits_with() {
  return superslab_test::run_in_child([] {
    const auto set = [](auto resource, rlim_t value) {
      rlimit limit{};
      if (getrlimit(resource, &limit) != 0) return false;
      limit.rlim_cur = value;
      return setrlimit(resource, &limit) == 0;
    };
    if (!set(RLIMIT_AS, addresses) || !set(RLIMIT_DATA, data)) return 2;
    const OsLimits limits = read_limits();
    const auto is = [](ByteCount found, rlim_t wanted) {
      return found == (wanted == RLIM_INFINITY ? kNoLimit : ByteCount{wanted});
    };
    if (!is(limits.addresses, addresses)) return 3;
    if (!is(limits.data, data)) return 4;
    const bool is_limited = addresses != RLIM_INFINITY || data != RLIM_INFINITY;
    return limits.counts_reservations() == is_limited ? 0 : 5;
  });
}

}  // namespace

TEST(os, "limits on addresses and on data are told, and that there are none") {
  constexpr rlim_t kMuch = rlim_t{1} << 46;  // more than a sanitizer's shadow
  CHECK_EQ((limits_with<RLIM_INFINITY, RLIM_INFINITY>()), 0);
  CHECK_EQ((limits_with<kMuch, RLIM_INFINITY>()), 0);
  CHECK_EQ((limits_with<RLIM_INFINITY, kMuch + 4096>()), 0);
}

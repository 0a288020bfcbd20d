#include "runtime/control_loop.h"

#include <type_traits>

namespace superslab {
namespace {

static_assert(std::is_trivially_destructible_v<BackgroundThread>,
              "no destructor runs at exit while its thread still works");
constinit BackgroundThread loop;

}  // namespace

BackgroundThread& control_loop() { return loop; }

}  // namespace superslab

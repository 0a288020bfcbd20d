// Which superslab this is, for files that say which one wrote them.
#pragma once

#include <string_view>

namespace superslab {

/// As package.json has it: a test compares them.
inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace superslab

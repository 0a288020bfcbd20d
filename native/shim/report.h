// What the library says on the standard error output.
#pragma once

namespace superslab {

/// The statistics as one line of JSON. Allocates nothing.
void write_report();

}  // namespace superslab

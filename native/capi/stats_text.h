// The statistics of the heap behind malloc as text.
#pragma once

#include "capi/json_text.h"

namespace superslab {

/// What ss_stats_json() tells. With no lock held while `json` takes it.
void write_stats(JsonText& json);

}  // namespace superslab

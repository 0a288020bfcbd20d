// What a pool tells of how it adapts, as plain JavaScript objects. lib/addon/figures.ts declares
// their shapes.
#pragma once

#include <napi.h>

#include "pools/adaptation_figures.h"

namespace superslab {

/// [{ at, kind, blockBytes, fromBlockBytes, bytes, evidenceBytes }], the latest first.
Napi::Array adaptation_list(Napi::Env env, const AdaptationFigures& figures);

/// { intervalMs, intervals: [{ startedAt, hugeAcquires, classes: [{ blockBytes, acquires, bytes,
/// peakBytes }] }] }, the oldest first, classes that were used only.
Napi::Object history_object(Napi::Env env, const DemandHistory& history);

}  // namespace superslab

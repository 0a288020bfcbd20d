// What a pool tells of what it learns, as plain JavaScript objects. lib/addon/figures.ts declares
// their shapes.
#pragma once

#include <napi.h>

#include "pools/learning_figures.h"

namespace superslab {

/// { mode, state, ownBytes, count, capacities: [{ blockBytes, blocks }], events: [{ at, kind,
/// cause, predictedGain, measuredGain, blockBytes, from, to }] }, the latest event first;
/// undefined for a pool that never learned.
Napi::Value learning_value(Napi::Env env, const LearningFigures& figures);

}  // namespace superslab

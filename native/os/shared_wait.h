// Waiting for a word that several processes have mapped, until another one changes it.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/types.h"

namespace superslab {

/// Returns when the word is another than `seen`, somebody calls wake_all(), a signal comes, or the
/// time is over: whoever calls looks again. Any thread.
void wait_for_change(const std::atomic<std::uint32_t>& word, std::uint32_t seen, Nanos timeout);
/// Ends the waits of all processes for that word.
void wake_all(const std::atomic<std::uint32_t>& word);

}  // namespace superslab

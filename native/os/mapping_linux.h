// Mappings as /proc shows them.
#pragma once

#if defined(__linux__)

#include "base/types.h"

namespace superslab {

/// Names an anonymous mapping, so that /proc/PID/maps shows "[anon:superslab]". False where the
/// kernel cannot (before Linux 5.17, or without CONFIG_ANON_VMA_NAME).
bool name_mapping(void* address, ByteCount bytes);

/// True when every byte of the range lies in an inaccessible anonymous mapping and, if `named`, one
/// that bears our name. False too when `maps` (a file like /proc/self/maps) cannot be read.
bool is_still_reserved(const char* maps, const void* address, ByteCount bytes, bool named);

}  // namespace superslab

#endif

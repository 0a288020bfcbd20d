// What other libraries see of this one.
#pragma once

/// Everything else is built with -fvisibility=hidden.
#define SHIM_EXPORT __attribute__((visibility("default")))

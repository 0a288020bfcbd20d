// superslab.h for those who define what it declares: without the functions that it defines inline
// for its users.
#pragma once

#define SS_NO_INLINE
#include "include/superslab.h"

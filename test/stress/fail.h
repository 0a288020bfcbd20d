// What ends the stress.
#pragma once

#include <stdarg.h>
#include <unistd.h>

#include "options.h"

/// Says it without the heap, which may be the one that is broken, and ends the process.
[[noreturn, gnu::format(printf, 1, 2)]] inline void fail(const char* format, ...) {
  char text[512];
  const int start =
      snprintf(text, sizeof text,
               "stress: seed %llu, process %d: ", static_cast<unsigned long long>(options.seed),
               static_cast<int>(getpid()));
  va_list arguments;
  va_start(arguments, format);
  int length = start + vsnprintf(text + start, sizeof text - start - 1, format, arguments);
  va_end(arguments);
  if (length > static_cast<int>(sizeof text) - 2) length = sizeof text - 2;
  text[length++] = '\n';
  (void)!write(STDERR_FILENO, text, static_cast<size_t>(length));
  if (options.aborts) abort();
  _exit(1);
}

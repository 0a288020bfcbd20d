// The end of a process that misuses malloc.
#pragma once

namespace superslab {

/// Writes "superslab: FUNCTION(): ADDRESS WHAT (WHY)" to the standard error output, without
/// allocating, and aborts.
[[noreturn]] void fail_on_address(const char* function, const void* address, const char* why,
                                  const char* what = "is not a block");

/// The same with another text, which ends in a newline.
[[noreturn]] void fail(const char* text);

/// Writes `text` to the standard error output as far as that takes it.
void write_error(const char* text);

}  // namespace superslab

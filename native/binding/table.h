// What a table for JavaScript is made of (tables.h).
#pragma once

#include <cstdint>
#include <span>

namespace superslab::tables {

/// A name for JavaScript. `length` is 0 but for a part of a layout.
struct Value {
  const char* name;
  std::int64_t value;
  const char* meaning;
  std::int64_t length = 0;
};

/// A code with the type that it has in the core.
template <class Code>
constexpr Value code(const char* name, Code value, const char* meaning) {
  return {name, static_cast<std::int64_t>(value), meaning};
}

struct Table {
  const char* name;
  const char* meaning;
  std::span<const Value> values;
};

/// What one file of TypeScript is made of.
struct Module {
  const char* name;
  std::span<const Value> constants;
  std::span<const Table> tables;
};

}  // namespace superslab::tables

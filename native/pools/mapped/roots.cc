#include "pools/mapped/roots.h"

#include <cstring>

namespace superslab::mapped {

Roots::Root Roots::at(std::uint32_t number) {
  Root root;
  root.length = words_.get(word(number, 0));
  if (root.length > kRootNameBytes) {
    words_.note_damage("root", number);
    root.length = 0;
  }
  for (std::uint32_t i = 0; i < kRootNameBytes / 4; ++i) {
    const std::uint32_t part = words_.get(word(number, 1 + i));
    std::memcpy(root.name + i * 4, &part, 4);
  }
  root.handle = words_.get_wide(word(number, kHandleWord));
  return root;
}

std::uint32_t Roots::find(std::string_view name) {
  for (std::uint32_t number = 0; number < kRoots; ++number) {
    if (words_.get(word(number, 0)) != name.size()) continue;
    const Root root = at(number);
    if (std::string_view(root.name, root.length) == name) return number;
  }
  return kNone;
}

Handle Roots::get(std::string_view name) {
  const std::uint32_t number = find(name);
  return number == kNone ? kNoHandle : words_.get_wide(word(number, kHandleWord));
}

bool Roots::set(std::string_view name, Handle handle) {
  std::uint32_t number = find(name);
  if (number == kNone && handle == kNoHandle) return true;
  for (std::uint32_t i = 0; number == kNone; ++i) {
    if (i == kRoots) return false;
    if (words_.get(word(i, 0)) == 0) number = i;
  }
  if (handle == kNoHandle) {
    for (std::uint32_t i = 0; i < kRootWords; ++i) words_.set(word(number, i), 0);
    return true;
  }
  char padded[kRootNameBytes] = {};
  std::memcpy(padded, name.data(), name.size());
  for (std::uint32_t i = 0; i < kRootNameBytes / 4; ++i) {
    std::uint32_t part;
    std::memcpy(&part, padded + i * 4, 4);
    words_.set(word(number, 1 + i), part);
  }
  words_.set_wide(word(number, kHandleWord), handle);
  words_.set(word(number, 0), static_cast<std::uint32_t>(name.size()));
  return true;
}

}  // namespace superslab::mapped

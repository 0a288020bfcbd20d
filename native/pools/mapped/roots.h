// Names by which a program finds its blocks again.
#pragma once

#include <string_view>

#include "pools/mapped/metadata.h"

namespace superslab::mapped {

class Roots {
 public:
  explicit Roots(Metadata& words) : words_(words) {}

  static bool is_name(std::string_view name) {
    return !name.empty() && name.size() <= kRootNameBytes;
  }

  /// kNoHandle when there is none of that name.
  Handle get(std::string_view name);
  /// kNoHandle ends the root. False when all are in use.
  bool set(std::string_view name, Handle handle);

  struct Root {
    char name[kRootNameBytes];
    std::uint32_t length = 0;  // 0: unused
    Handle handle = kNoHandle;
  };
  Root at(std::uint32_t number);

 private:
  static constexpr std::uint32_t kNone = kRoots;
  static constexpr std::uint32_t kHandleWord = 1 + kRootNameBytes / 4;

  std::uint32_t find(std::string_view name);
  WordIndex word(std::uint32_t number, std::uint32_t field) const {
    return kRootsWord + number * kRootWords + field;
  }

  Metadata& words_;
};

}  // namespace superslab::mapped

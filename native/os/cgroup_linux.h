// The control groups that this process is in, and the memory limit that they set.
#pragma once

#if defined(__linux__)

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/types.h"

namespace superslab {

/// The folder of a control group, and the way out to the groups around it. Small: it lies on the
/// stack of whoever calls malloc first.
class GroupFolder {
 public:
  static constexpr std::size_t kMax = 400;

  GroupFolder() = default;
  /// `group` in the hierarchy that is mounted at `mount`. Of one that is nested more deeply than
  /// kMax only the outer ones are looked at.
  GroupFolder(std::string_view mount, std::string_view group);

  /// Whether it is one.
  explicit operator bool() const { return length_ != 0; }

  /// The number that a file of the group holds, or `otherwise`: "max" is no number.
  std::uint64_t number_in(const char* root, const char* file, std::uint64_t otherwise) const;
  /// Of a file with lines such as "inactive_file 4096": the number of that `key`, or `otherwise`.
  std::uint64_t keyed_number_in(const char* root, const char* file, std::string_view key,
                                std::uint64_t otherwise) const;
  /// As read_text().
  bool text_in(const char* root, const char* file, char* text, std::size_t size) const;

  /// To the group around it. False at the top.
  bool leave();

 private:
  void append(std::string_view text);
  int open_below(const char* root, const char* file) const;
  void write_path(const char* file, char (&out)[kMax + 32]) const;

  char path_[kMax];
  std::size_t length_ = 0;
  std::size_t top_ = 0;
};

/// The groups of this process.
struct ControlGroups {
  GroupFolder memory;   // that whose memory is counted; none without such groups
  bool is_v1 = false;   // of `memory`
  GroupFolder unified;  // of version 2, which may count no memory beside version 1
};

/// `root` stands in front of every path.
/// A container without a namespace for groups is told the path that its group has on the machine,
/// of which only the mount itself is to be seen: there its own files are.
ControlGroups find_control_groups(const char* root);

/// The lowest limit of the process's group and of those around it, as far as they can be seen, in
/// version 1 or 2; kNoLimit without one. `root` stands in front of every path.
/// By open, read and close: at the start, when the loader has just done the same.
ByteCount read_memory_limit(const char* root = "");

}  // namespace superslab

#endif

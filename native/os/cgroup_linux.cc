#if defined(__linux__)

#include "os/cgroup_linux.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "os/limits.h"
#include "os/read_text.h"
#include "os/text_lines.h"

namespace superslab {
namespace {

using Text = std::string_view;

/// What a version of control groups calls its limits, and where systemd and all containers mount
/// it. Above memory.high the kernel kills nothing, but stops the threads of the group again and
/// again.
struct Version {
  Text mount;
  const char* limit;
  const char* second;  // nullptr: there is one only
};
constexpr Version kVersion1{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", nullptr};
constexpr Version kVersion2{"/sys/fs/cgroup", "memory.max", "memory.high"};

/// The folder of a group. Small: this runs on the stack of whoever calls malloc first.
class Folder {
 public:
  static constexpr std::size_t kMax = 400;

  Folder(Text mount, Text group) : top_(mount.size()) {
    append(mount);
    // Of one that is nested more deeply only the outer ones are looked at.
    append(group);
    if (top_ + group.size() > kMax) leave();
  }

  ByteCount number_in(const char* root, const char* file) const {
    char path[kMax + 32];
    snprintf(path, sizeof path, "%.*s/%s", static_cast<int>(length_), path_, file);
    return read_number(root, path, kNoLimit);  // "max" is no number
  }

  /// To the group around it. False at the top.
  bool leave() {
    if (length_ == top_) return false;
    while (length_ > top_ && path_[length_ - 1] != '/') --length_;
    while (length_ > top_ && path_[length_ - 1] == '/') --length_;
    return true;
  }

 private:
  void append(Text text) {
    const std::size_t bytes = std::min(text.size(), kMax - length_);
    std::memcpy(path_ + length_, text.data(), bytes);
    length_ += bytes;
  }

  char path_[kMax];
  std::size_t length_ = 0;
  const std::size_t top_;
};

/// A container without a namespace for groups is told the path that its group has on the machine,
/// of which only the mount itself is to be seen: there its own files are.
ByteCount lowest_limit(const char* root, const Version& version, Text group) {
  Folder folder(version.mount, group);
  ByteCount lowest = kNoLimit;
  do {
    lowest = std::min(lowest, folder.number_in(root, version.limit));
    if (version.second != nullptr)
      lowest = std::min(lowest, folder.number_in(root, version.second));
  } while (folder.leave());
  return lowest;
}

bool has_memory(Text controllers) {
  while (!controllers.empty()) {
    const std::size_t end = std::min(controllers.find(','), controllers.size());
    if (Text(controllers.data(), end) == "memory") return true;
    controllers.remove_prefix(std::min(end + 1, controllers.size()));
  }
  return false;
}

}  // namespace

ByteCount read_memory_limit(const char* root) {
  char name[256];
  const int length = snprintf(name, sizeof name, "%s/proc/self/cgroup", root);
  if (length < 0 || static_cast<std::size_t>(length) >= sizeof name) return kNoLimit;
  const int fd = open(name, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return kNoLimit;
  // A hierarchy a line: "4:memory:/group", and "0::/group" for version 2, which comes last.
  ByteCount limit = kNoLimit;
  bool is_found = false;
  LineBuffers<512, 512> buffers;
  for_each_line(
      buffers, [fd](char* to, std::size_t bytes) { return read(fd, to, bytes); },
      [&](Text line) {
        const std::size_t first = line.find(':');
        const std::size_t second = line.find(':', first + 1);
        if (is_found || first == Text::npos || second == Text::npos) return;
        const Text number(line.data(), first);
        const Text controllers(line.data() + first + 1, second - first - 1);
        const Text group(line.data() + second + 1, line.size() - second - 1);
        const bool is_v1 = has_memory(controllers);
        is_found = is_v1 || (number == "0" && controllers.empty());
        if (is_found) limit = lowest_limit(root, is_v1 ? kVersion1 : kVersion2, group);
      });
  close(fd);
  return limit;
}

}  // namespace superslab

#endif

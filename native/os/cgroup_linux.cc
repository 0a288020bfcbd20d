#if defined(__linux__)

#include "os/cgroup_linux.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "os/limits.h"
#include "os/read_text.h"
#include "os/text_lines.h"

namespace superslab {
namespace {

using Text = std::string_view;

// Where systemd and all containers mount them. Beside version 1 that of version 2 has a folder of
// its own.
constexpr Text kMountV1 = "/sys/fs/cgroup/memory";
constexpr Text kMountV2 = "/sys/fs/cgroup";
constexpr Text kMountHybrid = "/sys/fs/cgroup/unified";

bool has_memory(Text controllers) {
  while (!controllers.empty()) {
    const std::size_t end = std::min(controllers.find(','), controllers.size());
    if (Text(controllers.data(), end) == "memory") return true;
    controllers.remove_prefix(std::min(end + 1, controllers.size()));
  }
  return false;
}

/// A hierarchy a line: "4:memory:/group", and "0::/group" for version 2, which comes last.
void note_line(Text line, ControlGroups& out) {
  const std::size_t first = line.find(':');
  const std::size_t second = line.find(':', first + 1);
  if (first == Text::npos || second == Text::npos) return;
  const Text number(line.data(), first);
  const Text controllers(line.data() + first + 1, second - first - 1);
  const Text group(line.data() + second + 1, line.size() - second - 1);
  if (has_memory(controllers)) {
    if (out.memory) return;
    out.memory = GroupFolder(kMountV1, group);
    out.is_v1 = true;
  } else if (number == "0" && controllers.empty()) {
    out.unified = GroupFolder(out.is_v1 ? kMountHybrid : kMountV2, group);
    if (!out.memory) out.memory = out.unified;
  }
}

}  // namespace

GroupFolder::GroupFolder(Text mount, Text group) : top_(mount.size()) {
  append(mount);
  append(group);
  if (top_ + group.size() > kMax) leave();
}

void GroupFolder::append(Text text) {
  const std::size_t bytes = std::min(text.size(), kMax - length_);
  std::memcpy(path_ + length_, text.data(), bytes);
  length_ += bytes;
}

void GroupFolder::write_path(const char* file, char (&out)[kMax + 32]) const {
  snprintf(out, sizeof out, "%.*s/%s", static_cast<int>(length_), path_, file);
}

int GroupFolder::open_below(const char* root, const char* file) const {
  char path[512];
  const int length =
      snprintf(path, sizeof path, "%s%.*s/%s", root, static_cast<int>(length_), path_, file);
  if (length < 0 || static_cast<std::size_t>(length) >= sizeof path) return -1;
  return open(path, O_RDONLY | O_CLOEXEC);
}

std::uint64_t GroupFolder::number_in(const char* root, const char* file,
                                     std::uint64_t otherwise) const {
  char path[kMax + 32];
  write_path(file, path);
  return read_number(root, path, otherwise);
}

bool GroupFolder::text_in(const char* root, const char* file, char* text, std::size_t size) const {
  char path[kMax + 32];
  write_path(file, path);
  return read_text(root, path, text, size);
}

std::uint64_t GroupFolder::keyed_number_in(const char* root, const char* file, Text key,
                                           std::uint64_t otherwise) const {
  const int fd = open_below(root, file);
  if (fd < 0) return otherwise;
  std::uint64_t found = otherwise;
  LineBuffers<512, 128> buffers;
  for_each_line(
      buffers, [fd](char* to, std::size_t bytes) { return read(fd, to, bytes); },
      [&](Text line) {
        if (line.size() <= key.size() || !line.starts_with(key) || line[key.size()] != ' ') return;
        char digits[24] = {};
        const std::size_t at = key.size() + 1;
        std::memcpy(digits, line.data() + at, std::min(line.size() - at, sizeof digits - 1));
        char* stop = nullptr;
        const unsigned long long number = strtoull(digits, &stop, 10);
        if (stop != digits) found = number;
      });
  close(fd);
  return found;
}

bool GroupFolder::leave() {
  if (length_ <= top_) return false;
  while (length_ > top_ && path_[length_ - 1] != '/') --length_;
  while (length_ > top_ && path_[length_ - 1] == '/') --length_;
  return true;
}

ControlGroups find_control_groups(const char* root) {
  ControlGroups groups;
  char name[256];
  const int length = snprintf(name, sizeof name, "%s/proc/self/cgroup", root);
  if (length < 0 || static_cast<std::size_t>(length) >= sizeof name) return groups;
  const int fd = open(name, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return groups;
  LineBuffers<512, 512> buffers;
  for_each_line(
      buffers, [fd](char* to, std::size_t bytes) { return read(fd, to, bytes); },
      [&](Text line) { note_line(line, groups); });
  close(fd);
  return groups;
}

ByteCount read_memory_limit(const char* root) {
  const ControlGroups groups = find_control_groups(root);
  ByteCount lowest = kNoLimit;
  if (!groups.memory) return lowest;
  GroupFolder folder = groups.memory;
  do {
    if (groups.is_v1) {
      lowest = std::min(lowest, folder.number_in(root, "memory.limit_in_bytes", kNoLimit));
      continue;
    }
    lowest = std::min(lowest, folder.number_in(root, "memory.max", kNoLimit));
    // Above it the kernel kills nothing, but stops the threads of the group again and again.
    lowest = std::min(lowest, folder.number_in(root, "memory.high", kNoLimit));
  } while (folder.leave());
  return lowest;
}

}  // namespace superslab

#endif

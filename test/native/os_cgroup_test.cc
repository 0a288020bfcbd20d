// The memory limit of control groups, in trees that stand for the machine's files.
#if defined(__linux__)

#include "os/cgroup_linux.h"

#include "check.h"
#include "os/limits.h"
#include "os_temp_tree.h"

using namespace superslab;
using namespace superslab_test;

namespace {

struct Groups : TempTree {
  /// The limit of a process of which /proc/self/cgroup says `own`.
  ByteCount limit(const std::string& own) {
    return write("/proc/self/cgroup", own) ? read_memory_limit(root()) : 0;
  }
  void set(const std::string& folder, const std::string& file, const std::string& text) {
    CHECK(write("/sys/fs/cgroup" + folder + "/" + file, text + "\n"));
  }
};

}  // namespace

TEST(os, "without control groups, or files of theirs, there is no limit on memory") {
  Groups groups;
  CHECK_EQ(read_memory_limit(groups.root()), kNoLimit);
  CHECK_EQ(groups.limit("0::/\n"), kNoLimit);
  CHECK_EQ(groups.limit(""), kNoLimit);
  CHECK_EQ(groups.limit("no group\n"), kNoLimit);
}

TEST(os, "the lowest memory limit of a group and of those around it counts, in version 2") {
  Groups groups;
  groups.set("/a/b", "memory.max", "max");
  CHECK_EQ(groups.limit("0::/a/b\n"), kNoLimit);
  groups.set("/a", "memory.max", "134217728");
  CHECK_EQ(groups.limit("0::/a/b\n"), 128 * kMiB);
  groups.set("/a/b", "memory.max", "67108864");
  CHECK_EQ(groups.limit("0::/a/b\n"), 64 * kMiB);
  groups.set("", "memory.max", "33554432");
  CHECK_EQ(groups.limit("0::/a/b\n"), 32 * kMiB);
  // Not that of a neighbour.
  groups.set("/a/c", "memory.max", "4096");
  CHECK_EQ(groups.limit("0::/a/b"), 32 * kMiB);
  groups.set("/a", "memory.high", "16777216");
  CHECK_EQ(groups.limit("0::/a/b\n"), 16 * kMiB);
}

TEST(os, "version 1 counts where memory is one of its controllers") {
  Groups groups;
  groups.set("/memory/x", "memory.limit_in_bytes", "134217728");
  groups.set("/x", "memory.max", "4096");
  CHECK_EQ(groups.limit("9:cpu,memory:/x\n1:cpu:/y\n0::/x\n"), 128 * kMiB);
  CHECK_EQ(groups.limit("4:memory:/x/y/z\n"), 128 * kMiB);
  CHECK_EQ(groups.limit("4:memory:/z\n"), kNoLimit);
  CHECK_EQ(groups.limit("4:memory_of:/x\n3:cpu:/x\n"), kNoLimit);
  groups.set("/memory", "memory.limit_in_bytes", "9223372036854771712");
  CHECK(groups.limit("4:memory:/z\n") > 1024 * 1024 * kGiB);
}

TEST(os, "a container's limit is found where its path is that of the machine") {
  Groups groups;
  groups.set("", "memory.max", "134217728");
  CHECK_EQ(groups.limit("0::/system.slice/docker-0123.scope\n"), 128 * kMiB);
  CHECK_EQ(groups.limit("0::/../../other\n"), 128 * kMiB);
  CHECK_EQ(groups.limit("0::/\n"), 128 * kMiB);
}

TEST(os, "of groups that are nested too deeply the outer ones count") {
  Groups groups;
  groups.set("/outer", "memory.max", "134217728");
  std::string deep = "/outer";
  while (deep.size() < 390) deep += "/inner";
  groups.set(deep, "memory.max", "4096");
  CHECK_EQ(groups.limit("0::" + deep + "\n"), 128 * kMiB);
  // Longer than a line that is kept.
  CHECK_EQ(groups.limit("0::/outer/" + std::string(3000, 'x') + "\n"), 128 * kMiB);
  CHECK_EQ(groups.limit("3:cpu:/" + std::string(3000, 'x') + "\n0::/outer\n"), 128 * kMiB);
}

#endif

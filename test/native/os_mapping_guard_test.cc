// SIGBUS: a page whose file was cut, and faults that are none of ours.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "check.h"
#include "os/linux_files.h"
#include "os/mapping_guard.h"
#include "os_temp_tree.h"

#if defined(__linux__)

namespace superslab {
namespace {

using superslab_test::run_in_child;
using superslab_test::TempTree;

struct Mapped {
  TempTree tree;
  std::unique_ptr<File> file;
  char* address = nullptr;

  Mapped() {
    const std::string path = std::string(tree.root()) + "/file";
    void* at = nullptr;
    if (system_files().create(path.c_str(), 0600, &file).ok() &&
        file->allocate(0, 4 * 65536).ok() &&
        file->map(0, 4 * 65536, FileMapping::kShared, &at).ok())
      address = static_cast<char*>(at);
  }
  ~Mapped() {
    if (address != nullptr) unmap_file(address, 4 * 65536);
  }
};

volatile sig_atomic_t foreign_faults;
void* foreign_page;

void on_foreign_fault(int, siginfo_t*, void*) {
  foreign_faults = foreign_faults + 1;
  if (!map_zeros(foreign_page, 65536)) _exit(9);
}

// The first of these tests: the handler that was there before has to be this one.
TEST(os, "a fault elsewhere goes to the handler that was there before") {
  CHECK_EQ(run_in_child([] {
             struct sigaction theirs {};
             theirs.sa_sigaction = on_foreign_fault;
             theirs.sa_flags = SA_SIGINFO;
             sigaction(SIGBUS, &theirs, nullptr);
             Mapped ours;
             Mapped foreign;
             foreign_page = foreign.address;
             if (guard_mapping(ours.address, 4 * 65536) == nullptr) return 1;
             if (!foreign.file->set_size(0).ok() || !ours.file->set_size(0).ok()) return 2;
             if (*static_cast<volatile char*>(ours.address) != 0) return 3;
             if (foreign_faults != 0) return 4;
             if (*static_cast<volatile char*>(foreign.address) != 0) return 5;
             return foreign_faults == 1 ? 0 : 6;
           }),
           0);
}

TEST(os, "a touched page of a file that was cut becomes zeros, and its range is lost") {
  Mapped mapped;
  CHECK(mapped.address != nullptr);
  std::memset(mapped.address, 'x', 4 * 65536);
  GuardedMapping* const guard = guard_mapping(mapped.address, 4 * 65536);
  CHECK(guard != nullptr);
  CHECK(!guard->is_lost());
  CHECK(mapped.file->set_size(65536).ok());
  volatile char* const bytes = mapped.address;
  CHECK(bytes[100] == 'x');
  CHECK(!guard->is_lost());
  CHECK(bytes[2 * 65536 + 5000] == 0);
  CHECK(guard->is_lost());
  CHECK_EQ(guard->lost.load(), 2 * 65536 + 4096 + 1);
  bytes[3 * 65536] = 'y';
  CHECK(bytes[3 * 65536] == 'y');
  unguard_mapping(guard);
}

/// A sanitizer has a handler of its own, which ends the process by exit().
bool is_end_by_bus_error(int end) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return end == 256 + SIGBUS || end == 1 || end == 66;
#else
  return end == 256 + SIGBUS;
#endif
}

TEST(os, "a fault that nobody answers ends the process, and so does a signal that is sent") {
  const int by_fault = run_in_child([] {
    Mapped ours;
    Mapped foreign;
    if (guard_mapping(ours.address, 4 * 65536) == nullptr) return 3;
    if (!foreign.file->set_size(0).ok()) return 4;
    return 5 + *static_cast<volatile char*>(foreign.address);
  });
  CHECK(is_end_by_bus_error(by_fault));
  const int by_signal = run_in_child([] {
    Mapped ours;
    if (guard_mapping(ours.address, 4 * 65536) == nullptr) return 3;
    raise(SIGBUS);
    return 4;
  });
  CHECK(is_end_by_bus_error(by_signal));
}

}  // namespace
}  // namespace superslab

#endif

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

namespace {

constexpr unsigned long kMax = 1 << 16;
unsigned char unread[kMax];

}  // namespace

int ss_chosen_mutant = 0;
unsigned char* ss_reached_mutants = unread;

/// Before the constructors of the program. What its children reach counts too.
[[gnu::constructor(101)]] static void choose_mutant() {
  if (const char* number = getenv("SUPERSLAB_MUTANT")) ss_chosen_mutant = atoi(number);
  const char* path = getenv("SUPERSLAB_MUTANTS_REACHED");
  if (path == nullptr) return;
  const int file = open(path, O_RDWR);
  if (file < 0) _exit(125);
  void* bytes = mmap(nullptr, kMax, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (bytes == MAP_FAILED) _exit(125);
  ss_reached_mutants = static_cast<unsigned char*>(bytes);
}

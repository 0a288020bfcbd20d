// Before main() and after it: constructors of every priority, static objects, destructors.
#include <map>
#include <string>
#include <vector>

#include "check.h"

namespace {

void* early_block;
std::map<int, std::string> names = [] {
  std::map<int, std::string> made;
  for (int i = 0; i < 1000; ++i) made[i] = std::string(100, static_cast<char>('a' + i % 26));
  return made;
}();

struct FreesLate {
  ~FreesLate() {
    free(block);
    for (int i = 0; i < 1000; ++i) free(opaque(malloc(200)));
  }
  void* block = nullptr;
};
FreesLate late;

// Before the constructors of all libraries, also of the one that malloc is in.
void* first_block;
void before_everything() {
  first_block = malloc(2000);
  fill(first_block, 2000, 3);
}
[[gnu::section(".preinit_array"), gnu::used]] void (*const preinit)() = before_everything;

[[gnu::constructor(101)]] void first() {
  early_block = malloc(1000);
  fill(early_block, 1000, 1);
}

[[gnu::destructor(101)]] void last() {
  CHECK(holds(early_block, 1000, 1));
  free(early_block);
  std::vector<std::string> more(1000, std::string(300, 'z'));
  CHECK(more.back().size() == 300);
}

}  // namespace

int main() {
  CHECK(holds(first_block, 2000, 3));
  free(first_block);
  CHECK(holds(early_block, 1000, 1));
  CHECK(names.size() == 1000 && names[26] == std::string(100, 'a'));
  late.block = malloc(5000);
}

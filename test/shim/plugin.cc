// A library for dlopen_library.c: C++, while the program that loads it is plain C.
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

namespace {
std::vector<std::string> made_at_load(500, std::string(80, 'p'));
thread_local std::vector<int> of_thread(100, 7);
}  // namespace

extern "C" void* plugin_allocates(size_t size) { return std::malloc(size); }
extern "C" void plugin_frees(void* p) { std::free(p); }

extern "C" int plugin_works() {
  std::vector<std::string> more = made_at_load;
  more.resize(5000, std::string(200, 'q'));
  of_thread.resize(1000, 7);
  return more[499][79] == 'p' && more[4999][199] == 'q' && of_thread[999] == 7;
}

extern "C" int plugin_catches() {
  volatile size_t too_much = PTRDIFF_MAX;
  try {
    operator delete(operator new(too_much));
  } catch (const std::bad_alloc&) {
    return 1;
  }
  return 0;
}

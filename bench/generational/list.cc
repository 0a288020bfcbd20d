// The same requests by malloc and free, and by an arena as programs write it by hand: values lie one after the other in a chunk that
// each request uses again, and survivors are copied to malloc's memory.
#include "loops.h"

namespace {

using bench::kValues;

class Malloc {
 public:
  template <class Written>
  void request() {
    void* current[kValues];
    for (size_t i = 0; i < kValues; i++) {
      current[i] = malloc(bench::size_of(i));
      Written::write(current[i], i);
    }
    for (void* value : current) {
      if (++count_ == bench::kSurvivesOneOf) {
        count_ = 0;
        survivors_.keep(value, [](void* old) { free(old); });
      } else {
        free(value);
      }
    }
  }

 private:
  bench::Survivors<void*> survivors_;
  size_t count_ = 0;
};

class Arena {
 public:
  Arena() : begin_(static_cast<unsigned char*>(malloc(kBytes))) {}

  template <class Written>
  void request() {
    unsigned char* at = begin_;
    for (size_t i = 0; i < kValues; i++) {
      const size_t size = bench::size_of(i);
      if (at + size > begin_ + kBytes) bench::die("a second chunk");
      Written::write(at, i);
      __asm__ volatile("" : : "r"(at) : "memory");
      if (++count_ == bench::kSurvivesOneOf) {
        count_ = 0;
        void* kept = malloc(size);
        memcpy(kept, at, size);
        survivors_.keep(kept, [](void* old) { free(old); });
      }
      at += (size + 15) & ~size_t{15};
    }
  }

 private:
  static constexpr size_t kBytes = size_t{1} << 16;
  unsigned char* begin_;
  bench::Survivors<void*> survivors_;
  size_t count_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) bench::die("usage: list malloc|arena copied|made");
  if (strcmp(argv[1], "arena") == 0) {
    static Arena arena;
    return bench::measure_requests(arena, argv[2]);
  }
  static Malloc plain;
  return bench::measure_requests(plain, argv[2]);
}

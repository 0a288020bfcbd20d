// Many vectors that grow at the same time by appending: each gets its next piece in turn, so none
// can simply stay at the end of the heap.
#include "support.h"

namespace {

// One word of each cache line is written and checked: all of it would measure the memory, not
// realloc.
constexpr size_t kLine = 64;

struct Vector {
  uint8_t* bytes;
  size_t capacity;
  size_t target;
  uint64_t value;
};

struct Setting {
  uint64_t vectors;
  uint64_t together;
  size_t max;   // bytes that the largest vectors reach
  size_t step;  // bytes to grow by; 0: by half
};

void append(Vector& vector, size_t capacity) {
  vector.bytes = static_cast<uint8_t*>(realloc(vector.bytes, capacity));
  if (vector.bytes == nullptr) bench::die("realloc to %zu failed", capacity);
  const size_t first = (vector.capacity + kLine - 1) / kLine * kLine;
  for (size_t at = first; at + sizeof(uint64_t) <= capacity; at += kLine) {
    *reinterpret_cast<uint64_t*>(vector.bytes + at) = vector.value + at;
  }
  vector.capacity = capacity;
}

uint64_t drop(Vector& vector) {
  uint64_t check = 0;
  for (size_t at = 0; at + sizeof(uint64_t) <= vector.capacity; at += kLine) {
    const uint64_t word = *reinterpret_cast<uint64_t*>(vector.bytes + at);
    if (word != vector.value + at)
      bench::die("vector of %zu B: wrong word at %zu", vector.capacity, at);
    check += word;
  }
  free(vector.bytes);
  vector.bytes = nullptr;
  return check;
}

uint64_t work(const Setting& setting, uint64_t& reallocations) {
  bench::Pages<Vector> vectors(setting.together);
  bench::Random random(1);
  uint64_t begun = 0;
  uint64_t ended = 0;
  uint64_t check = 0;
  while (ended < setting.vectors) {
    for (uint64_t i = 0; i < setting.together; i++) {
      Vector& vector = vectors[i];
      if (vector.bytes == nullptr) {
        if (begun == setting.vectors) continue;
        begun++;
        vector = {nullptr, 0, random.skewed(64, setting.max), random.next()};
        append(vector, setting.step == 0 ? 16 : setting.step);
      } else if (vector.capacity >= vector.target) {
        check += drop(vector);
        ended++;
        continue;
      } else {
        // Multiples of a word, so that no checked word straddles a capacity.
        const size_t more = setting.step == 0 ? (vector.capacity / 2 + 7) / 8 * 8 : setting.step;
        append(vector, vector.capacity + more);
      }
      reallocations++;
    }
  }
  return check;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Run run(argc, argv, "VECTORS TOGETHER MAX STEP    (STEP in bytes, 0: by half)");
  const Setting setting{run.number(), run.number(), run.number(), run.number()};
  run.start();
  uint64_t reallocations = 0;
  const uint64_t check = work(setting, reallocations);
  run.stop(reallocations, check);
  return run.finish();
}

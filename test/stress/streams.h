// Streams that threads share: the C library allocates while it holds their locks, and takes all of
// them to flush all, and to fork.
#pragma once

#include "fail.h"
#include "random.h"

class Streams {
 public:
  void open() {
    for (FILE*& stream : streams_) {
      stream = tmpfile();
      if (stream == nullptr) fail("tmpfile: %s", strerror(errno));
    }
  }

  /// Leaves those alone that are shared: in a child of a fork another thread may have been at one.
  static void work_alone(Random& random) {
    random.one_in(2) ? write_to_memory(random) : open_and_close();
  }

  void work(Random& random) {
    FILE* const stream = streams_[random.below(kStreams)];
    switch (random.below(6)) {
      case 0:
        fflush(nullptr);
        break;
      case 1:
        read_lines(stream);
        break;
      case 2:
        write_to_memory(random);
        break;
      case 3:
        open_and_close();
        break;
      default:
        // %.*f of a large number allocates inside of printf.
        fprintf(stream, "%s %.*f\n", "a line", static_cast<int>(random.below(600)), 1e300);
        if (random.one_in(50)) start_again(stream);
    }
  }

 private:
  static constexpr unsigned kStreams = 3;

  static void start_again(FILE* stream) {
    flockfile(stream);
    fflush(stream);
    rewind(stream);
    (void)!ftruncate(fileno(stream), 0);
    funlockfile(stream);
  }

  /// getline() resizes its line with the stream's lock held.
  static void read_lines(FILE* stream) {
    char* line = nullptr;
    size_t bytes = 0;
    flockfile(stream);
    rewind(stream);
    for (int i = 0; i < 20 && getline(&line, &bytes, stream) > 0; ++i) {
    }
    fseek(stream, 0, SEEK_END);
    funlockfile(stream);
    free(line);
  }

  static void write_to_memory(Random& random) {
    char* text = nullptr;
    size_t bytes = 0;
    FILE* stream = open_memstream(&text, &bytes);
    if (stream == nullptr) return;
    const size_t count = random.below(300);
    for (size_t i = 0; i < count; ++i) fprintf(stream, "%zu,", i);
    fclose(stream);
    if (count != 0 && text[bytes - 1] != ',') fail("open_memstream: other content");
    free(text);
  }

  static void open_and_close() {
    FILE* stream = fopen("/proc/self/stat", "r");
    if (stream == nullptr) return;
    char text[64];
    if (fgets(text, sizeof text, stream) == nullptr) fail("fgets: nothing");
    fclose(stream);
  }

  FILE* streams_[kStreams] = {};
};

inline Streams streams;

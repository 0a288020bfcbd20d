/* A program without a C++ library stays one. */
#include "check.h"

int main(void) {
  free(opaque(malloc(100)));
  FILE* maps = fopen("/proc/self/maps", "r");
  CHECK(maps != NULL);
  char line[1000];
  int ours = 0;
  while (fgets(line, sizeof line, maps) != NULL) {
    CHECK(strstr(line, "libstdc++") == NULL);
    CHECK(strstr(line, "libgcc_s") == NULL);
    ours |= strstr(line, "libsuperslab.so") != NULL;
  }
  CHECK(ours);
  fclose(maps);
}

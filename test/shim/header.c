/* superslab.h in C. */
#include "superslab.h"

int main(void) {
  ss_heap* heap = ss_heap_new(0);
  int wrong = heap == NULL || ss_heap_malloc(heap, 10) == NULL;
  ss_heap_delete(heap);
  return wrong;
}

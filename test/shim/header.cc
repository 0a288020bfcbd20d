// superslab.h in C++.
#include "superslab.h"

struct Node {
  Node* next;
};

DEFINE_OBJECT_POOL(node, Node)

int main() {
  void* (*allocate)(size_t) = ss_malloc;
  void (*release)(void*) = ss_free;
  release(allocate(10));
  node_pool* nodes = node_pool_new(NULL);
  const int wrong = node_pool_put(nodes, node_pool_get(nodes));
  return node_pool_free(nodes) != 0 || wrong != 0;
}

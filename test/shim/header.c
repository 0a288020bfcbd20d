/* superslab.h in C. */
#include "superslab.h"

struct node {
  struct node* next;
};

static int link_node(struct node* node, void* context) {
  node->next = (struct node*)context;
  return 0;
}
static void unlink_node(struct node* node, void* context) { (void)node, (void)context; }

DEFINE_OBJECT_POOL(node, struct node)
DEFINE_OBJECT_POOL_WITH(linked, struct node, link_node, unlink_node)

int main(void) {
  ss_heap* heap = ss_heap_new(0);
  int wrong = heap == NULL || ss_heap_malloc(heap, 10) == NULL;
  node_pool* nodes = node_pool_new(NULL);
  linked_pool* linked = linked_pool_new(NULL);
  wrong |= node_pool_put(nodes, node_pool_get(nodes));
  wrong |= linked_pool_put(linked, linked_pool_get(linked));
  wrong |= node_pool_free(nodes) != 0 || linked_pool_free(linked) != 0;
  ss_heap_delete(heap);
  return wrong;
}

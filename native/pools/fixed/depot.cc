#include "pools/fixed/depot.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "base/program_order.h"

namespace superslab {

Depot::~Depot() {
  assert(count() == 0);
  while (top_ != nullptr) take_off();
  if (spare_ != nullptr) space_.metadata().destroy(spare_);
}

Depot::Node* Depot::node_with_room() {
  if (top_ != nullptr && top_->count < kNodeObjects) return top_;
  Node* node = spare_;
  spare_ = nullptr;
  if (node == nullptr) node = space_.metadata().make<Node>(space_.os());
  if (node == nullptr) return nullptr;
  node->count = 0;
  node->next = top_;
  in_program_order();
  top_ = node;
  return node;
}

void Depot::take_off() {
  Node* node = top_;
  assert(node->count == 0);
  top_ = node->next;
  in_program_order();
  if (spare_ == nullptr) {
    spare_ = node;
  } else {
    space_.metadata().destroy(node);
  }
}

std::size_t Depot::push(void* const* objects, std::size_t count, std::size_t limit) {
  const std::size_t before = this->count();
  const std::size_t wanted = std::min(count, limit - std::min(limit, before));
  std::size_t put = 0;
  while (put < wanted) {
    Node* node = node_with_room();
    if (node == nullptr) break;
    const std::size_t n = std::min<std::size_t>(wanted - put, kNodeObjects - node->count);
    std::memcpy(node->objects + node->count, objects + put, n * sizeof *objects);
    in_program_order();
    node->count += static_cast<std::uint32_t>(n);
    put += n;
  }
  count_.store(before + put, std::memory_order_relaxed);
  return put;
}

std::size_t Depot::pop(void** out, std::size_t wanted) {
  const std::size_t before = count();
  std::size_t got = 0;
  while (got < wanted && top_ != nullptr) {
    const std::size_t n = std::min<std::size_t>(wanted - got, top_->count);
    top_->count -= static_cast<std::uint32_t>(n);
    in_program_order();
    for (std::size_t i = 0; i < n; ++i) out[got + i] = top_->objects[top_->count + n - 1 - i];
    got += n;
    if (top_->count == 0) take_off();
  }
  count_.store(before - got, std::memory_order_relaxed);
  low_water_ = std::min(low_water_, before - got);
  return got;
}

void Depot::survive_fork() {
  std::size_t found = 0;
  for (const Node* node = top_; node != nullptr; node = node->next) found += node->count;
  count_.store(found, std::memory_order_relaxed);
  low_water_ = std::min(low_water_, found);
}

}  // namespace superslab

#include "pools/generational/value_memory.h"

#include "heap/size_class.h"

namespace superslab {

std::byte* ValueMemory::take(ByteCount bytes) {
  void* block = nullptr;
  if (bytes <= kMaxClassBytes) {
    owner_->take(class_for(bytes), &block, 1);
  } else if (const Superslab* head = heap_.huge().take(bytes, owner_); head != nullptr) {
    block = head->base;
  }
  if (block != nullptr) return static_cast<std::byte*>(block);
  heap_.count_failed_request();
  if (!heap_.budget().has_room(bytes)) heap_.count_exhausted();
  return nullptr;
}

void ValueMemory::give(std::byte* block, ByteCount bytes) {
  if (bytes > kMaxClassBytes) {
    heap_.give_huge(&heap_.space().superslab_of(block));
    return;
  }
  void* one = block;
  owner_->give(&one, 1);
}

}  // namespace superslab

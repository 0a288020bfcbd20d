// Packets as programs write them by hand, for one thread: a header and the bytes in one block, which comes from malloc or from a free
// list. Who wants the same bytes twice copies them.
#include "loops.h"

namespace {

struct Plain {
  unsigned char* data;
  size_t length;
  Plain* next;
  size_t capacity;

  unsigned char* bytes() { return reinterpret_cast<unsigned char*>(this + 1); }
};
constexpr size_t kHeadroom = 128;

class List {
 public:
  using Packet = Plain*;
  List(size_t size, bool keeps) : size_(size), keeps_(keeps) {}

  void get_bulk(Packet* out, size_t count) {
    for (size_t i = 0; i < count; i++) out[i] = get();
  }
  void release_bulk(Packet* packets, size_t count) {
    for (size_t i = 0; i < count; i++) release(packets[i]);
  }
  void* put(Packet packet, size_t n) {
    if (packet->data + packet->length + n > packet->bytes() + packet->capacity) return nullptr;
    void* at = packet->data + packet->length;
    packet->length += n;
    return at;
  }
  void* push(Packet packet, size_t n) {
    if (n > static_cast<size_t>(packet->data - packet->bytes())) return nullptr;
    packet->data -= n;
    packet->length += n;
    return packet->data;
  }
  void pull(Packet packet, size_t n) {
    if (n > packet->length) return;
    packet->data += n;
    packet->length -= n;
  }
  Packet share(Packet packet) {
    Packet other = get();
    memcpy(put(other, packet->length), packet->data, packet->length);
    return other;
  }

 private:
  Packet get() {
    Packet packet = first_;
    if (packet != nullptr) {
      first_ = packet->next;
    } else {
      packet = static_cast<Packet>(malloc(sizeof(Plain) + size_));
      packet->capacity = size_;
    }
    packet->data = packet->bytes() + kHeadroom;
    packet->length = 0;
    return packet;
  }
  void release(Packet packet) {
    if (!keeps_) {
      free(packet);
      return;
    }
    packet->next = first_;
    first_ = packet;
  }

  const size_t size_;
  const bool keeps_;
  Packet first_ = nullptr;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) bench::die("usage: list malloc|list bulk|offsets|share BYTES");
  const size_t bytes = bench::number(argv[3]);
  List list(bytes + 548, strcmp(argv[1], "list") == 0);
  return bench::measure_packets(list, argv[2], bytes);
}

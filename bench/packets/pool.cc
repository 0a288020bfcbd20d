// Packets of superslab's. `copy` shares by a copy instead of a clone.
#include "superslab.h"

#include "loops.h"

namespace {

class Pool {
 public:
  using Packet = ss_packet*;
  Pool(size_t size, bool copies) : copies_(copies) {
    ss_packet_pool_options options = SS_PACKET_POOL_OPTIONS;
    options.size = size;
    options.initial = 128;
    pool_ = ss_packet_pool_new(&options);
    if (pool_ == nullptr) bench::die("no pool");
  }
  void get_bulk(Packet* out, size_t count) {
    if (count == 1) {
      *out = ss_packet_pool_get(pool_);
    } else {
      ss_packet_pool_get_bulk(pool_, out, count);
    }
  }
  void release_bulk(Packet* packets, size_t count) {
    if (count == 1) {
      ss_packet_release(*packets);
    } else {
      ss_packet_release_bulk(packets, count);
    }
  }
  void* put(Packet packet, size_t n) { return ss_packet_put(packet, n); }
  void* push(Packet packet, size_t n) { return ss_packet_push(packet, n); }
  void pull(Packet packet, size_t n) { ss_packet_pull(packet, n); }
  Packet share(Packet packet) {
    return copies_ ? ss_packet_copy(packet) : ss_packet_clone(packet);
  }

 private:
  const bool copies_;
  ss_packet_pool* pool_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) bench::die("usage: pool clone|copy bulk|offsets|share BYTES");
  const size_t bytes = bench::number(argv[3]);
  Pool pool(bytes + 548, strcmp(argv[1], "copy") == 0);
  return bench::measure_packets(pool, argv[2], bytes);
}

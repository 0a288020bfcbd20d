// Packets: whatever is done with them, they have the bytes that strings would have, and all memory
// comes home.
#include <set>
#include <thread>

#include "check.h"
#include "packet_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

/// Packets, what they must have, and random steps.
class Model {
 public:
  Model(PacketPool& pool, std::uint64_t seed, std::size_t most)
      : pool_(pool), random_(seed), most_(most) {}

  /// Ends with nothing out.
  void run(int steps) {
    for (int i = 0; i < steps && good; ++i) step();
    while (!live_.empty()) release(0);
  }

  bool good = true;
  unsigned refused = 0;
  std::size_t attached = 0;
  std::size_t freed = 0;

 private:
  struct One {
    Segment* packet;
    std::string bytes;
  };
  struct Attached {
    Model* model;
    std::string bytes;
  };

  std::string fresh(std::size_t n) {
    std::string bytes(n, '\0');
    for (char& byte : bytes) byte = static_cast<char>(++seed_);
    return bytes;
  }

  void add(Segment* packet, std::string bytes) {
    if (packet == nullptr) {
      ++refused;
      return;
    }
    live_.push_back({packet, std::move(bytes)});
    check(live_.back());
  }

  void check(const One& one) {
    good = good && is_whole(*one.packet) && one.packet->length() == one.bytes.size() &&
           bytes_of(*one.packet) == one.bytes;
  }

  void release(std::size_t at) {
    check(live_[at]);
    release_packet(*live_[at].packet);
    live_.erase(live_.begin() + static_cast<std::ptrdiff_t>(at));
  }

  /// A write into the memory of several packets would change others' bytes.
  static void store(std::byte* at, const std::string& bytes) {
    std::copy_n(reinterpret_cast<const std::byte*>(bytes.data()), bytes.size(), at);
  }

  void make(std::uint64_t kind) {
    PacketFault fault;
    if (kind == 0) {
      add(pool_.get(fault), "");
    } else if (kind == 1) {
      const std::string bytes = fresh(random_.below(200));
      add(packet::from_bytes(pool_, bytes.data(), bytes.size(), fault), bytes);
    } else {
      const std::string bytes = fresh(random_.below(100));
      auto memory = std::unique_ptr<Attached>(new Attached{this, bytes});
      Segment* made = pool_.attach(
          memory->bytes.data(), bytes.size(),
          [](void*, std::size_t, void* context) {
            const std::unique_ptr<Attached> owned(static_cast<Attached*>(context));
            ++owned->model->freed;
          },
          memory.get(), fault);
      attached += made != nullptr;
      if (made != nullptr) memory.release();
      add(made, bytes);
    }
  }

  void step() {
    if (live_.size() < 2 || (live_.size() < most_ && random_.below(4) == 0)) {
      make(random_.below(3));
      return;
    }
    const std::size_t at = random_.below(live_.size());
    change(at);
    for (const One& one : live_) check(one);
  }

  void change(std::size_t at) {
    One& one = live_[at];
    Segment& packet = *one.packet;
    const std::size_t from = random_.below(one.bytes.size() + 1);
    const std::size_t to = from + random_.below(one.bytes.size() - from + 1);
    PacketFault fault = PacketFault::kNone;
    switch (random_.below(13)) {
      case 0: {
        const std::string added = fresh(random_.below(24));
        const bool fits = added.size() <= packet.headroom();
        std::byte* begin = packet::push(packet, added.size());
        good = good && (begin != nullptr) == fits;
        if (begin == nullptr) return;
        store(begin, added);
        one.bytes = added + one.bytes;
        return;
      }
      case 1: {
        const std::string added = fresh(random_.below(24));
        std::byte* begin = packet::put(packet, added.size());
        if (begin == nullptr) return;
        store(begin, added);
        one.bytes += added;
        return;
      }
      case 2:
        good = good && packet::pull(packet, from) && !packet::pull(packet, one.bytes.size() + 1);
        one.bytes.erase(0, from);
        return;
      case 3:
        good = good && packet::trim(packet, from) && !packet::trim(packet, one.bytes.size() + 1);
        one.bytes.erase(one.bytes.size() - from);
        return;
      case 4: {
        const std::size_t other = (at + 1) % live_.size();
        packet::append(packet, *live_[other].packet);
        one.bytes += live_[other].bytes;
        live_.erase(live_.begin() + static_cast<std::ptrdiff_t>(other));
        return;
      }
      case 5: {
        Segment* rest = packet::split(packet, from, fault);
        if (rest == nullptr) {
          ++refused;
          return;
        }
        std::string behind = one.bytes.substr(from);
        one.bytes.erase(from);
        add(rest, std::move(behind));
        return;
      }
      case 6:
        add(packet::slice(packet, from, to, fault), one.bytes.substr(from, to - from));
        return;
      case 7:
        add(packet::slice(packet, 0, packet.length(), fault), one.bytes);
        return;
      case 8:
        add(packet::copy(packet, fault), one.bytes);
        return;
      case 9:
        fault = packet::linearize(packet);
        if (fault == PacketFault::kNone) good = good && packet.count == 1;
        if (fault != PacketFault::kNone && fault != PacketFault::kLength) ++refused;
        return;
      case 10: {
        const std::string added = fresh(random_.below(150));
        fault = packet::write(packet, added.data(), added.size());
        if (fault == PacketFault::kNone) {
          one.bytes += added;
        } else {
          ++refused;
        }
        return;
      }
      case 11: {
        std::string copied(to - from, '\0');
        packet::read(packet, from, copied.size(), copied.data());
        good = good && copied == one.bytes.substr(from, to - from);
        if (const std::byte* place = packet::look(packet, from, to - from); place != nullptr)
          good = good && std::memcmp(place, copied.data(), copied.size()) == 0;
        return;
      }
      default:
        release(at);
    }
  }

  PacketPool& pool_;
  Random random_;
  const std::size_t most_;
  std::vector<One> live_;
  unsigned char seed_ = 0;
};

}  // namespace

TEST(pools, "packet: whatever is done, packets have the bytes that strings would have") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Context context("seed " + std::to_string(seed));
    TestPackets t;
    CHECK(t.open());
    Model model(*t, seed, 12);
    model.run(3000);
    CHECK(model.good);
    CHECK_EQ(model.refused, 0u);
    CHECK_EQ(model.attached, model.freed);
    CHECK_EQ(t.rooms->in_use() + t.segments->in_use(), 0u);
    CHECK_EQ(t.rooms->check(), PoolFault::kNone);
    CHECK_EQ(t.segments->check(), PoolFault::kNone);
    CHECK(t.ends_clean());
  }
}

TEST(pools, "packet: at the limit what fails has changed nothing") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    TestPackets t(kSmallPackets, 16);
    CHECK(t.open());
    Model model(*t, seed, 30);
    model.run(3000);
    CHECK(model.good);
    CHECK(model.refused > 0);
    CHECK_EQ(model.attached, model.freed);
    CHECK_EQ(t.rooms->in_use() + t.segments->in_use(), 0u);
    CHECK(t.ends_clean());
  }
}

namespace {

/// So large that there are many calls.
constexpr PacketPoolOptions kLargePackets{.size = 60'000, .headroom = 16, .tailroom = 4};

void fail_each_call(FakeOs::Lasts lasts, bool in_rooms) {
  std::uint64_t calls = 0;
  const auto os = [&](TestPackets& t) -> FakeOs& {
    return in_rooms ? t.rooms.os() : t.segments.os();
  };
  {
    TestPackets t(kLargePackets);
    const std::uint64_t first = os(t).calls();
    CHECK(t.open());
    Model model(*t, 7, 200);
    model.run(2000);
    CHECK(model.good);
    calls = os(t).calls() - first;
    CHECK(t.ends_clean());
  }
  CHECK(calls > (in_rooms ? 8 : 1));
  for (std::uint64_t n = 1; n <= calls; ++n) {
    const Context context("call " + std::to_string(n) + " of " + std::to_string(calls));
    TestPackets t(kLargePackets);
    os(t).fail_nth(n, OsStatus::kNoMemory, lasts);
    if (t.open()) {
      Model failing(*t, 7, 200);
      failing.run(2000);
      CHECK(failing.good);
      CHECK_EQ(failing.attached, failing.freed);
      os(t).fail_none();
      Model recovered(*t, 8, 200);
      recovered.run(500);
      CHECK(recovered.good);
      CHECK_EQ(recovered.refused, 0u);
    }
    os(t).fail_none();
    CHECK(t.ends_clean());
  }
}

}  // namespace

TEST(pools, "packet: each call for rooms fails once, or from then on") {
  fail_each_call(FakeOs::Lasts::kOnce, true);
  fail_each_call(FakeOs::Lasts::kFromThenOn, true);
}
TEST(pools, "packet: each call for segments fails once, or from then on") {
  fail_each_call(FakeOs::Lasts::kOnce, false);
  fail_each_call(FakeOs::Lasts::kFromThenOn, false);
}

TEST(pools, "packet: bulks are all or none, and a packet that comes twice is found") {
  TestPackets t(kSmallPackets, 200);
  CHECK(t.open());
  Segment* packets[200];
  CHECK(t->get_bulk(packets, 150) == PacketFault::kNone);
  CHECK(t->get_bulk(packets + 150, 51) == PacketFault::kLimit);
  CHECK_EQ(t.rooms->in_use(), 150u);
  CHECK(t->get_bulk(packets + 150, 50) == PacketFault::kNone);
  CHECK_EQ(std::set<Segment*>(packets, packets + 200).size(), 200u);
  for (Segment* packet : packets) CHECK(is_whole(*packet) && packet->headroom() == 16);
  std::size_t bad;
  Segment* const kept = packets[199];
  packets[199] = packets[3];
  CHECK(release_packets(packets, 200, bad) == PacketFault::kReleased);
  CHECK_EQ(bad, 199u);
  CHECK_EQ(t.rooms->in_use(), 200u);
  for (std::size_t i = 0; i < 199; ++i) CHECK(is_whole(*packets[i]));
  packets[199] = kept;
  CHECK(release_packets(packets, 200, bad) == PacketFault::kNone);
  CHECK_EQ(t.rooms->in_use() + t.segments->in_use(), 0u);
  CHECK(fault_of(*kept) == PacketFault::kReleased);
  alignas(64) Segment none;
  std::memset(static_cast<void*>(&none), 0x41, sizeof none);
  CHECK(fault_of(none) == PacketFault::kNoPacket);
  CHECK(t.ends_clean());
}

TEST(pools, "packet: what is shared has no room at its ends until it is alone") {
  TestPackets t;
  CHECK(t.open());
  PacketFault fault;
  Segment* one = packet::from_bytes(*t, "0123456789", 10, fault);
  CHECK(one->headroom() == 16 && one->tailroom() == 38);
  Segment* clone = packet::slice(*one, 0, 10, fault);
  CHECK(one->headroom() == 0 && clone->tailroom() == 0 && packet::is_shared(*one));
  CHECK(packet::push(*one, 1) == nullptr && packet::put(*clone, 1) == nullptr);
  CHECK(packet::push(*one, 0) != nullptr);
  Segment* head = t->get(fault);
  CHECK(packet::reserve(*head, 8) == PacketFault::kNone && head->headroom() == 24);
  CHECK(packet::reserve(*head, 41) == PacketFault::kLength);
  packet::append(*head, *clone);
  CHECK(packet::reserve(*head, 1) == PacketFault::kNotEmpty);
  std::memcpy(packet::push(*head, 2), "->", 2);
  CHECK_EQ(bytes_of(*head), "->0123456789");
  release_packet(*one);
  CHECK(!packet::is_shared(*head));
  CHECK(head->last->tailroom() == 38);
  CHECK(fault_of(*clone) == PacketFault::kReleased);
  CHECK(packet::linearize(*head) == PacketFault::kNone);
  CHECK(head->count == 1 && bytes_of(*head) == "->0123456789");
  // More than one segment holds.
  for (int i = 0; i < 10; ++i) CHECK(packet::write(*head, "abcdefghij", 10) == PacketFault::kNone);
  CHECK(packet::linearize(*head) == PacketFault::kLength);
  CHECK(packet::extend(*head, 49, fault) == nullptr && fault == PacketFault::kLength);
  std::byte* const more = packet::extend(*head, 48, fault);
  CHECK(more != nullptr && head->last->own_bytes() == 48);
  CHECK_EQ(head->length(), 160u);
  release_packet(*head);
  CHECK_EQ(t.rooms->in_use() + t.segments->in_use(), 0u);
  CHECK(t.ends_clean());
}

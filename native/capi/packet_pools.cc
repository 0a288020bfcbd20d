// Packet pools and packets. An ss_packet_pool is a ProgramPackets, an ss_packet a Segment, whose
// types C does not know.
#include <sys/uio.h>

#include <cerrno>

#include "capi/c_api.h"
#include "capi/json_text.h"
#include "capi/pool_calls.h"
#include "capi/pool_text.h"
#include "malloc/fatal.h"
#include "malloc/program_packets.h"
#include "pools/packet/packet_chain.h"

using namespace superslab;

namespace {

constexpr unsigned kKnownFlags = SS_POOL_CHECKED | SS_POOL_NO_COLOURS | SS_POOL_PER_CPU;

ProgramPackets& from(const ss_packet_pool* pool, const char* function = __builtin_FUNCTION()) {
  auto* found = reinterpret_cast<ProgramKind*>(const_cast<ss_packet_pool*>(pool));
  ProgramPackets::check(function, found);
  return *static_cast<ProgramPackets*>(found);
}

int error_of(PacketFault fault) {
  switch (fault) {
    case PacketFault::kNone:
      break;
    case PacketFault::kNoMemory:
      return ENOMEM;
    case PacketFault::kLimit:
      return ENOBUFS;
    case PacketFault::kClosed:
      return ESHUTDOWN;
    case PacketFault::kReleased:
      return EALREADY;
    case PacketFault::kLength:
      return ERANGE;
    case PacketFault::kNoPacket:
    case PacketFault::kNotEmpty:
    case PacketFault::kItself:
      return EINVAL;
  }
  return 0;
}

/// Sets errno where there is a fault, and only there.
bool is_good(PacketFault fault, int before) {
  errno = fault == PacketFault::kNone ? before : error_of(fault);
  return fault == PacketFault::kNone;
}

[[gnu::noinline]] void refuse(const char* function, const Segment* packet, PacketFault fault) {
  errno = error_of(fault);
  if (ProgramKind::is_checked())
    fail_on_address(function, packet,
                    fault == PacketFault::kReleased ? "released already, or part of a chain"
                                                    : "no packet at all",
                    "is no packet that is out");
  ProgramPackets::count_misuse_of(packet);
}

/// nullptr, with errno, for what is no packet that is out.
[[gnu::always_inline]] inline Segment* live(const ss_packet* p,
                                            const char* function = __builtin_FUNCTION()) {
  auto* packet = reinterpret_cast<Segment*>(const_cast<ss_packet*>(p));
  const PacketFault fault = fault_of(*packet);
  if (fault == PacketFault::kNone) [[likely]]
    return packet;
  refuse(function, packet, fault);
  return nullptr;
}

/// The packet that `make` makes, and errno.
template <class Make>
ss_packet* made(Make make) {
  const int before = errno;
  PacketFault fault = PacketFault::kNone;
  Segment* const packet = make(fault);
  is_good(fault, before);
  return reinterpret_cast<ss_packet*>(packet);
}

template <class Call>
int called(Call call) {
  const int before = errno;
  return is_good(call(), before) ? 0 : -1;
}

int out_of_range() {
  errno = ERANGE;
  return -1;
}

bool has(const Segment& packet, std::size_t offset, std::size_t n) {
  const std::size_t length = packet.length();
  return offset <= length && n <= length - offset;
}

bool read_options(const ss_packet_pool_options* given, ss_packet_pool_options& out) {
  out = SS_PACKET_POOL_OPTIONS;
  if (!read_struct(given, out)) return false;
  if (out.size == 0) out.size = PacketPoolOptions{}.size;
  const PacketPoolOptions packets{out.size, out.headroom, out.tailroom};
  return PacketPool::can_be(packets) &&
         out.max <= kMaxArenas * kArenaBytes / PacketPool::room_bytes(packets) &&
         (out.max == 0 || out.initial <= out.max) && out.cached <= FixedCache::kMaxObjects &&
         (out.flags & ~kKnownFlags) == 0;
}

}  // namespace

ss_packet_pool* ss_packet_pool_new(const ss_packet_pool_options* options) {
  ss_packet_pool_options given;
  if (!read_options(options, given)) {
    errno = EINVAL;
    return nullptr;
  }
  const FixedPoolOptions rooms{
      .max = given.max,
      .initial = given.initial,
      .cached = static_cast<std::uint32_t>(given.cached),
      .has_colours = (given.flags & SS_POOL_NO_COLOURS) == 0,
      .is_checked = (given.flags & SS_POOL_CHECKED) != 0,
      .is_per_cpu = (given.flags & SS_POOL_PER_CPU) != 0,
  };
  ProgramPackets::Made pool;
  with_errno([&] {
    pool = ProgramPackets::make({given.size, given.headroom, given.tailroom}, rooms,
                                given.name == nullptr ? "" : given.name);
    return pool.fault;
  });
  if (pool.fault == FixedFault::kLimit) errno = EMFILE;
  return reinterpret_cast<ss_packet_pool*>(static_cast<ProgramKind*>(pool.pool));
}

ss_packet* ss_packet_pool_get(ss_packet_pool* pool) {
  PacketPool& packets = from(pool).packets();
  return made([&](PacketFault& fault) { return packets.get(fault); });
}

int ss_packet_pool_get_bulk(ss_packet_pool* pool, ss_packet** packets, size_t count) {
  PacketPool& own = from(pool).packets();
  return called([&] { return own.get_bulk(reinterpret_cast<Segment**>(packets), count); });
}

ss_packet* ss_packet_pool_from(ss_packet_pool* pool, const void* bytes, size_t size) {
  PacketPool& packets = from(pool).packets();
  return made([&](PacketFault& fault) { return packet::from_bytes(packets, bytes, size, fault); });
}

ss_packet* ss_packet_pool_attach(ss_packet_pool* pool, void* memory, size_t size,
                                 void (*free)(void* memory, size_t size, void* context),
                                 void* context) {
  PacketPool& packets = from(pool).packets();
  return made(
      [&](PacketFault& fault) { return packets.attach(memory, size, free, context, fault); });
}

size_t ss_packet_pool_trim(ss_packet_pool* pool) {
  const KeepErrno keep;
  return from(pool).trim();
}

size_t ss_packet_pool_close(ss_packet_pool* pool) {
  if (pool == nullptr) return 0;
  const KeepErrno keep;
  return from(pool).close();
}

const char* ss_packet_pool_name(const ss_packet_pool* pool) {
  return from(pool).rooms().name().data();
}

int ss_packet_pool_stats(const ss_packet_pool* pool, ss_pool_stats* stats) {
  return write_stats(stats, [&] { return stats_of(from(pool)); });
}

size_t ss_packet_pool_stats_json(const ss_packet_pool* pool, char* buffer, size_t size) {
  const KeepErrno keep;
  JsonText json(buffer, size);
  write_pool(json, from(pool), Detail::kAll);
  return json.length();
}

const char* ss_packet_pool_check(const ss_packet_pool* pool) {
  const ProgramPackets& own = from(pool);
  const char* const wrong = name_of(own.rooms().check());
  return wrong != nullptr ? wrong : name_of(own.segments().check());
}

int ss_packet_pool_owns(const ss_packet_pool* pool, const void* p) {
  return from(pool).segments().owns(p);
}

int ss_packet_release(ss_packet* packet) {
  Segment* const own = live(packet);
  if (own == nullptr) return -1;
  const KeepErrno keep;
  release_packet(*own);
  return 0;
}

int ss_packet_release_bulk(ss_packet* const* packets, size_t count) {
  const int before = errno;
  std::size_t bad;
  auto* const own = reinterpret_cast<Segment* const*>(packets);
  const PacketFault fault = release_packets(own, count, bad);
  if (is_good(fault, before)) return 0;
  refuse("ss_packet_release_bulk", own[bad], fault);
  return -1;
}

void* ss_packet_push(ss_packet* packet, size_t n) {
  Segment* const own = live(packet);
  if (own == nullptr) return nullptr;
  std::byte* const at = packet::push(*own, n);
  if (at == nullptr) [[unlikely]]
    errno = ERANGE;
  return at;
}

void* ss_packet_pull(ss_packet* packet, size_t n) {
  Segment* const own = live(packet);
  if (own == nullptr) return nullptr;
  const int before = errno;
  if (packet::pull(*own, n)) [[likely]] {
    if (errno != before) errno = before;
    return own->begin();
  }
  errno = ERANGE;
  return nullptr;
}

void* ss_packet_put(ss_packet* packet, size_t n) {
  Segment* const own = live(packet);
  if (own == nullptr) return nullptr;
  std::byte* const at = packet::put(*own, n);
  if (at == nullptr) [[unlikely]]
    errno = ERANGE;
  return at;
}

int ss_packet_trim(ss_packet* packet, size_t n) {
  Segment* const own = live(packet);
  if (own == nullptr) return -1;
  const int before = errno;
  if (!packet::trim(*own, n)) return out_of_range();
  if (errno != before) errno = before;
  return 0;
}

int ss_packet_reserve(ss_packet* packet, size_t n) {
  Segment* const own = live(packet);
  return own == nullptr ? -1 : called([&] { return packet::reserve(*own, n); });
}

void* ss_packet_data(const ss_packet* packet, size_t* bytes) {
  const Segment* const own = live(packet);
  if (bytes != nullptr) *bytes = own == nullptr ? 0 : own->own_bytes();
  return own == nullptr ? nullptr : own->begin();
}

size_t ss_packet_length(const ss_packet* packet) {
  const Segment* const own = live(packet);
  return own == nullptr ? 0 : own->length();
}

size_t ss_packet_headroom(const ss_packet* packet) {
  const Segment* const own = live(packet);
  return own == nullptr ? 0 : own->headroom();
}

size_t ss_packet_tailroom(const ss_packet* packet) {
  const Segment* const own = live(packet);
  return own == nullptr ? 0 : own->last->tailroom();
}

size_t ss_packet_segments(const ss_packet* packet) {
  const Segment* const own = live(packet);
  return own == nullptr ? 0 : own->count;
}

int ss_packet_is_shared(const ss_packet* packet) {
  const Segment* const own = live(packet);
  return own != nullptr && packet::is_shared(*own);
}

void* ss_packet_context(const ss_packet* packet) {
  const Segment* const own = live(packet);
  return own == nullptr ? nullptr : own->context;
}

int ss_packet_set_context(ss_packet* packet, void* context) {
  Segment* const own = live(packet);
  if (own == nullptr) return -1;
  own->context = context;
  return 0;
}

ss_packet* ss_packet_clone(ss_packet* packet) {
  Segment* const own = live(packet);
  if (own == nullptr) return nullptr;
  return made([&](PacketFault& fault) { return packet::slice(*own, 0, own->length(), fault); });
}

ss_packet* ss_packet_slice(ss_packet* packet, size_t start, size_t end) {
  Segment* const own = live(packet);
  if (own == nullptr) return nullptr;
  return made([&](PacketFault& fault) -> Segment* {
    fault = PacketFault::kLength;
    if (start > end || end > own->length()) return nullptr;
    return packet::slice(*own, start, end, fault);
  });
}

ss_packet* ss_packet_split(ss_packet* packet, size_t at) {
  Segment* const own = live(packet);
  if (own == nullptr) return nullptr;
  return made([&](PacketFault& fault) -> Segment* {
    fault = PacketFault::kLength;
    return at > own->length() ? nullptr : packet::split(*own, at, fault);
  });
}

ss_packet* ss_packet_copy(const ss_packet* packet) {
  const Segment* const own = live(packet);
  if (own == nullptr) return nullptr;
  return made([&](PacketFault& fault) { return packet::copy(*own, fault); });
}

int ss_packet_append(ss_packet* packet, ss_packet* other) {
  Segment* const own = live(packet);
  Segment* const added = own == nullptr ? nullptr : live(other);
  if (added == nullptr) return -1;
  if (own == added) return called([] { return PacketFault::kItself; });
  packet::append(*own, *added);
  return 0;
}

int ss_packet_linearize(ss_packet* packet) {
  Segment* const own = live(packet);
  return own == nullptr ? -1 : called([&] { return packet::linearize(*own); });
}

int ss_packet_write(ss_packet* packet, const void* bytes, size_t n) {
  Segment* const own = live(packet);
  return own == nullptr ? -1 : called([&] { return packet::write(*own, bytes, n); });
}

void* ss_packet_extend(ss_packet* packet, size_t n) {
  Segment* const own = live(packet);
  if (own == nullptr) return nullptr;
  const int before = errno;
  PacketFault fault;
  std::byte* const at = packet::extend(*own, n, fault);
  is_good(fault, before);
  return at;
}

int ss_packet_read(const ss_packet* packet, size_t offset, size_t n, void* target) {
  const Segment* const own = live(packet);
  if (own == nullptr) return -1;
  if (!has(*own, offset, n)) return out_of_range();
  packet::read(*own, offset, n, target);
  return 0;
}

const void* ss_packet_peek(const ss_packet* packet, size_t offset, size_t n, void* target) {
  const Segment* const own = live(packet);
  if (own == nullptr) return nullptr;
  if (!has(*own, offset, n)) {
    errno = ERANGE;
    return nullptr;
  }
  if (const std::byte* const place = packet::look(*own, offset, n); place != nullptr) return place;
  packet::read(*own, offset, n, target);
  return target;
}

size_t ss_packet_iovec(const ss_packet* packet, struct iovec* vectors, size_t count) {
  const Segment* const own = live(packet);
  if (own == nullptr) return 0;
  std::size_t parts = 0;
  packet::each_part(*own, 0, own->length(), [&](std::byte* bytes, std::size_t length) {
    if (parts < count) vectors[parts] = {bytes, length};
    ++parts;
  });
  return parts;
}

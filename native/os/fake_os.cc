#include "os/fake_os.h"

#include <bit>
#include <utility>

#include "base/bits.h"

namespace superslab {

namespace {

constexpr std::size_t index_of(FakeOs::Call call) { return static_cast<std::size_t>(call); }

constexpr ByteCount huge_page_bytes(HugePages pages) {
  if (pages == HugePages::k2MiB) return 2 * kMiB;
  if (pages == HugePages::k1GiB) return kGiB;
  return 0;
}

/// Of one kind of secrecy in FakeOs::protected_.
std::size_t place_of(Secrecy one) {
  return static_cast<std::size_t>(std::countr_zero(static_cast<unsigned>(one)));
}

}  // namespace

FakeOs::FakeOs(Os& real) : real_(real), page_bytes_(real.page_bytes()) {}

// -- the script ----------------------------------------------------------------------------------

void FakeOs::fail_nth(std::uint64_t n, OsStatus status, Lasts lasts) {
  const Guard guard(mutex_);
  any_plan_ = {n, status, lasts};
}

void FakeOs::fail_nth(Call call, std::uint64_t n, OsStatus status, Lasts lasts) {
  const Guard guard(mutex_);
  plans_[index_of(call)] = {n, status, lasts};
}

void FakeOs::fail_none() {
  const Guard guard(mutex_);
  any_plan_ = {};
  plans_ = {};
}

OsStatus FakeOs::Plan::next() {
  if (in == 0) return OsStatus::kOk;
  if (in > 1) {
    --in;
    return OsStatus::kOk;
  }
  if (lasts == Lasts::kOnce) in = 0;
  return status;
}

/// Counts a call. The status it is to fail with, or kOk.
OsStatus FakeOs::begin(Call call) const {
  ++calls_[index_of(call)];
  if (call == Call::kUnreserve) return OsStatus::kOk;
  // Both plans count every call.
  const OsStatus by_kind = plans_[index_of(call)].next();
  const OsStatus by_any = any_plan_.next();
  const OsStatus status = by_kind != OsStatus::kOk ? by_kind : by_any;
  if (status != OsStatus::kOk) ++failed_calls_;
  return status;
}

// -- the machine ---------------------------------------------------------------------------------

void FakeOs::set_nodes(unsigned count) {
  const Guard guard(mutex_);
  nodes_.assign(count == 0 ? 1 : count, {});
}

void FakeOs::run_on(NodeOrdinal node) {
  const Guard guard(mutex_);
  running_[std::this_thread::get_id()] = node;
}

void FakeOs::set_distance(NodeOrdinal from, NodeOrdinal to, unsigned distance) {
  const Guard guard(mutex_);
  nodes_.at(from).distances[to] = distance;
  nodes_.at(to).distances[from] = distance;
}

void FakeOs::set_room(NodeOrdinal node, ByteCount bytes) {
  const Guard guard(mutex_);
  nodes_.at(node).room = bytes;
}

void FakeOs::keep_busy(const void* address, ByteCount bytes, bool busy) {
  const Guard guard(mutex_);
  busy ? busy_.add(address_of(address), bytes) : busy_.remove(address_of(address), bytes);
}

void FakeOs::set_huge_pages(HugePages size, std::uint64_t count) {
  const Guard guard(mutex_);
  pool(size).free = count;
}

void FakeOs::refuse(Secrecy what) {
  const Guard guard(mutex_);
  refused_ = what;
}

void FakeOs::set_mappings(std::vector<MappingFacts> mappings, std::vector<NodeShare> shares) {
  const Guard guard(mutex_);
  mappings_ = std::move(mappings);
  shares_ = std::move(shares);
}

void FakeOs::set_page_bytes(ByteCount bytes) {
  const Guard guard(mutex_);
  page_bytes_ = bytes;
}

// -- what was seen -------------------------------------------------------------------------------

std::uint64_t FakeOs::calls(Call call) const {
  const Guard guard(mutex_);
  return calls_[index_of(call)];
}

std::uint64_t FakeOs::calls() const {
  const Guard guard(mutex_);
  std::uint64_t sum = 0;
  for (const std::uint64_t n : calls_) sum += n;
  return sum;
}

std::uint64_t FakeOs::failed_calls() const {
  const Guard guard(mutex_);
  return failed_calls_;
}

FakeOs::Totals FakeOs::totals() const {
  const Guard guard(mutex_);
  return totals_;
}

FakeOs::Misuse FakeOs::misuse() const {
  const Guard guard(mutex_);
  return misuse_;
}

ByteCount FakeOs::reserved_bytes() const {
  const Guard guard(mutex_);
  return reserved_.bytes();
}

ByteCount FakeOs::committed_bytes() const {
  const Guard guard(mutex_);
  return committed_.bytes();
}

ByteCount FakeOs::purged_bytes() const {
  const Guard guard(mutex_);
  return purged_.bytes();
}

ByteCount FakeOs::protected_bytes(const void* address, ByteCount bytes, Secrecy one) const {
  const Guard guard(mutex_);
  return protected_[place_of(one)].overlap(address_of(address), bytes);
}

ByteCount FakeOs::protected_bytes(Secrecy one) const {
  const Guard guard(mutex_);
  return protected_[place_of(one)].bytes();
}

std::uint64_t FakeOs::free_huge_pages(HugePages size) const {
  const Guard guard(mutex_);
  return pool(size).free;
}

NodePlacement FakeOs::last_node_placement() const {
  const Guard guard(mutex_);
  return last_node_placement_;
}

HugePages FakeOs::last_commit_pages() const {
  const Guard guard(mutex_);
  return last_commit_pages_;
}

// -- the contract --------------------------------------------------------------------------------

bool FakeOs::aligned(const void* address, ByteCount bytes, ByteCount unit) {
  const bool ok = bytes != 0 && address_of(address) % unit == 0 && bytes % unit == 0;
  if (!ok) ++misuse_.misaligned;
  return ok;
}

bool FakeOs::usable(const void* address, ByteCount bytes) {
  if (!aligned(address, bytes, page_bytes_)) return false;
  const bool ok = committed_.contains(address_of(address), bytes);
  if (!ok) ++misuse_.outside_committed;
  return ok;
}

ByteCount FakeOs::page_bytes() const {
  const Guard guard(mutex_);
  return page_bytes_;
}

unsigned FakeOs::node_count() const {
  const Guard guard(mutex_);
  return static_cast<unsigned>(nodes_.size());
}

void* FakeOs::reserve(ByteCount bytes, ByteCount alignment) {
  const Guard guard(mutex_);
  if (begin(Call::kReserve) != OsStatus::kOk) return nullptr;
  const bool power = is_power_of_two(alignment) && alignment >= page_bytes_;
  if (!power) ++misuse_.misaligned;
  if (!power || !aligned(nullptr, bytes, page_bytes_)) return nullptr;
  void* p = real_.reserve(bytes, alignment);
  if (p == nullptr) return nullptr;
  reserved_.add(address_of(p), bytes);
  totals_.reserved += bytes;
  return p;
}

OsStatus FakeOs::reserve_at(void* address, ByteCount bytes) {
  const Guard guard(mutex_);
  if (const OsStatus status = begin(Call::kReserveAt); status != OsStatus::kOk) return status;
  if (!aligned(address, bytes, page_bytes_)) return OsStatus::kNoMemory;
  const OsStatus status = real_.reserve_at(address, bytes);
  if (status != OsStatus::kOk) return status;
  reserved_.add(address_of(address), bytes);
  totals_.reserved += bytes;
  return status;
}

void FakeOs::unreserve(void* address, ByteCount bytes) {
  const Guard guard(mutex_);
  begin(Call::kUnreserve);
  if (!aligned(address, bytes, page_bytes_)) return;
  const std::uintptr_t first = address_of(address);
  if (!reserved_.contains(first, bytes)) {
    ++misuse_.outside_reserved;
    return;
  }
  reserved_.remove(first, bytes);
  committed_.remove(first, bytes);
  purged_.remove(first, bytes);
  for (FakeRangeSet& ranges : protected_) ranges.remove(first, bytes);
  for (const HugePages size : {HugePages::k2MiB, HugePages::k1GiB}) {
    HugePool& from = pool(size);
    from.free += from.used.overlap(first, bytes) / huge_page_bytes(size);
    from.used.remove(first, bytes);
  }
  totals_.unreserved += bytes;
  real_.unreserve(address, bytes);
}

OsStatus FakeOs::commit(void* address, ByteCount bytes, HugePages pages) {
  const Guard guard(mutex_);
  if (const OsStatus status = begin(Call::kCommit); status != OsStatus::kOk) return status;
  const ByteCount huge = huge_page_bytes(pages);
  if (!aligned(address, bytes, huge != 0 ? huge : page_bytes_)) return OsStatus::kUnsupported;
  const std::uintptr_t first = address_of(address);
  if (!reserved_.contains(first, bytes)) {
    ++misuse_.outside_reserved;
    return OsStatus::kUnsupported;
  }
  if (committed_.overlap(first, bytes) != 0) {
    ++misuse_.committed_twice;
    return OsStatus::kUnsupported;
  }
  if (huge != 0 && pool(pages).free < bytes / huge) return OsStatus::kNoHugePages;

  const OsStatus status = real_.commit(address, bytes, huge != 0 ? HugePages::kTransparent : pages);
  if (status != OsStatus::kOk) return status;
  if (huge != 0) {
    pool(pages).free -= bytes / huge;
    pool(pages).used.add(first, bytes);
  }
  committed_.add(first, bytes);
  totals_.committed += bytes;
  last_commit_pages_ = pages;
  return OsStatus::kOk;
}

OsStatus FakeOs::purge(const OsRange* ranges, std::size_t count) {
  const Guard guard(mutex_);
  if (const OsStatus status = begin(Call::kPurge); status != OsStatus::kOk) return status;
  for (std::size_t i = 0; i < count; ++i) {
    if (!usable(ranges[i].address, ranges[i].bytes)) return OsStatus::kUnsupported;
  }
  const OsStatus status = real_.purge(ranges, count);
  if (status != OsStatus::kOk) return status;
  for (std::size_t i = 0; i < count; ++i) {
    purged_.add(address_of(ranges[i].address), ranges[i].bytes);
    totals_.purged += ranges[i].bytes;
  }
  return OsStatus::kOk;
}

OsStatus FakeOs::populate(void* address, ByteCount bytes) {
  const Guard guard(mutex_);
  if (const OsStatus status = begin(Call::kPopulate); status != OsStatus::kOk) return status;
  if (!usable(address, bytes)) return OsStatus::kUnsupported;
  const OsStatus status = real_.populate(address, bytes);
  if (status != OsStatus::kOk) return status;
  purged_.remove(address_of(address), bytes);
  totals_.populated += bytes;
  return OsStatus::kOk;
}

OsStatus FakeOs::place(void* address, ByteCount bytes, NodePlacement placement) {
  const Guard guard(mutex_);
  if (const OsStatus status = begin(Call::kPlace); status != OsStatus::kOk) return status;
  if (!usable(address, bytes)) return OsStatus::kUnsupported;
  if (placement.kind == NodePlacement::Kind::kNode && placement.node >= nodes_.size()) {
    ++misuse_.no_such_node;
    return OsStatus::kUnsupported;
  }
  last_node_placement_ = placement;
  totals_.placed += bytes;
  // What is in memory stays where it is: "mbind" without MPOL_MF_MOVE.
  if (placement.kind == NodePlacement::Kind::kNode) {
    for (ByteCount at = 0; at < bytes; at += page_bytes_) {
      const auto* const page = static_cast<const std::byte*>(address) + at;
      if (!real_.is_resident(page)) put_on(placement.node, address_of(page), page_bytes_);
    }
  }
  return OsStatus::kOk;
}

// -- nodes ---------------------------------------------------------------------------------------

NodeOrdinal FakeOs::where(std::uintptr_t page) const {
  for (std::size_t node = 1; node < nodes_.size(); ++node)
    if (nodes_[node].pages.contains(page, 1)) return static_cast<NodeOrdinal>(node);
  return 0;
}

void FakeOs::put_on(NodeOrdinal node, std::uintptr_t first, ByteCount bytes) {
  for (Node& other : nodes_) other.pages.remove(first, bytes);
  nodes_[node].pages.add(first, bytes);
}

NodeOrdinal FakeOs::node_of(const void* address) const {
  const Guard guard(mutex_);
  return where(address_of(address));
}

NodeOrdinal FakeOs::current_node() const {
  const Guard guard(mutex_);
  const auto found = running_.find(std::this_thread::get_id());
  return found == running_.end() ? 0 : found->second;
}

unsigned FakeOs::node_distance(NodeOrdinal from, NodeOrdinal to) const {
  const Guard guard(mutex_);
  const auto& distances = nodes_.at(from).distances;
  const auto found = distances.find(to);
  return found == distances.end() ? Os::node_distance(from, to) : found->second;
}

bool FakeOs::has_room(NodeOrdinal node, ByteCount bytes) const {
  const Guard guard(mutex_);
  return nodes_.at(node).room >= bytes;
}

void FakeOs::nodes_of(const void* const* pages, std::size_t count, NodeOrdinal* nodes) const {
  const Guard guard(mutex_);
  for (std::size_t i = 0; i < count; ++i)
    nodes[i] = real_.is_resident(pages[i]) ? where(address_of(pages[i])) : kNoNode;
}

PageMoves FakeOs::move_pages(const OsRange* ranges, std::size_t count, NodeOrdinal node) {
  const Guard guard(mutex_);
  PageMoves moves;
  const bool is_refused = begin(Call::kMovePages) != OsStatus::kOk;
  if (node >= nodes_.size()) {
    ++misuse_.no_such_node;
    return moves;
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (!usable(ranges[i].address, ranges[i].bytes)) continue;
    for (ByteCount at = 0; at < ranges[i].bytes; at += page_bytes_) {
      const auto* const page = static_cast<const std::byte*>(ranges[i].address) + at;
      if (!real_.is_resident(page)) {
        ++moves.absent;
      } else if (where(address_of(page)) == node) {
        ++moves.there;
      } else if (is_refused || busy_.contains(address_of(page), 1) ||
                 nodes_[node].room < page_bytes_) {
        ++moves.failed;
      } else {
        if (nodes_[node].room != ~ByteCount{0}) nodes_[node].room -= page_bytes_;
        put_on(node, address_of(page), page_bytes_);
        ++moves.moved;
      }
    }
  }
  if (moves.total() > kMoveBatchPages) ++misuse_.oversized_batch;
  return moves;
}

Secrecy FakeOs::protect(void* address, ByteCount bytes, Secrecy what) {
  const Guard guard(mutex_);
  if (begin(Call::kProtect) != OsStatus::kOk) return what;
  if (!usable(address, bytes)) return what;
  const Secrecy granted = without(what, refused_);
  // Locks are not taken: how many there may be is the machine's affair.
  const Secrecy refused = real_.protect(address, bytes, without(granted, Secrecy::kLocked));
  for (const Secrecy one : kEverySecrecy) {
    if (has(granted, one) && !has(refused, one))
      protected_[place_of(one)].add(address_of(address), bytes);
  }
  return refused | (what & refused_);
}

Secrecy FakeOs::unprotect(void* address, ByteCount bytes, Secrecy what) {
  const Guard guard(mutex_);
  if (begin(Call::kUnprotect) != OsStatus::kOk) return what;
  if (!aligned(address, bytes, page_bytes_)) return what;
  if (!reserved_.contains(address_of(address), bytes)) {
    ++misuse_.outside_reserved;
    return what;
  }
  const Secrecy left = real_.unprotect(address, bytes, without(what, Secrecy::kLocked));
  for (const Secrecy one : kEverySecrecy) {
    if (has(what, one) && !has(left, one))
      protected_[place_of(one)].remove(address_of(address), bytes);
  }
  return left;
}

OsStatus FakeOs::visit_mappings(MappingVisitor& visitor) const {
  const Guard guard(mutex_);
  const OsStatus status = begin(Call::kVisitMappings);
  if (status == OsStatus::kUnsupported) return status;
  for (const MappingFacts& facts : mappings_) {
    visitor.mapping(facts);
    if (status != OsStatus::kOk) return status;
  }
  for (const NodeShare& share : shares_) visitor.on_node(share.from, share.node, share.bytes);
  return status;
}

}  // namespace superslab

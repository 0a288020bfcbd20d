#include "runtime/runtime.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <new>
#include <span>

#include "space/layout.h"

extern char** environ;

namespace superslab {
namespace {

Snapshot read_environment(const OsLimits& limits, PolicyError& error) {
  Snapshot policy;
  if (snapshot_from_environment(environ, policy, std::span<PolicyError>(&error, 1)) == 0) {
    (void)check_node(policy, PolicyOrigin::kEnvironment, system_os().node_count(), error);
  }
  fit_to_memory(policy, limits.memory);
  return policy;
}

/// The space of a libsuperslab.so in this process that was built like us; nullptr without one.
Space* space_of_malloc() {
  using CoreOf = Space*(std::uint64_t);
  auto* core_of = reinterpret_cast<CoreOf*>(dlsym(RTLD_DEFAULT, "superslab_core"));
  return core_of == nullptr ? nullptr : core_of(kSpaceLayout);
}

Space& shared_or(Space& own) {
  Space* shared = space_of_malloc();
  return shared == nullptr ? own : *shared;
}

}  // namespace

Runtime::Runtime()
    : space_(shared_or(own_space_)),
      usable_(shares_core() || space_.open(system_os())),
      limits_(read_limits()),
      policy_(read_environment(limits_, environment_error_)),
      default_heap_(space_, clock_, policy_, {.memory = limits_.memory}),
      leases_(space_) {
  add_entry(&default_heap_, "default");
}

Runtime* Runtime::get() {
  static Runtime* const runtime = new (std::nothrow) Runtime;
  return runtime != nullptr && runtime->usable_ ? runtime : nullptr;
}

Heap* Runtime::make_heap(const Snapshot& policy, std::string_view name) {
  auto* heap = new (std::nothrow) Heap(space_, clock_, policy, {.memory = limits_.memory});
  if (heap == nullptr) return nullptr;
  LockGuard guard(lock_);
  add_entry(heap, name);
  return heap;
}

void Runtime::add_entry(Heap* heap, std::string_view name) {
  Entry entry{heap, next_id_++, false, {}};
  std::size_t length = std::min(name.size(), sizeof entry.name - 1);
  // A cut name ends with a whole character.
  if (length < name.size())
    while (length > 0 && (static_cast<unsigned char>(name[length]) & 0xc0) == 0x80) --length;
  std::memcpy(entry.name, name.data(), length);
  heaps_.push_back(entry);
}

void Runtime::note_closed(const Heap* heap) {
  LockGuard guard(lock_);
  for (Entry& entry : heaps_) entry.closed |= entry.heap == heap;
}

HeapId Runtime::id_of(const Heap& heap) {
  LockGuard guard(lock_);
  for (const Entry& entry : heaps_)
    if (entry.heap == &heap) return entry.id;
  return 0;
}

std::vector<HeapFigures> Runtime::all_figures() {
  std::vector<HeapFigures> out;
  {
    // Visits keep the heaps alive, so that who opens or closes a pool does not wait while they are
    // read.
    std::vector<Entry> entries;
    std::deque<Heap::Visit> visits;
    {
      LockGuard guard(lock_);
      entries = heaps_;
      for (const Entry& entry : heaps_) visits.emplace_back(*entry.heap);
    }
    const FaultCounts faults = space_.os().fault_counts();
    out.resize(entries.size());
    for (std::size_t i = 0; i < entries.size(); ++i) {
      out[i].id = entries[i].id;
      out[i].closed = entries[i].closed;
      std::memcpy(out[i].name, entries[i].name, sizeof out[i].name);
      read_figures(*entries[i].heap, faults, out[i]);
    }
  }
  sweep();  // a heap that was retired meanwhile could not end
  return out;
}

void Runtime::retire_heap(Heap* heap) {
  {
    LockGuard guard(lock_);
    retired_.push_back(heap);
    for (Entry& entry : heaps_) entry.closed |= entry.heap == heap;
  }
  sweep();
}

bool Runtime::sweep() {
  LockGuard guard(lock_);
  for (std::size_t i = 0; i < retired_.size();) {
    Heap* heap = retired_[i];
    if (heap->is_abandoned()) {
      std::erase_if(heaps_, [heap](const Entry& entry) { return entry.heap == heap; });
      delete heap;
      retired_[i] = retired_.back();
      retired_.pop_back();
    } else {
      heap->tick();
      ++i;
    }
  }
  return !retired_.empty();
}

}  // namespace superslab

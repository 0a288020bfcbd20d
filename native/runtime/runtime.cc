#include "runtime/runtime.h"

#include <dlfcn.h>

#include <new>
#include <span>

#include "space/layout.h"

extern char** environ;

namespace superslab {
namespace {

Snapshot read_environment(PolicyError& error) {
  Snapshot policy;
  if (snapshot_from_environment(environ, policy, std::span<PolicyError>(&error, 1)) == 0) {
    (void)check_node(policy, PolicyOrigin::kEnvironment, system_os().node_count(), error);
  }
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
      policy_(read_environment(environment_error_)),
      default_heap_(space_, clock_, policy_),
      leases_(space_) {}

Runtime* Runtime::get() {
  static Runtime* const runtime = new (std::nothrow) Runtime;
  return runtime != nullptr && runtime->usable_ ? runtime : nullptr;
}

Heap* Runtime::make_heap(const Snapshot& policy) {
  return new (std::nothrow) Heap(space_, clock_, policy);
}

void Runtime::retire_heap(Heap* heap) {
  {
    LockGuard guard(lock_);
    retired_.push_back(heap);
  }
  sweep();
}

bool Runtime::sweep() {
  LockGuard guard(lock_);
  for (std::size_t i = 0; i < retired_.size();) {
    Heap* heap = retired_[i];
    if (heap->is_abandoned()) {
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

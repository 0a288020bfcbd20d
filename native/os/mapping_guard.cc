#include "os/mapping_guard.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/keep_errno.h"
#include "os/file.h"

namespace superslab {
namespace {

GuardedMapping guarded[kMaxGuardedMappings];
pthread_mutex_t changing = PTHREAD_MUTEX_INITIALIZER;
struct sigaction before;  // written before ours is installed, never while it is
ByteCount page_bytes;

/// A handler runs anywhere, so it only reads atomics and makes a system call.
bool save(std::uintptr_t fault) {
  for (GuardedMapping& mapping : guarded) {
    const std::uintptr_t from = mapping.from.load(std::memory_order_acquire);
    if (from == 0 || fault < from || fault >= mapping.to.load(std::memory_order_relaxed)) continue;
    const std::uintptr_t page = align_down(fault, page_bytes);
    if (!map_zeros(reinterpret_cast<void*>(page), page_bytes)) return false;
    std::uint64_t none = 0;
    mapping.lost.compare_exchange_strong(none, page - from + 1, std::memory_order_relaxed);
    return true;
  }
  return false;
}

void pass_on(int signal, siginfo_t* info, void* context) {
  if ((before.sa_flags & SA_SIGINFO) != 0 && before.sa_sigaction != nullptr) {
    before.sa_sigaction(signal, info, context);
  } else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
    before.sa_handler(signal);
  } else if (before.sa_handler == SIG_DFL || info->si_code > 0) {
    // The kernel does not let a fault be ignored either. One that is a fault comes again.
    struct sigaction defaults {};
    defaults.sa_handler = SIG_DFL;
    sigaction(signal, &defaults, nullptr);
    if (info->si_code <= 0) raise(signal);
  }
}

void on_bus_error(int signal, siginfo_t* info, void* context) {
  const KeepErrno keep;
  const bool is_fault = info->si_code > 0;  // not sent by a process
  if (is_fault && save(address_of(info->si_addr))) return;
  pass_on(signal, info, context);
}

/// Whoever installed a handler since must pass on what it does not know, as this one does.
void install() {
  static bool is_installed = false;
  if (is_installed) return;
  page_bytes = static_cast<ByteCount>(sysconf(_SC_PAGESIZE));
  struct sigaction ours {};
  ours.sa_sigaction = on_bus_error;
  ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
  sigemptyset(&ours.sa_mask);
  sigaction(SIGBUS, nullptr, &before);
  sigaction(SIGBUS, &ours, nullptr);
  is_installed = true;
}

}  // namespace

GuardedMapping* guard_mapping(void* address, ByteCount bytes) {
  GuardedMapping* found = nullptr;
  pthread_mutex_lock(&changing);
  install();
  for (GuardedMapping& mapping : guarded) {
    if (mapping.from.load(std::memory_order_relaxed) != 0) continue;
    mapping.lost.store(0, std::memory_order_relaxed);
    mapping.to.store(address_of(address) + bytes, std::memory_order_relaxed);
    mapping.from.store(address_of(address), std::memory_order_release);
    found = &mapping;
    break;
  }
  pthread_mutex_unlock(&changing);
  return found;
}

void unguard_mapping(GuardedMapping* mapping) {
  if (mapping == nullptr) return;
  pthread_mutex_lock(&changing);
  mapping->from.store(0, std::memory_order_release);
  pthread_mutex_unlock(&changing);
}

}  // namespace superslab

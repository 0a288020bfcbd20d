// What a pool does beside lending: waiting for room under maxBytes, giving back what lies idle, and
// its end.
#include "binding/objects.h"
#include "heap/heap.h"
#include "heap/huge.h"

namespace superslab {
namespace {

/// A thread that waits can neither be stopped nor do anything else.
constexpr std::uint64_t kLongestWaitMs = 1000;

void start_waiting(const CallbackInfo&, EnvironmentPool& pool) {
  if (pool.cache() != nullptr) pool.cache()->pool().room().start_waiting(pool.cache());
}

void stop_waiting(const CallbackInfo&, EnvironmentPool& pool) {
  if (pool.cache() != nullptr) pool.cache()->pool().room().stop_waiting(pool.cache());
}

/// `waitForRoom(bytes, ms)`: blocks the thread until something was released or `ms` are over. True
/// when there is room for `bytes`.
Value wait_for_room(const CallbackInfo& info, EnvironmentPool& own) {
  const auto bytes = whole_at(info, 0, kMaxHugeBytes);
  const auto ms = whole_at(info, 1, kLongestWaitMs);
  if (own.cache() == nullptr || !bytes || !ms) return Napi::Boolean::New(info.Env(), false);
  BufferPool& pool = own.cache()->pool();
  const std::uint64_t ticket = pool.room().ticket();
  if (!pool.budget().has_room(*bytes)) {
    pool.room().wait(ticket, static_cast<Nanos>(*ms) * kMillisecond);
  }
  return Napi::Boolean::New(info.Env(), pool.budget().has_room(*bytes));
}

/// `takeSignals()`: what other threads asked for, a set of BufferThreadCache::Signal.
Value take_signals(const CallbackInfo& info, EnvironmentPool& pool) {
  return Napi::Number::New(info.Env(), pool.cache() == nullptr ? 0 : pool.cache()->take_signals());
}

/// `tick()`: gives idle memory back. True while there is reason to come again.
Value tick(const CallbackInfo& info, EnvironmentPool& own) {
  BufferThreadCache* const cache = own.cache();
  if (cache == nullptr) return Napi::Boolean::New(info.Env(), false);
  BufferPool& pool = cache->pool();
  own.environment.process().wake_control(pool.wants_turns());
  cache->trim_idle();
  // Leases that are out come back into magazines without a native call: somebody has to look.
  bool again = pool.budget().charged() != 0 || cache->has_unused_slabs();
  if (cache->is_closed()) {
    pool.trim(0);
  } else {
    again |= pool.tick();
  }
  again |= own.environment.settle_closed();
  return Napi::Boolean::New(info.Env(), again);
}

/// `trim(targetBytes)`: bytes given back.
Value trim(const CallbackInfo& info, EnvironmentPool& pool) {
  const auto target = whole_at(info, 0);
  if (pool.cache() == nullptr || !target) return Napi::Number::New(info.Env(), 0);
  pool.cache()->flush();
  return Napi::Number::New(info.Env(), static_cast<double>(pool.cache()->pool().trim(*target)));
}

/// `relieve(step)`: gives back what lies idle, counted as that of a RELIEF_STEP.
void relieve(const CallbackInfo& info, EnvironmentPool& pool) {
  const auto step = whole_at(info, 0, static_cast<std::uint64_t>(ReliefStep::kIdle));
  if (pool.cache() == nullptr || !step) return;
  pool.cache()->flush();
  pool.cache()->pool().give_back_for(static_cast<ReliefStep>(*step));
}

/// `noteRelief(step, bytes)`: counts what is no memory of the heap, and went back.
void note_relief(const CallbackInfo& info, EnvironmentPool& pool) {
  const auto step = whole_at(info, 0, static_cast<std::uint64_t>(ReliefStep::kIdle));
  const auto bytes = whole_at(info, 1);
  if (pool.cache() == nullptr || !step || !bytes) return;
  pool.cache()->pool().note_relief(static_cast<ReliefStep>(*step), *bytes);
}

/// `relievedBytes()`: all that went back so far while memory was scarce.
Value relieved_bytes(const CallbackInfo& info, EnvironmentPool& pool) {
  const std::uint64_t bytes = pool.cache() == nullptr ? 0 : pool.cache()->pool().relieved_bytes();
  return Napi::Number::New(info.Env(), static_cast<double>(bytes));
}

/// `committedBytes()`: what the pool has from the operating system.
Value committed_bytes(const CallbackInfo& info, EnvironmentPool& pool) {
  const ByteCount bytes = pool.cache() == nullptr ? 0 : pool.cache()->pool().committed_bytes();
  return Napi::Number::New(info.Env(), static_cast<double>(bytes));
}

/// `refusedSecrecy()`: what the operating system did not do for secrets so far, a set of Secrecy.
Value refused_secrecy(const CallbackInfo& info, EnvironmentPool& pool) {
  const Secrecy refused =
      pool.cache() == nullptr ? Secrecy::kNone : pool.cache()->pool().refused_secrecy();
  return Napi::Number::New(info.Env(), static_cast<double>(refused));
}

void close(const CallbackInfo&, EnvironmentPool& pool) { pool.environment.close_pool(pool); }

/// `isSettled()`: closed, and everything of it is home.
Value is_settled(const CallbackInfo& info, EnvironmentPool& pool) {
  return Napi::Boolean::New(info.Env(), pool.cache() == nullptr);
}

}  // namespace

void add_pool_upkeep_methods(Methods& methods) {
  add_shared_method<EnvironmentPool, start_waiting>(methods, "startWaiting");
  add_shared_method<EnvironmentPool, stop_waiting>(methods, "stopWaiting");
  add_shared_method<EnvironmentPool, wait_for_room>(methods, "waitForRoom");
  add_shared_method<EnvironmentPool, take_signals>(methods, "takeSignals");
  add_shared_method<EnvironmentPool, tick>(methods, "tick");
  add_shared_method<EnvironmentPool, trim>(methods, "trim");
  add_shared_method<EnvironmentPool, relieve>(methods, "relieve");
  add_shared_method<EnvironmentPool, note_relief>(methods, "noteRelief");
  add_shared_method<EnvironmentPool, relieved_bytes>(methods, "relievedBytes");
  add_shared_method<EnvironmentPool, committed_bytes>(methods, "committedBytes");
  add_shared_method<EnvironmentPool, refused_secrecy>(methods, "refusedSecrecy");
  add_shared_method<EnvironmentPool, close>(methods, "close");
  add_shared_method<EnvironmentPool, is_settled>(methods, "isSettled");
}

}  // namespace superslab

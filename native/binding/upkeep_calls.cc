// Waiting for room under maxBytes, and giving back what lies idle.
#include "base/clock.h"
#include "binding/calls.h"
#include "heap/heap.h"
#include "heap/huge.h"

namespace superslab {
namespace {

/// A thread that waits can neither be stopped nor do anything else.
constexpr std::uint64_t kLongestWaitMs = 1000;

void start_waiting(const CallbackInfo& info) {
  if (BufferThreadCache* cache = cache_at(info)) cache->pool().room().start_waiting(cache);
}

void stop_waiting(const CallbackInfo& info) {
  if (BufferThreadCache* cache = cache_at(info)) cache->pool().room().stop_waiting(cache);
}

/// `waitForRoom(pool, bytes, ms)`: blocks the thread until something was released or `ms` are over.
/// True when there is room for `bytes`.
Value wait_for_room(const CallbackInfo& info) {
  BufferThreadCache* cache = cache_at(info);
  const auto bytes = whole_at(info, 1, kMaxHugeBytes);
  const auto ms = whole_at(info, 2, kLongestWaitMs);
  if (cache == nullptr || !bytes || !ms) return Napi::Boolean::New(info.Env(), false);
  BufferPool& pool = cache->pool();
  const std::uint64_t ticket = pool.room().ticket();
  if (!pool.budget().has_room(*bytes)) {
    pool.room().wait(ticket, static_cast<Nanos>(*ms) * kMillisecond);
  }
  return Napi::Boolean::New(info.Env(), pool.budget().has_room(*bytes));
}

/// `takeSignals(pool)`: what other threads asked for, a set of BufferThreadCache::Signal.
Value take_signals(const CallbackInfo& info) {
  BufferThreadCache* cache = cache_at(info);
  return Napi::Number::New(info.Env(), cache == nullptr ? 0 : cache->take_signals());
}

void flush(const CallbackInfo& info) {
  if (BufferThreadCache* cache = cache_at(info)) cache->flush();
}

/// `tick(pool)`: gives idle memory back. True while there is reason to come again.
Value tick(const CallbackInfo& info) {
  Environment& environment = environment_of(info);
  BufferThreadCache* cache = cache_at(info);
  if (cache == nullptr) return Napi::Boolean::New(info.Env(), false);
  cache->trim_idle();
  BufferPool& pool = cache->pool();
  // Leases that are out come back into magazines without a native call: somebody has to look.
  bool again = pool.budget().charged() != 0;
  if (cache->is_closed()) {
    pool.trim(0);
  } else {
    again |= pool.tick();
  }
  again |= environment.settle_closed();
  return Napi::Boolean::New(info.Env(), again);
}

/// `trim(pool, targetBytes)`: bytes given back.
Value trim(const CallbackInfo& info) {
  BufferThreadCache* cache = cache_at(info);
  const auto target = whole_at(info, 1);
  if (cache == nullptr || !target) return Napi::Number::New(info.Env(), 0);
  cache->flush();
  return Napi::Number::New(info.Env(), static_cast<double>(cache->pool().trim(*target)));
}

/// `committedBytes(pool)`: what the pool has from the operating system.
Value committed_bytes(const CallbackInfo& info) {
  BufferThreadCache* cache = cache_at(info);
  const ByteCount bytes = cache == nullptr ? 0 : cache->pool().committed_bytes();
  return Napi::Number::New(info.Env(), static_cast<double>(bytes));
}

/// `ringWithin(ms)`: has onSignal of every evaluation called within `ms`.
void ring_within(const CallbackInfo& info) {
  if (const auto ms = whole_at(info, 0)) environment_of(info).ring_within(*ms);
}

/// `now()`: milliseconds of the monotonic clock. Programs cannot replace it, as fake timers do
/// with those of JavaScript.
Value now(const CallbackInfo& info) {
  return Napi::Number::New(info.Env(),
                           static_cast<double>(precise_now()) / static_cast<double>(kMillisecond));
}

}  // namespace

void export_upkeep_calls(Napi::Object& exports) {
  export_function<start_waiting>(exports, "startWaiting");
  export_function<stop_waiting>(exports, "stopWaiting");
  export_function<wait_for_room>(exports, "waitForRoom");
  export_function<take_signals>(exports, "takeSignals");
  export_function<flush>(exports, "flush");
  export_function<tick>(exports, "tick");
  export_function<trim>(exports, "trim");
  export_function<committed_bytes>(exports, "committedBytes");
  export_function<ring_within>(exports, "ringWithin");
  export_free_function<now>(exports, "now");
}

}  // namespace superslab

// The native surface, function by function as lib/binding.ts declares it. Nothing here throws for
// what a user did: results are numbers, and the facade makes the errors.
#include <napi.h>

#include <cstring>
#include <string>

#include "binding/environment.h"
#include "binding/js_objects.h"
#include "binding/ticket_text.h"
#include "heap/heap.h"
#include "heap/large.h"
#include "heap/size_class.h"
#include "policy/knob.h"

namespace superslab {
namespace {

using Napi::CallbackInfo;
using Napi::Value;

/// What refill() and takeLarge() answer instead of blocks; lib/binding.ts names them.
constexpr std::int32_t kNoRoom = 0;
constexpr std::int32_t kNoMemory = -1;

struct State {
  Environment* environment = nullptr;  // deletes itself when the environment ends
};

Environment& environment_of(const CallbackInfo& info) {
  return *info.Env().GetInstanceData<State>()->environment;
}

std::uint32_t uint_at(const CallbackInfo& info, std::size_t i) {
  return info[i].As<Napi::Number>().Uint32Value();
}

double number_at(const CallbackInfo& info, std::size_t i) {
  return info[i].As<Napi::Number>().DoubleValue();
}

/// The cache of the pool that argument 0 names.
LeaseCache* cache_at(const CallbackInfo& info) {
  return environment_of(info).cache(uint_at(info, 0));
}

ClassIndex class_of_tag(std::uint32_t tag) { return static_cast<ClassIndex>(tag - 1); }

/// `attach(onSignal)`: an object with `error` when the process cannot have a runtime.
Value attach(const CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto* state = env.GetInstanceData<State>();
  Runtime* runtime = Runtime::get();
  if (runtime == nullptr)
    return error_object(env, "noMemory", "no address space for the superslab tables");
  const PolicyError& wrong = runtime->environment_error();
  if (wrong.kind != PolicyErrorKind::kNone) return error_object(env, "environment", wrong.message);
  if (state->environment == nullptr) {
    state->environment = new Environment(env, *runtime, info[0].As<Napi::Function>());
  }
  return facts_object(env, *runtime);
}

/// `openPool(options?)`: options are [name, value] pairs; none at all is the default pool.
Value open_pool(const CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Environment& environment = environment_of(info);
  Snapshot policy = environment.runtime().policy();
  PolicyError wrong{};
  if (info[0].IsArray() && !apply_options(info[0].As<Napi::Array>(), policy, wrong)) {
    return error_object(env, "option", wrong.message);
  }
  PoolId id = 0;
  if (!environment.open_pool(info[0].IsArray() ? &policy : nullptr, id)) {
    return error_object(env, "noMemory", "no memory for another pool");
  }
  return pool_object(env, id, *environment.cache(id), policy);
}

void close_pool(const CallbackInfo& info) { environment_of(info).close_pool(uint_at(info, 0)); }

/// `isSettled(pool)`: closed, and everything of it is home.
Value is_settled(const CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), cache_at(info) == nullptr);
}

/// Tells why the heap gave nothing. That there is room now says little: another thread may have
/// made it since.
class Refusal {
 public:
  explicit Refusal(LeaseCache& cache) : cache_(cache), os_failures_(cache.heap().os_failures()) {}

  /// After the attempt: kNoRoom or kNoMemory.
  Value reason(Napi::Env env) {
    if (cache_.heap().os_failures() != os_failures_) return Napi::Number::New(env, kNoMemory);
    cache_.heap().count_exhausted();
    // What other threads cache counts too; the next request finds it given back.
    cache_.heap().room().ask_for_flush(&cache_);
    return Napi::Number::New(env, kNoRoom);
  }

 private:
  LeaseCache& cache_;
  const std::uint64_t os_failures_;
};

/// `refill(pool, tag)`: blocks that are now in the magazine, kNoRoom or kNoMemory.
Value refill(const CallbackInfo& info) {
  LeaseCache* cache = cache_at(info);
  Refusal refusal(*cache);
  const std::uint32_t got = cache->refill(class_of_tag(uint_at(info, 1)));
  return got != 0 ? Napi::Number::New(info.Env(), got) : refusal.reason(info.Env());
}

void spill(const CallbackInfo& info) { cache_at(info)->spill(class_of_tag(uint_at(info, 1))); }

/// `give(pool, block)`: a block of the calling environment's own slabs, or beyond 2 MiB.
void give(const CallbackInfo& info) { cache_at(info)->give(uint_at(info, 1)); }

void flush(const CallbackInfo& info) {
  if (LeaseCache* cache = cache_at(info)) cache->flush();
}

/// `takeLarge(pool, bytes)`: a block number, kNoRoom or kNoMemory.
Value take_large(const CallbackInfo& info) {
  LeaseCache* cache = cache_at(info);
  Refusal refusal(*cache);
  const BlockNumber block = cache->take_large(static_cast<ByteCount>(number_at(info, 1)));
  return block != 0 ? Napi::Number::New(info.Env(), block) : refusal.reason(info.Env());
}

/// `largeCapacity(pool, bytes)`: what a block beyond 2 MiB is charged for.
Value large_capacity(const CallbackInfo& info) {
  const auto bytes = static_cast<ByteCount>(number_at(info, 1));
  const ByteCount rounded = large_block_bytes(bytes, cache_at(info)->heap().policy().huge_pages);
  return Napi::Number::New(info.Env(), static_cast<double>(rounded));
}

/// `window(superslab)`: a new ArrayBuffer over 2 MiB.
Value window(const CallbackInfo& info) {
  Environment& environment = environment_of(info);
  const SuperslabIndex index = uint_at(info, 0);
  environment.note_window(index);
  return mapped_buffer(info.Env(), environment.runtime().space().superslab(index).base,
                       kSuperslabBytes);
}

/// `largeWindow(block)`: a new ArrayBuffer over a block beyond 2 MiB.
Value large_window(const CallbackInfo& info) {
  const Superslab& head =
      environment_of(info).runtime().space().superslab(superslab_of(uint_at(info, 0)));
  return mapped_buffer(info.Env(), head.base, head.large_bytes);
}

Value capacity(const CallbackInfo& info) {
  return Napi::Number::New(
      info.Env(),
      static_cast<double>(capacity_of(environment_of(info).runtime().space(), uint_at(info, 0))));
}

// Sharing. A ticket is a string in JavaScript.

/// False when argument `i` is no ticket's text.
bool ticket_at(const CallbackInfo& info, std::size_t i, ShareTicket& ticket) {
  // UTF-8, not Latin-1, which would take other characters for those with the same low byte.
  char text[kTicketTextLength + 2];  // one more character than a ticket has, and a terminating zero
  std::size_t length = 0;
  const napi_status status =
      napi_get_value_string_utf8(info.Env(), info[i], text, sizeof text, &length);
  return status == napi_ok && read_ticket(text, length, ticket);
}

Value fault_value(const CallbackInfo& info, LeaseFault fault) {
  return Napi::Number::New(info.Env(), static_cast<double>(fault));
}

/// `share(block, length)`: the ticket's text, or a LeaseFault.
Value share(const CallbackInfo& info) {
  Environment& environment = environment_of(info);
  ShareTicket ticket;
  const auto length = static_cast<ByteCount>(number_at(info, 1));
  const LeaseFault fault =
      environment.runtime().leases().share(&environment, uint_at(info, 0), length, ticket);
  if (fault != LeaseFault::kNone) return fault_value(info, fault);
  char text[kTicketTextLength];
  write_ticket(ticket, text);
  napi_value out = nullptr;
  napi_create_string_latin1(info.Env(), text, sizeof text, &out);
  return Value(info.Env(), out);
}

/// `adopt(text, out)`: a LeaseFault; the block's number and the lease's length in out[0] and
/// out[1].
Value adopt(const CallbackInfo& info) {
  Environment& environment = environment_of(info);
  ShareTicket ticket;
  if (!ticket_at(info, 0, ticket)) return fault_value(info, LeaseFault::kForged);
  const AdoptedLease lease = environment.runtime().leases().adopt(&environment, ticket);
  double* out = info[1].As<Napi::Float64Array>().Data();
  out[0] = lease.block;
  out[1] = static_cast<double>(lease.length);
  return fault_value(info, lease.fault);
}

/// `revoke(text)`: a LeaseFault.
Value revoke(const CallbackInfo& info) {
  ShareTicket ticket;
  if (!ticket_at(info, 0, ticket)) return fault_value(info, LeaseFault::kForged);
  return fault_value(info, environment_of(info).runtime().leases().revoke(ticket));
}

void release_shared(const CallbackInfo& info) {
  Environment& environment = environment_of(info);
  environment.runtime().leases().release(&environment, uint_at(info, 0));
}

// Waiting for room under maxBytes.

void start_waiting(const CallbackInfo& info) {
  LeaseCache* cache = cache_at(info);
  cache->heap().room().start_waiting(cache);
}

void stop_waiting(const CallbackInfo& info) {
  if (LeaseCache* cache = cache_at(info)) cache->heap().room().stop_waiting(cache);
}

/// `waitForRoom(pool, bytes, ms)`: blocks the thread until something was released or `ms` are over.
/// True when there is room for `bytes`.
Value wait_for_room(const CallbackInfo& info) {
  Heap& heap = cache_at(info)->heap();
  const auto bytes = static_cast<ByteCount>(number_at(info, 1));
  const std::uint64_t ticket = heap.room().ticket();
  if (!heap.budget().has_room(bytes)) {
    heap.room().wait(ticket, static_cast<Nanos>(number_at(info, 2)) * kMillisecond);
  }
  return Napi::Boolean::New(info.Env(), heap.budget().has_room(bytes));
}

/// `takeSignals(pool)`: what other threads asked for, a set of LeaseCache::Signal.
Value take_signals(const CallbackInfo& info) {
  LeaseCache* cache = cache_at(info);
  return Napi::Number::New(info.Env(), cache == nullptr ? 0 : cache->take_signals());
}

// Upkeep.

/// `tick(pool)`: gives idle memory back. True while there is reason to come again.
Value tick(const CallbackInfo& info) {
  Environment& environment = environment_of(info);
  LeaseCache* cache = cache_at(info);
  if (cache == nullptr) return Napi::Boolean::New(info.Env(), false);
  cache->trim_idle();
  Heap& heap = cache->heap();
  // Leases that are out come back into magazines without a native call: somebody has to look.
  bool again = heap.budget().charged() != 0;
  if (cache->is_closed()) {
    heap.trim(0);
  } else {
    again |= heap.tick();
  }
  again |= environment.settle_closed();
  return Napi::Boolean::New(info.Env(), again);
}

/// `staleWindows()`: superslabs whose windows JavaScript should drop.
Value stale_windows(const CallbackInfo& info) {
  Napi::Array out = Napi::Array::New(info.Env());
  environment_of(info).drop_stale_windows([&](SuperslabIndex index) { out[out.Length()] = index; });
  return out;
}

/// `isLargeBlock(block, bytes)`: whether a window of `bytes` still shows a block beyond 2 MiB.
Value is_large_block(const CallbackInfo& info) {
  const Space& space = environment_of(info).runtime().space();
  const BlockNumber block = uint_at(info, 0);
  const bool same = is_large(space, block) &&
                    static_cast<double>(capacity_of(space, block)) == number_at(info, 1);
  return Napi::Boolean::New(info.Env(), same);
}

/// `trim(pool, targetBytes)`: bytes given back.
Value trim(const CallbackInfo& info) {
  LeaseCache* cache = cache_at(info);
  cache->flush();
  return Napi::Number::New(
      info.Env(),
      static_cast<double>(cache->heap().trim(static_cast<ByteCount>(number_at(info, 1)))));
}

/// `stats(pool)`: undefined once the pool is closed and everything of it is home.
Value stats(const CallbackInfo& info) {
  LeaseCache* cache = cache_at(info);
  if (cache == nullptr) return info.Env().Undefined();
  cache->fold();
  return stats_object(info.Env(), cache->heap());
}

Value outstanding_tokens(const CallbackInfo& info) {
  return Napi::Number::New(
      info.Env(), static_cast<double>(environment_of(info).runtime().leases().outstanding()));
}

template <auto function>
void export_function(Napi::Object& exports, const char* name) {
  exports.Set(name, Napi::Function::New<function>(exports.Env(), name));
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new State);
  export_function<attach>(exports, "attach");
  export_function<open_pool>(exports, "openPool");
  export_function<close_pool>(exports, "closePool");
  export_function<is_settled>(exports, "isSettled");
  export_function<refill>(exports, "refill");
  export_function<spill>(exports, "spill");
  export_function<give>(exports, "give");
  export_function<flush>(exports, "flush");
  export_function<take_large>(exports, "takeLarge");
  export_function<large_capacity>(exports, "largeCapacity");
  export_function<window>(exports, "window");
  export_function<large_window>(exports, "largeWindow");
  export_function<capacity>(exports, "capacity");
  export_function<share>(exports, "share");
  export_function<adopt>(exports, "adopt");
  export_function<revoke>(exports, "revoke");
  export_function<release_shared>(exports, "releaseShared");
  export_function<start_waiting>(exports, "startWaiting");
  export_function<stop_waiting>(exports, "stopWaiting");
  export_function<wait_for_room>(exports, "waitForRoom");
  export_function<take_signals>(exports, "takeSignals");
  export_function<tick>(exports, "tick");
  export_function<stale_windows>(exports, "staleWindows");
  export_function<is_large_block>(exports, "isLargeBlock");
  export_function<trim>(exports, "trim");
  export_function<stats>(exports, "stats");
  export_function<outstanding_tokens>(exports, "outstandingTokens");
  return exports;
}

}  // namespace
}  // namespace superslab

static Napi::Object init_superslab(Napi::Env env, Napi::Object exports) {
  return superslab::init(env, exports);
}
NODE_API_MODULE(superslab, init_superslab)

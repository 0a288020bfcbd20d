// What a heap in a file has in common with other processes: the writer's lock, views that others
// heed, locks with names, and events to wait for.
#include <algorithm>

#include "binding/async_work.h"
#include "binding/file_object.h"

namespace superslab {
namespace {

using mapped::NamedLocks;
using mapped::Sharing;

/// A wait ends by then, as nobody tells of the death of who holds a lock.
constexpr std::uint64_t kMaxWaitMs = 100;

/// `beginBatch()`: takes the writer's lock for a batch that begins by reading.
Value begin_batch(const CallbackInfo& info, FileObject& own) {
  return own.fault_value(info.Env(), own.pool().begin_batch());
}

/// `endBatch()`: gives it back, if nothing was changed.
void end_batch(const CallbackInfo&, FileObject& own) { own.pool().end_batch(); }

/// `sharedState(out)`: events, commits that changed something, and the last record that others have
/// published, in out[0..2]; false where the file is not shared.
Value shared_state(const CallbackInfo& info, FileObject& own) {
  double* const out = four_at(info, 0);
  const auto& sharing = own.pool().sharing();
  if (out == nullptr || sharing == nullptr) return Napi::Boolean::New(info.Env(), false);
  out[0] = static_cast<double>(sharing->events());
  out[1] = static_cast<double>(sharing->changes());
  out[2] = static_cast<double>(sharing->sequence());
  return Napi::Boolean::New(info.Env(), true);
}

/// `setOldestView(known, ageMs)`: below 0 there is none.
void set_oldest_view(const CallbackInfo& info, FileObject& own) {
  const auto& sharing = own.pool().sharing();
  const auto known = whole_at(info, 0);
  const auto age = whole_at(info, 1, UINT32_MAX);
  if (sharing == nullptr) return;
  if (known && age)
    sharing->set_oldest_view(*known, *age * kMillisecond);
  else
    sharing->end_views();
}

/// Waits for an event on a thread of libuv's pool.
struct Awaiting {
  std::shared_ptr<Sharing> sharing;
  std::uint32_t seen = 0;
  Nanos timeout = 0;
  napi_deferred promise = nullptr;
  napi_async_work work = nullptr;
};

void run_await(napi_env, void* data) {
  const auto* const awaiting = static_cast<Awaiting*>(data);
  if (awaiting->sharing->events() == awaiting->seen)
    awaiting->sharing->await_event(awaiting->seen, awaiting->timeout);
}

void finish_await(napi_env env, napi_status, void* data) {
  const std::unique_ptr<Awaiting> awaiting(static_cast<Awaiting*>(data));
  end_work(env, awaiting->work, awaiting->promise);
}

/// `awaitEvent(seen, ms)`: a promise that is resolved when there are other events than those that
/// sharedState() has told of, or after the time, of which at most kMaxWaitMs count. undefined where
/// it cannot wait.
Value await_event(const CallbackInfo& info, FileObject& own) {
  const Napi::Env env = info.Env();
  const auto seen = whole_at(info, 0, UINT32_MAX);
  const auto ms = whole_at(info, 1);
  auto awaiting = std::make_unique<Awaiting>();
  napi_value promise = nullptr;
  if (!seen || !ms || own.pool().sharing() == nullptr ||
      napi_create_promise(env, &awaiting->promise, &promise) != napi_ok)
    return env.Undefined();
  awaiting->sharing = own.pool().sharing();
  awaiting->seen = static_cast<std::uint32_t>(*seen);
  awaiting->timeout = std::min(*ms, kMaxWaitMs) * kMillisecond;
  if (!queue_work(env, "superslab:file", run_await, finish_await, awaiting.get(), awaiting->work))
    return env.Undefined();
  static_cast<void>(awaiting.release());
  return {env, promise};
}

/// `lockName(name, isShared, waitMs)`: a NAME_LOCK. Waits so long at most, on this thread, for a
/// lock that another pool has.
Value lock_name(const CallbackInfo& info, FileObject& own) {
  const std::string name = text_at(info, 0);
  const FileLock kind = bool_at(info, 1) ? FileLock::kShared : FileLock::kExclusive;
  const Nanos until = precise_now() + whole_at(info, 2, UINT32_MAX).value_or(0) * kMillisecond;
  auto result = NamedLocks::Result::kFailed;
  while (!own.pool().is_closed()) {
    Sharing* const sharing = own.pool().sharing().get();
    const std::uint32_t seen = sharing == nullptr ? 0 : sharing->events();
    result = own.locks().lock(name, kind, sharing);
    const Nanos now = precise_now();
    if (result != NamedLocks::Result::kHeldElsewhere || now >= until) break;
    sharing->await_event(seen, std::min(until - now, kMaxWaitMs / 5 * kMillisecond));
  }
  return Napi::Number::New(info.Env(), static_cast<double>(result));
}

/// `unlockName(name)`
void unlock_name(const CallbackInfo& info, FileObject& own) {
  if (!own.pool().is_closed()) own.locks().unlock(text_at(info, 0), own.pool().sharing().get());
}

}  // namespace

void add_file_shared_methods(Methods& methods) {
  add_shared_method<FileObject, begin_batch>(methods, "beginBatch");
  add_shared_method<FileObject, end_batch>(methods, "endBatch");
  add_hot_method<FileObject, shared_state>(methods, "sharedState");
  add_hot_method<FileObject, set_oldest_view>(methods, "setOldestView");
  add_shared_method<FileObject, await_event>(methods, "awaitEvent");
  add_shared_method<FileObject, lock_name>(methods, "lockName");
  add_shared_method<FileObject, unlock_name>(methods, "unlockName");
}

}  // namespace superslab

// What a heap in a file does beside the program: commits that share syncs, backups, and the events
// that tell of it.
#include "binding/async_work.h"
#include "binding/file_object.h"

namespace superslab {
namespace {

/// `commitLater(out)`: commits, and puts into out[0] what durableThrough() then has to reach.
Value commit_later(const CallbackInfo& info, FileObject& own) {
  double* const out = four_at(info, 0);
  if (out == nullptr) return own.fault_value(info.Env(), {Fault::kRange});
  std::uint64_t sequence = 0;
  const Failure failure = own.pool().commit_later(&sequence);
  out[0] = static_cast<double>(sequence);
  return own.fault_value(info.Env(), failure);
}

/// `syncState(out)`: the last durable record, how many of syncLater() have ended, and the fault for
/// which the pool changes nothing any more, in out[0..2].
void sync_state(const CallbackInfo& info, FileObject& own) {
  double* const out = four_at(info, 0);
  if (out == nullptr) return;
  const Failure& broken = own.pool().broken();
  static_cast<void>(own.fault_value(info.Env(), broken));
  out[0] = static_cast<double>(own.pool().durable_through());
  out[1] = static_cast<double>(own.pool().syncs_ended());
  out[2] = static_cast<double>(broken.fault);
}

/// A sync on a thread of libuv's pool.
struct Syncing {
  std::shared_ptr<MappedPool> pool;
  MappedPool::GroupSync sync;
  SyncLevel level = SyncLevel::kData;
  FileError error;
  napi_deferred promise = nullptr;
  napi_async_work work = nullptr;
};

void run_sync(napi_env, void* data) {
  auto* const syncing = static_cast<Syncing*>(data);
  syncing->error = syncing->sync.file->sync(syncing->level);
  constexpr Nanos kPause = 20 * kMillisecond;
  if (syncing->sync.busy != nullptr) syncing->sync.busy->await_writer(kPause);
}

void finish_sync(napi_env env, napi_status, void* data) {
  const std::unique_ptr<Syncing> syncing(static_cast<Syncing*>(data));
  static_cast<void>(syncing->pool->end_sync(syncing->sync, syncing->error));
  end_work(env, syncing->work, syncing->promise);
}

/// `syncLater(level)`: a promise that is resolved when what was written before was synced, or could
/// not be: syncState() tells.
Value sync_later(const CallbackInfo& info, FileObject& own) {
  const Napi::Env env = info.Env();
  const auto level = whole_at(info, 0, kMaxLevel);
  auto syncing = std::make_unique<Syncing>();
  napi_value promise = nullptr;
  if (own.pool().is_closed() || !level ||
      napi_create_promise(env, &syncing->promise, &promise) != napi_ok)
    return env.Undefined();
  syncing->pool = own.shared_pool();
  syncing->sync = own.pool().begin_sync();
  syncing->level = level_of(level);
  if (queue_work(env, "superslab:file", run_sync, finish_sync, syncing.get(), syncing->work)) {
    static_cast<void>(syncing.release());
  } else {
    // Without a thread for it, it is done here.
    syncing->error = syncing->sync.file->sync(syncing->level);
    static_cast<void>(own.pool().end_sync(syncing->sync, syncing->error));
    napi_resolve_deferred(env, syncing->promise, env.Undefined());
  }
  return {env, promise};
}

/// `beginBackup(path, mode)`; the path is absolute.
Value begin_backup(const CallbackInfo& info, FileObject& own) {
  const std::string path = text_at(info, 0);
  const auto mode = whole_at(info, 1, 0777);
  if (!path.starts_with('/') || !mode) return own.fault_value(info.Env(), {Fault::kRange});
  return own.fault_value(info.Env(), own.pool().begin_backup(path, static_cast<unsigned>(*mode)));
}

/// `stepBackup(bytes, out)`: copies so many more; done and total in out[0..1].
Value step_backup(const CallbackInfo& info, FileObject& own) {
  const auto bytes = whole_at(info, 0);
  double* const out = four_at(info, 1);
  if (!bytes || out == nullptr) return own.fault_value(info.Env(), {Fault::kRange});
  MappedPool::BackupProgress progress;
  const Failure failure = own.pool().go_on_with_backup(*bytes, &progress);
  out[0] = static_cast<double>(progress.done);
  out[1] = static_cast<double>(progress.total);
  return own.fault_value(info.Env(), failure);
}

/// `finishBackup()`
Value finish_backup(const CallbackInfo& info, FileObject& own) {
  return own.fault_value(info.Env(), own.pool().finish_backup());
}

/// `endBackup()`: gives it up.
void end_backup(const CallbackInfo&, FileObject& own) { own.pool().end_backup(); }

/// `listen(listens)`: whether events are noted from now on.
void listen(const CallbackInfo& info, FileObject& own) {
  bool listens = false;
  napi_get_value_bool(info.Env(), info[0], &listens);
  own.pool().events().listen(listens);
}

/// `takeEvents()`: { kind, bytes, durationNs } of each since the last time.
Value take_events(const CallbackInfo& info, FileObject& own) {
  const Napi::Env env = info.Env();
  const std::vector<mapped::FileEvent> events = own.pool().events().take();
  Napi::Array out = Napi::Array::New(env, events.size());
  for (std::uint32_t i = 0; i < events.size(); ++i) {
    Napi::Object event = Napi::Object::New(env);
    event["kind"] = Napi::Number::New(env, static_cast<double>(events[i].kind));
    event["bytes"] = Napi::Number::New(env, static_cast<double>(events[i].bytes));
    event["durationNs"] = Napi::Number::New(env, static_cast<double>(events[i].duration));
    out[i] = event;
  }
  return out;
}

}  // namespace

void add_file_background_methods(Methods& methods) {
  add_hot_method<FileObject, commit_later>(methods, "commitLater");
  add_shared_method<FileObject, sync_state>(methods, "syncState");
  add_shared_method<FileObject, sync_later>(methods, "syncLater");
  add_shared_method<FileObject, begin_backup>(methods, "beginBackup");
  add_shared_method<FileObject, step_backup>(methods, "stepBackup");
  add_shared_method<FileObject, finish_backup>(methods, "finishBackup");
  add_shared_method<FileObject, end_backup>(methods, "endBackup");
  add_shared_method<FileObject, listen>(methods, "listen");
  add_shared_method<FileObject, take_events>(methods, "takeEvents");
}

}  // namespace superslab

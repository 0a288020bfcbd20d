// Heaps in files, of pools/mapped. What a call returns is a FILE_FAULT; failure() tells the rest.
#include "binding/file_object.h"

#include <cerrno>

#include "binding/external.h"
#include "pools/file_counts.h"
#include "pools/mapped/repair.h"

namespace superslab {
namespace {

mapped::MappedOptions options_of(const Fields& given) {
  mapped::MappedOptions options;
  options.size = given.whole("size").value_or(0);
  options.max_bytes = given.whole("maxBytes").value_or(0);
  options.grow_by = given.whole("growBy").value_or(0);
  options.mode = static_cast<unsigned>(given.whole("mode", 0777).value_or(0600));
  options.access = given.flag("reads") ? FileAccess::kRead : FileAccess::kReadWrite;
  options.promise = level_of(given.whole("sync", kMaxLevel));
  options.recovers = given.flag("recovers");
  options.shares = given.flag("shares");
  options.lock_patience = given.whole("lockTimeoutMs", UINT32_MAX).value_or(0) * kMillisecond;
  options.checksums = static_cast<mapped::Checksums>(
      given.whole("checksums", static_cast<std::uint64_t>(mapped::Checksums::kYes)).value_or(0));
  options.sensitive = static_cast<mapped::Sensitive>(
      given.whole("sensitive", static_cast<std::uint64_t>(mapped::Sensitive::kYes)).value_or(0));
  options.encrypted = static_cast<mapped::Encrypted>(
      given.whole("encrypted", static_cast<std::uint64_t>(mapped::Encrypted::kYes)).value_or(0));
  return options;
}

/// `openFile({ path, size, maxBytes, growBy, mode, reads, sync, recovers, checksums,
/// sensitive, encrypted, shares, lockTimeoutMs })`: a file object, or what failed. The path is
/// absolute.
Value open_file(const CallbackInfo& info, Evaluation&) {
  const Napi::Env env = info.Env();
  const Fields given(info, 0);
  const std::string path = given.text("path");
  const mapped::MappedOptions options = options_of(given);
  std::unique_ptr<MappedPool> pool;
  const Failure failure = path.starts_with('/')
                              ? MappedPool::open(system_files(), path, options, &pool)
                              : Failure{Fault::kFile, file_error(ENOENT)};
  if (!failure.ok()) return failure_object(env, failure);
  auto made = std::make_unique<FileObject>(std::move(pool));
  napi_value object = AddonInstance::of(env).files.make(env, made.get(), FileObject::finalize);
  if (object == nullptr) return env.Undefined();
  static_cast<void>(made.release());
  return Value(env, object);
}

Napi::Array texts(Napi::Env env, const std::vector<std::string>& given) {
  Napi::Array out = Napi::Array::New(env, given.size());
  for (std::uint32_t i = 0; i < given.size(); ++i) out[i] = Napi::String::New(env, given[i]);
  return out;
}

/// `repairFile(path, copy)`: { isWhole, mended, lost }, or what failed. Both paths are absolute;
/// `copy` empty: none is made.
Value repair_file(const CallbackInfo& info, Evaluation&) {
  const Napi::Env env = info.Env();
  const std::string path = text_at(info, 0);
  const std::string copy = text_at(info, 1);
  mapped::RepairReport report;
  const bool is_possible = path.starts_with('/') && (copy.empty() || copy.starts_with('/'));
  const Failure failure = is_possible ? mapped::repair_file(system_files(), path, copy, &report)
                                      : Failure{Fault::kFile, file_error(ENOENT)};
  if (!failure.ok()) return failure_object(env, failure);
  Napi::Object out = Napi::Object::New(env);
  out["isWhole"] = Napi::Boolean::New(env, report.is_whole);
  out["mended"] = texts(env, report.mended_messages);
  out["lost"] = texts(env, report.lost_messages);
  return out;
}

/// `alloc(bytes, out, isFirst, isHasty)`: handle, offset in the data and length in out[0..2].
/// `isFirst`: nobody has a view; `isHasty`: it does not wait for the writer's lock.
Value alloc(const CallbackInfo& info, FileObject& own) {
  const auto bytes = whole_at(info, 0);
  double* const out = four_at(info, 1);
  Block block;
  if (!bytes || out == nullptr) return own.fault_value(info.Env(), {Fault::kRange});
  const Failure failure =
      bool_at(info, 3) ? own.pool().try_alloc(*bytes, &block) : own.pool().alloc(*bytes, &block);
  if (failure.ok()) {
    own.pool().show_view(bool_at(info, 2));
    put_block(block, out);
  }
  return own.fault_value(info.Env(), failure);
}

/// `find(handle, out, isFirst)`: the same of a block that lives.
Value find(const CallbackInfo& info, FileObject& own) {
  double* const out = four_at(info, 1);
  Block block;
  if (out == nullptr) return own.fault_value(info.Env(), {Fault::kRange});
  own.pool().show_view(bool_at(info, 2));
  const Failure failure = own.pool().find(whole_at(info, 0).value_or(mapped::kNoHandle), &block);
  if (failure.ok()) put_block(block, out);
  return own.fault_value(info.Env(), failure);
}

/// `free(handle)`
Value free_block(const CallbackInfo& info, FileObject& own) {
  return own.fault_value(info.Env(),
                         own.pool().free(whole_at(info, 0).value_or(mapped::kNoHandle)));
}

/// `next(out, isFirst)`: the first block at or behind the place out[3]; false when there is none,
/// or a fault, which then is out[2].
Value next_block(const CallbackInfo& info, FileObject& own) {
  double* const out = four_at(info, 0);
  const bool has_place = out != nullptr && out[3] >= 0 && out[3] <= static_cast<double>(kMaxWhole);
  if (!has_place) return Napi::Boolean::New(info.Env(), false);
  auto cursor = static_cast<std::uint64_t>(out[3]);
  Block block;
  own.pool().show_view(bool_at(info, 1));
  Failure failure;
  const bool found = own.pool().next(&cursor, &block, &failure);
  if (found) put_block(block, out);
  out[2] = found ? out[2] : static_cast<double>(failure.fault);
  static_cast<void>(own.fault_value(info.Env(), failure));
  out[3] = static_cast<double>(cursor);
  return Napi::Boolean::New(info.Env(), found);
}

/// `root(name)`: its handle, 0 for none; a fault below 0.
Value root(const CallbackInfo& info, FileObject& own) {
  Handle handle = mapped::kNoHandle;
  const Failure failure = own.pool().root(text_at(info, 0), &handle);
  static_cast<void>(own.fault_value(info.Env(), failure));
  return Napi::Number::New(
      info.Env(), failure.ok() ? static_cast<double>(handle) : -static_cast<double>(failure.fault));
}

/// `setRoot(name, handle)`; 0 ends it.
Value set_root(const CallbackInfo& info, FileObject& own) {
  return own.fault_value(
      info.Env(), own.pool().set_root(text_at(info, 0), whole_at(info, 1).value_or(UINT64_MAX)));
}

/// `rootNames()`
Value root_names(const CallbackInfo& info, FileObject& own) {
  const Napi::Env env = info.Env();
  std::vector<std::string> names;
  static_cast<void>(own.fault_value(env, own.pool().root_names(&names)));
  return texts(env, names);
}

/// The memory of a Uint8Array.
std::optional<std::span<std::uint8_t>> bytes_at(const CallbackInfo& info, std::size_t i) {
  napi_typedarray_type type{};
  std::size_t length = 0;
  void* data = nullptr;
  const napi_status status =
      napi_get_typedarray_info(info.Env(), info[i], &type, &length, &data, nullptr, nullptr);
  if (status != napi_ok || type != napi_uint8_array) return std::nullopt;
  return std::span(static_cast<std::uint8_t*>(data), length);
}

/// `write(handle, at, bytes)`
Value write(const CallbackInfo& info, FileObject& own) {
  const auto at = whole_at(info, 1);
  const auto bytes = bytes_at(info, 2);
  if (!at || !bytes) return own.fault_value(info.Env(), {Fault::kRange});
  return own.fault_value(
      info.Env(), own.pool().write(whole_at(info, 0).value_or(mapped::kNoHandle), *at, *bytes));
}

/// `writtenAt(offset, bytes)`: fills them with what the batch's last write() there has.
Value written_at(const CallbackInfo& info, FileObject& own) {
  const auto offset = whole_at(info, 0);
  const auto bytes = bytes_at(info, 1);
  return Napi::Boolean::New(info.Env(), offset && bytes && own.pool().written_at(*offset, *bytes));
}

/// `isEncrypted()`
Value is_encrypted(const CallbackInfo& info, FileObject& own) {
  return Napi::Boolean::New(info.Env(), own.pool().is_encrypted());
}

/// `commit(level)`
Value commit(const CallbackInfo& info, FileObject& own) {
  const auto level = whole_at(info, 0, kMaxLevel);
  if (!level) return own.fault_value(info.Env(), {Fault::kRange});
  return own.fault_value(info.Env(), own.pool().commit(level_of(level)));
}

/// `savepoint(out)`: in out[0..3], for rollBack().
void savepoint(const CallbackInfo& info, FileObject& own) {
  double* const out = four_at(info, 0);
  if (out == nullptr) return;
  const MappedPool::Savepoint place = own.pool().savepoint();
  out[0] = static_cast<double>(place.changes);
  out[1] = static_cast<double>(place.taken);
  out[2] = static_cast<double>(place.frees);
  out[3] = static_cast<double>(place.writes);
}

/// `rollBack(place)`
void roll_back(const CallbackInfo& info, FileObject& own) {
  const double* const place = four_at(info, 0);
  if (place == nullptr) return;
  std::size_t parts[4];
  for (int i = 0; i < 4; ++i) {
    if (!(place[i] >= 0 && place[i] <= static_cast<double>(kMaxWhole))) return;
    parts[i] = static_cast<std::size_t>(place[i]);
  }
  own.pool().roll_back({parts[0], parts[1], parts[2], parts[3]});
}

/// `trim(targetBytes)`: bytes that went back; a fault below 0.
Value trim(const CallbackInfo& info, FileObject& own) {
  ByteCount returned = 0;
  const Failure failure = own.pool().trim(whole_at(info, 0).value_or(0), &returned);
  static_cast<void>(own.fault_value(info.Env(), failure));
  return Napi::Number::New(info.Env(), failure.ok() ? static_cast<double>(returned)
                                                    : -static_cast<double>(failure.fault));
}

/// `check()`: { wrong, damagedBlocks, messages, blocks, slabs, freeExtents }
Value check(const CallbackInfo& info, FileObject& own) {
  const Napi::Env env = info.Env();
  const mapped::CheckReport report = own.pool().check();
  Napi::Object out = Napi::Object::New(env);
  out["wrong"] = Napi::Number::New(env, static_cast<double>(report.wrong));
  out["damagedBlocks"] = Napi::Number::New(env, static_cast<double>(report.damaged_blocks));
  out["messages"] = texts(env, report.messages);
  out["blocks"] = Napi::Number::New(env, static_cast<double>(report.blocks));
  out["slabs"] = Napi::Number::New(env, static_cast<double>(report.slabs));
  out["freeExtents"] = Napi::Number::New(env, static_cast<double>(report.free_extents));
  return out;
}

/// `publish(out)`: writes what the native side counts to the memory of MAGAZINES.file.
void publish(const CallbackInfo& info, FileObject& own) {
  constexpr std::size_t kPlaces = sizeof(FileCounts) / sizeof(double);
  auto* const out = reinterpret_cast<FileCounts*>(numbers_at(info, 0, kPlaces));
  if (out == nullptr) return;
  const mapped::MappedStats stats = own.pool().stats();
  const auto number = [](std::uint64_t value) { return static_cast<double>(value); };
  out->data_bytes = number(stats.data_bytes);
  out->max_bytes = number(stats.max_bytes);
  out->used_bytes = number(stats.used_bytes);
  out->free_bytes = number(stats.free_bytes);
  out->blocks = number(stats.blocks);
  out->file_bytes = number(stats.file_bytes);
  out->disk_bytes = number(stats.disk_bytes);
  out->journal_bytes = number(stats.journal_bytes);
  out->undurable_bytes = number(stats.undurable_bytes);
  out->undurable_ms = number(stats.undurable_for / kMillisecond);
  if (number(stats.peak_used_bytes) > out->peak_used_bytes) {
    out->peak_used_bytes = number(stats.peak_used_bytes);
    out->peak_used_at_ms = number(wall_now() / kMillisecond);
  }
  out->allocs = number(stats.allocs);
  out->frees = number(stats.frees);
  out->failed_allocs = number(stats.failed_allocs);
  out->exhausted = number(stats.exhausted);
  out->commits = number(stats.commits);
  out->syncs = number(stats.syncs);
  out->sync_ns = number(stats.sync_time);
  out->checkpoints = number(stats.checkpoints);
  out->replayed = number(stats.replayed);
  out->grown_bytes = number(stats.grown_bytes);
  out->trimmed_bytes = number(stats.trimmed_bytes);
  out->is_counted = 1;
}

/// `failure()`: { fault, status, errno, what, where } of the last call that failed.
Value last_failure(const CallbackInfo& info, FileObject& own) {
  return failure_object(info.Env(), own.failure());
}

/// `hasUncommitted()`
Value has_uncommitted(const CallbackInfo& info, FileObject& own) {
  return Napi::Boolean::New(info.Env(), !own.pool().is_closed() && own.pool().has_uncommitted());
}

/// A part of the data, from the arguments (offset, bytes); false unless it lies in it.
bool part_at(const CallbackInfo& info, FileObject& own, std::uint64_t* offset, ByteCount* bytes) {
  const auto from = whole_at(info, 0);
  const auto length = whole_at(info, 1);
  if (own.pool().is_closed() || !from || !length) return false;
  const ByteCount end = own.pool().data_bytes();
  if (*from > end || *length > end - *from) return false;
  *offset = *from;
  *bytes = *length;
  return true;
}

/// `window(offset, bytes)`: an ArrayBuffer over a part of the data, which keeps the mapping.
Value window(const CallbackInfo& info, FileObject& own) {
  const Napi::Env env = info.Env();
  std::uint64_t offset = 0;
  ByteCount bytes = 0;
  if (!part_at(info, own, &offset, &bytes)) return env.Undefined();
  auto keeper = std::make_unique<std::shared_ptr<MappedRange>>(own.pool().range());
  napi_value buffer = nullptr;
  const napi_status status = napi_create_external_arraybuffer(
      env, own.pool().data() + offset, bytes,
      [](node_api_basic_env, void*, void* hint) {
        delete static_cast<std::shared_ptr<MappedRange>*>(hint);
      },
      keeper.get(), &buffer);
  if (will_finalize(status)) static_cast<void>(keeper.release());
  return status == napi_ok ? Value(env, buffer) : env.Undefined();
}

/// `advise(offset, bytes, pattern)`
void advise(const CallbackInfo& info, FileObject& own) {
  std::uint64_t offset = 0;
  ByteCount bytes = 0;
  const auto pattern = whole_at(info, 2, static_cast<std::uint64_t>(AccessPattern::kDontNeed));
  if (pattern && part_at(info, own, &offset, &bytes))
    own.pool().advise(offset, bytes, static_cast<AccessPattern>(*pattern));
}

/// `destroy(path)`: overwrites the file and ends its name. The path is absolute.
Value destroy(const CallbackInfo& info, FileObject& own) {
  const std::string path = text_at(info, 0);
  return own.fault_value(info.Env(),
                         path.starts_with('/') ? own.pool().destroy(path) : Failure{Fault::kRange});
}

/// `close()`
Value close(const CallbackInfo& info, FileObject& own) {
  return own.fault_value(info.Env(), own.pool().close());
}

}  // namespace

void add_file_opener(Methods& methods) {
  add_bound_method<Evaluation, open_file>(methods, "openFile");
  add_bound_method<Evaluation, repair_file>(methods, "repairFile");
}

void add_file_methods(Methods& methods) {
  add_file_background_methods(methods);
  add_file_shared_methods(methods);
  add_hot_method<FileObject, alloc>(methods, "alloc");
  add_hot_method<FileObject, find>(methods, "find");
  add_hot_method<FileObject, free_block>(methods, "free");
  add_hot_method<FileObject, commit>(methods, "commit");
  add_shared_method<FileObject, next_block>(methods, "next");
  add_shared_method<FileObject, root>(methods, "root");
  add_shared_method<FileObject, set_root>(methods, "setRoot");
  add_shared_method<FileObject, root_names>(methods, "rootNames");
  add_shared_method<FileObject, write>(methods, "write");
  add_hot_method<FileObject, written_at>(methods, "writtenAt");
  add_shared_method<FileObject, is_encrypted>(methods, "isEncrypted");
  add_shared_method<FileObject, savepoint>(methods, "savepoint");
  add_shared_method<FileObject, roll_back>(methods, "rollBack");
  add_shared_method<FileObject, trim>(methods, "trim");
  add_shared_method<FileObject, check>(methods, "check");
  add_hot_method<FileObject, publish>(methods, "publish");
  add_shared_method<FileObject, last_failure>(methods, "failure");
  add_shared_method<FileObject, has_uncommitted>(methods, "hasUncommitted");
  add_shared_method<FileObject, window>(methods, "window");
  add_shared_method<FileObject, advise>(methods, "advise");
  add_shared_method<FileObject, destroy>(methods, "destroy");
  add_shared_method<FileObject, close>(methods, "close");
}

}  // namespace superslab

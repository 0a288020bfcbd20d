// The object that stands for a heap in a file, and what its methods have in common.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "binding/file_failure.h"
#include "binding/objects.h"
#include "pools/mapped/mapped_pool.h"
#include "pools/mapped/named_locks.h"

namespace superslab {

using mapped::Block;
using mapped::Failure;
using mapped::Fault;
using mapped::Handle;
using mapped::MappedPool;
using mapped::MappedRange;

/// What a file object stands for.
class FileObject {
 public:
  static constexpr napi_type_tag kTypeTag = {0x2f6b90d3c84e17a5, 0x8d31e7f05ab96c42};

  explicit FileObject(std::unique_ptr<MappedPool> pool) : pool_(std::move(pool)) {}

  MappedPool& pool() { return *pool_; }
  const std::shared_ptr<MappedPool>& shared_pool() const { return pool_; }
  mapped::NamedLocks& locks() { return locks_; }
  const Failure& failure() const { return failure_; }

  /// The fault as a number; the rest of it is kept.
  Value fault_value(Napi::Env env, const Failure& failure) {
    if (!failure.ok()) failure_ = failure;
    return Napi::Number::New(env, static_cast<double>(failure.fault));
  }

  static void finalize(napi_env, void* own, void*) { delete static_cast<FileObject*>(own); }

 private:
  const std::shared_ptr<MappedPool> pool_;  // a sync on another thread has it, too
  mapped::NamedLocks locks_;
  Failure failure_;
};

/// The memory of a Float64Array with so many places or more; nullptr for anything else.
inline double* numbers_at(const CallbackInfo& info, std::size_t i, std::size_t places) {
  napi_typedarray_type type{};
  std::size_t length = 0;
  void* data = nullptr;
  const napi_status status =
      napi_get_typedarray_info(info.Env(), info[i], &type, &length, &data, nullptr, nullptr);
  const bool has_places = status == napi_ok && type == napi_float64_array && length >= places;
  return has_places ? static_cast<double*>(data) : nullptr;
}

inline double* four_at(const CallbackInfo& info, std::size_t i) { return numbers_at(info, i, 4); }

inline void put_block(const Block& block, double* out) {
  out[0] = static_cast<double>(block.handle);
  out[1] = static_cast<double>(block.offset);
  out[2] = static_cast<double>(block.bytes);
}

inline SyncLevel level_of(std::optional<std::uint64_t> level) {
  return static_cast<SyncLevel>(level.value_or(0));
}
inline constexpr std::uint64_t kMaxLevel = static_cast<std::uint64_t>(SyncLevel::kFull);

/// Those of group commit, backups and events (mapped_background_methods.cc).
void add_file_background_methods(Methods& methods);
/// Those of files that are shared (mapped_shared_methods.cc).
void add_file_shared_methods(Methods& methods);

}  // namespace superslab

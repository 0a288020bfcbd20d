// The objects that the addon has for JavaScript. lib/addon/binding.ts declares what each can do.
//
//   environment  what attach() returns: an evaluation of the package, and through it the process
//   pool         what environment.openPool() returns
//   scanner      what environment.makeScanner() returns
//   records      what environment.findRecords() returns
//   file         what environment.openFile() returns
//   sharedCache  what environment.openSharedCache() returns
#pragma once

#include "binding/environment.h"
#include "binding/object.h"
#include "pools/buffer/block_number.h"

namespace superslab {

class FileObject;
class RecordsObject;
class ScannerObject;
class SharedCacheObject;

/// What Node-API keeps for an environment.
struct AddonInstance {
  Environment* environment = nullptr;  // deletes itself when the environment ends
  Methods environment_methods;
  ObjectClass<EnvironmentPool> pools;
  ObjectClass<ScannerObject> scanners;
  ObjectClass<RecordsObject> records;
  ObjectClass<FileObject> files;
  ObjectClass<SharedCacheObject> shared_caches;

  static AddonInstance& of(Napi::Env env) { return *env.GetInstanceData<AddonInstance>(); }
};

// The methods of each, by what they are about.
void add_environment_methods(Methods& methods);
void add_window_methods(Methods& methods);
void add_lease_methods(Methods& methods);
void add_byte_methods(Methods& methods);
void add_process_figure_methods(Methods& methods);
void add_scanner_maker(Methods& methods);
void add_records_finder(Methods& methods);
void add_file_opener(Methods& methods);
void add_shared_cache_opener(Methods& methods);

void add_pool_block_methods(Methods& methods);
void add_pool_policy_methods(Methods& methods);
void add_pool_upkeep_methods(Methods& methods);
void add_pool_figure_methods(Methods& methods);
void add_pool_record_methods(Methods& methods);
void add_pool_value_methods(Methods& methods);
void add_pool_page_methods(Methods& methods);

void add_scanner_methods(Methods& methods);
void add_records_methods(Methods& methods);
void add_file_methods(Methods& methods);
void add_shared_cache_methods(Methods& methods);

/// A function of the addon itself, which needs no attach().
template <auto function>
void export_function(Napi::Object& exports, const char* name) {
  exports.Set(name, Napi::Function::New<function>(exports.Env(), name));
}

/// `tables()`, which needs no attach().
void export_tables(Napi::Object& exports);
/// `readTrace()` and `tuneTrace()`, likewise.
void export_trace_functions(Napi::Object& exports);

/// A block number; kNoBlock for what cannot be one.
inline BlockNumber block_number_at(const CallbackInfo& info, std::size_t i) {
  const auto word = whole_at(info, i, UINT32_MAX);
  return word ? static_cast<BlockNumber>(*word) : kNoBlock;
}

/// The block that argument `i` names; with no address unless it is out.
inline NamedBlock block_at(const CallbackInfo& info, std::size_t i, const Space& space) {
  const NamedBlock block = find_block(space, block_number_at(info, i));
  return block.is_out ? block : NamedBlock{};
}

/// The number of a block of the pool that this thread has, of at least `bytes`; 0 for others.
inline std::uint32_t own_block_at(const CallbackInfo& info, std::size_t i, EnvironmentPool& pool,
                                  ByteCount bytes) {
  const BlockNumber number = block_number_at(info, i);
  const NamedBlock block = block_at(info, i, pool.environment.space());
  const bool is_own = block.address != nullptr && pool.cache() != nullptr && !block.is_huge &&
                      pool.cache()->has(block) && block.capacity >= bytes;
  return is_own ? to_word(number) : 0;
}

}  // namespace superslab

// Pools of records: what their own thread tells of them, and how other threads find them.
#include <memory>
#include <utility>

#include "addon/record_books.h"
#include "binding/external.h"
#include "binding/js_objects.h"
#include "binding/objects.h"
#include "heap/size_class.h"

namespace superslab {

/// What a records object stands for.
class RecordsObject {
 public:
  static constexpr napi_type_tag kTypeTag = {0x91c40b7d5e2f4a68, 0xb6e80d3c7a1942f5};

  explicit RecordsObject(std::shared_ptr<RecordBook> book) : book_(std::move(book)) {}

  const std::shared_ptr<RecordBook>& book() const { return book_; }

  static void finalize(napi_env, void* own, void*) { delete static_cast<RecordsObject*>(own); }

 private:
  const std::shared_ptr<RecordBook> book_;
};

namespace {

/// Records that one pool can have: JavaScript has 24 bits for them in a handle.
constexpr std::uint64_t kMaxRecords = std::uint64_t{1} << 24;

/// An ArrayBuffer over the words of a chunk, which keeps the book; undefined where the host forbids
/// that.
Value words_value(Napi::Env env, const std::shared_ptr<RecordBook>& book, RecordBook::Word* words) {
  auto keeper = std::make_unique<std::shared_ptr<RecordBook>>(book);
  napi_value buffer = nullptr;
  const napi_status status = napi_create_external_arraybuffer(
      env, words, book->word_count() * sizeof *words,
      [](node_api_basic_env, void*, void* hint) {
        delete static_cast<std::shared_ptr<RecordBook>*>(hint);
      },
      keeper.get(), &buffer);
  if (will_finalize(status)) static_cast<void>(keeper.release());
  return status == napi_ok ? Value(env, buffer) : env.Undefined();
}

/// `holdRecords({ name, layout, chunkBytes, chunkRecords, recordBytes, firstGeneration })`: the
/// pool lends records. False when it cannot, or does already.
Value hold_records(const CallbackInfo& info, EnvironmentPool& pool) {
  const Fields given(info, 0);
  std::string name = given.text("name");
  std::string layout = given.text("layout");
  const RecordShape shape{
      given.whole("chunkBytes", kMaxClassBytes).value_or(0),
      static_cast<std::uint32_t>(given.whole("chunkRecords", kMaxRecords).value_or(0)),
      given.whole("recordBytes", kMaxClassBytes).value_or(0)};
  const auto first = given.whole("firstGeneration", UINT32_MAX);
  const bool can_hold = pool.cache() != nullptr && pool.own != nullptr && pool.records == nullptr &&
                        !pool.is_closed && first && *first % 2 == 0 && shape.record_bytes != 0 &&
                        shape.chunk_records != 0 &&
                        shape.chunk_records * shape.record_bytes <= shape.chunk_bytes;
  if (!can_hold) return Napi::Boolean::New(info.Env(), false);
  pool.records = std::make_shared<RecordBook>(
      std::move(name), std::move(layout), shape.chunk_records, static_cast<std::uint32_t>(*first));
  pool.own->hold_records(shape);
  RecordBooks::of_process().add(pool.records);
  return Napi::Boolean::New(info.Env(), true);
}

/// `recordWords(chunk)`: an ArrayBuffer over the words of a chunk; undefined without memory.
Value record_words(const CallbackInfo& info, EnvironmentPool& pool) {
  const auto chunk = whole_at(info, 0, kMaxRecords - 1);
  if (pool.records == nullptr || !chunk) return info.Env().Undefined();
  RecordBook::Word* const words = pool.records->words(static_cast<std::uint32_t>(*chunk));
  return words == nullptr ? info.Env().Undefined() : words_value(info.Env(), pool.records, words);
}

/// `placeRecords(chunk, block)`: the chunk lies in that block of the pool from now on.
void place_records(const CallbackInfo& info, EnvironmentPool& pool) {
  const auto chunk = whole_at(info, 0, kMaxRecords - 1);
  const NamedBlock block = block_at(info, 1, pool.environment.space());
  if (pool.records == nullptr || pool.cache() == nullptr || !chunk || block.address == nullptr)
    return;
  const bool is_own = pool.cache()->has(block);
  if (!is_own || block.capacity != pool.own->record_shape().chunk_bytes) return;
  pool.records->place(static_cast<std::uint32_t>(*chunk), block.address, block.capacity);
}

/// `findRecords(name)`: an object, with `layout`, for the one pool of that name; or how many there
/// are.
Value find_records(const CallbackInfo& info, Evaluation&) {
  const Napi::Env env = info.Env();
  const auto found = RecordBooks::of_process().named(text_at(info, 0));
  if (found.size() != 1) return Napi::Number::New(env, static_cast<double>(found.size()));
  auto made = std::make_unique<RecordsObject>(found.front());
  napi_value object = AddonInstance::of(env).records.make(env, made.get(), RecordsObject::finalize);
  if (object == nullptr) return env.Undefined();
  static_cast<void>(made.release());
  Napi::Object out(env, object);
  out["layout"] = Napi::String::New(env, found.front()->layout());
  return out;
}

/// `chunk(index)`: { placement, memory, words }: where it lies now; undefined for one that never
/// was.
Value chunk(const CallbackInfo& info, RecordsObject& own) {
  const Napi::Env env = info.Env();
  const auto index = whole_at(info, 0, kMaxRecords - 1);
  if (!index) return env.Undefined();
  const RecordBook::Place place = own.book()->find(static_cast<std::uint32_t>(*index));
  if (place.memory == nullptr) return env.Undefined();
  const Value memory = mapped_buffer(env, place.memory, place.bytes);
  const Value words = words_value(env, own.book(), place.words);
  if (!memory.IsArrayBuffer() || !words.IsArrayBuffer()) return env.Undefined();
  Napi::Object out = Napi::Object::New(env);
  out["placement"] = Napi::Number::New(env, place.placement);
  out["memory"] = memory;
  out["words"] = words;
  return out;
}

/// `hasEnded()`: the pool is closed and has everything back, or its thread has ended.
Value has_ended(const CallbackInfo& info, RecordsObject& own) {
  return Napi::Boolean::New(info.Env(), own.book()->has_ended());
}

}  // namespace

void add_pool_record_methods(Methods& methods) {
  add_shared_method<EnvironmentPool, hold_records>(methods, "holdRecords");
  add_shared_method<EnvironmentPool, record_words>(methods, "recordWords");
  add_shared_method<EnvironmentPool, place_records>(methods, "placeRecords");
}

void add_records_finder(Methods& methods) {
  add_bound_method<Evaluation, find_records>(methods, "findRecords");
}

void add_records_methods(Methods& methods) {
  add_shared_method<RecordsObject, chunk>(methods, "chunk");
  add_shared_method<RecordsObject, has_ended>(methods, "hasEnded");
}

}  // namespace superslab

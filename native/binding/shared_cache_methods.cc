// Caches in files that processes have in common, of pools/shared_cache. JavaScript reads values
// itself, through windows: a call only finds and pins them.
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <memory>
#include <utility>

#include "binding/external.h"
#include "binding/file_failure.h"
#include "binding/loop_poll.h"
#include "binding/objects.h"
#include "pools/compressed/lz4_codec.h"
#include "pools/shared_cache/shared_cache.h"

namespace superslab {

using mapped::Failure;
using mapped::Fault;
using mapped::MappedRange;
using shared_cache::Claimed;
using shared_cache::SharedCache;
using shared_cache::Stored;

/// What a shared cache's object stands for.
class SharedCacheObject {
 public:
  static constexpr napi_type_tag kTypeTag = {0x91c4e07b2da8f356, 0xb60f7d8812c93e4a};

  SharedCacheObject(std::unique_ptr<SharedCache> cache, Environment& environment)
      : cache_(std::move(cache)), environment_(environment) {}

  SharedCache& cache() { return *cache_; }

  /// Has the environment signalled when there is news. False where the system cannot tell.
  bool listen(napi_env env) {
    if (poll_.is_on()) return true;
    deafen();
    return cache_->watch(&watch_).ok() &&
           poll_.start(
               env, watch_->descriptor(),
               [](void* own) { static_cast<SharedCacheObject*>(own)->note_news(); }, this);
  }
  void deafen() {
    poll_.stop();
    watch_.reset();
  }
  FileNews take_news() { return std::exchange(news_, {}); }

  /// What this thread compresses with, made when it is needed first.
  Lz4State& lz4() {
    if (lz4_ == nullptr) lz4_ = std::make_unique<Lz4State>();
    return *lz4_;
  }

  static void finalize(napi_env, void* own, void*) { delete static_cast<SharedCacheObject*>(own); }

 private:
  /// The environment's hooks end the poll before it ends.
  void note_news() {
    const FileNews news = watch_->take();
    news_.is_written |= news.is_written;
    news_.is_closed |= news.is_closed;
    environment_.signal();
  }

  const std::unique_ptr<SharedCache> cache_;
  Environment& environment_;
  std::unique_ptr<Lz4State> lz4_;
  std::unique_ptr<FileWatch> watch_;
  LoopPoll poll_;  // of the watch's descriptor, so that it ends before that
  FileNews news_;
};

namespace {

Value number(const CallbackInfo& info, double value) {
  return Napi::Number::New(info.Env(), value);
}
template <class Code>
Value code(const CallbackInfo& info, Code value) {
  return number(info, static_cast<double>(value));
}
/// A fault as a number below 0.
Value fault(const CallbackInfo& info, Fault value) {
  return number(info, -static_cast<double>(value));
}

/// The text of a key, in UTF-8. Lives as long as this.
class KeyText {
 public:
  KeyText(const CallbackInfo& info, std::size_t i) {
    std::size_t length = 0;
    // One more than the longest, and an end: what is cut is longer than a key may be.
    is_text_ =
        napi_get_value_string_utf8(info.Env(), info[i], bytes_, sizeof bytes_, &length) == napi_ok;
    length_ = length;
  }
  bool is_key() const { return is_text_ && length_ <= shared_cache::kMaxKeyBytes; }
  std::string_view text() const { return {bytes_, length_}; }

 private:
  // Room for a character of four bytes that begins within the longest.
  char bytes_[shared_cache::kMaxKeyBytes + 8];
  std::size_t length_;
  bool is_text_;
};

/// The memory of a Float64Array with so many places or more; nullptr for anything else.
double* doubles_at(const CallbackInfo& info, std::size_t i, std::size_t places) {
  napi_typedarray_type type{};
  std::size_t length = 0;
  void* data = nullptr;
  const napi_status status =
      napi_get_typedarray_info(info.Env(), info[i], &type, &length, &data, nullptr, nullptr);
  const bool fits = status == napi_ok && type == napi_float64_array && length >= places;
  return fits ? static_cast<double*>(data) : nullptr;
}

/// `openSharedCache({ path, maxBytes, maxEntries, mode })`: a cache object, or what failed. The
/// path is absolute.
Value open_shared_cache(const CallbackInfo& info, Evaluation& evaluation) {
  const Napi::Env env = info.Env();
  const Fields given(info, 0);
  const std::string path = given.text("path");
  shared_cache::CacheOptions options;
  options.max_bytes = given.whole("maxBytes").value_or(0);
  options.max_entries = given.whole("maxEntries", shared_cache::kMaxBytes).value_or(0);
  options.mode = static_cast<unsigned>(given.whole("mode", 0777).value_or(0600));
  std::unique_ptr<SharedCache> cache;
  const Failure failure = path.starts_with('/')
                              ? SharedCache::open(system_files(), path, options, &cache)
                              : Failure{Fault::kFile, file_error(ENOENT)};
  if (!failure.ok()) return failure_object(env, failure);
  auto made = std::make_unique<SharedCacheObject>(std::move(cache), evaluation.environment);
  napi_value object =
      AddonInstance::of(env).shared_caches.make(env, made.get(), SharedCacheObject::finalize);
  if (object == nullptr) return env.Undefined();
  static_cast<void>(made.release());
  return Value(env, object);
}

/// `find(key, pin, out)`: 1, and the value is pinned at that place; 0 for none; a fault below 0.
/// out: shard, slot, its word's lower and upper half, where the value is, its
/// bytes, its pin's start and granules, when it expires, where its use is noted, its bytes before
/// it was compressed, its codec and 256 if it has tags.
Value find(const CallbackInfo& info, SharedCacheObject& own) {
  const KeyText key(info, 0);
  const auto pin = whole_at(info, 1, shared_cache::Member::kPins - 1);
  double* const out = doubles_at(info, 2, 12);
  if (!key.is_key() || !pin || out == nullptr) return fault(info, Fault::kRange);
  if (const Failure failure = own.cache().failure(); !failure.ok())
    return fault(info, failure.fault);
  std::size_t shard = 0;
  const auto found = own.cache().find(key.text(), *pin, &shard);
  if (own.cache().failure().fault == Fault::kLost) return fault(info, Fault::kLost);
  if (!found) return number(info, 0);
  out[0] = static_cast<double>(shard);
  out[1] = static_cast<double>(found->slot_at / sizeof(std::uint32_t));
  out[2] = static_cast<double>(found->word & UINT32_MAX);
  out[3] = static_cast<double>(found->word >> 32);
  out[4] = static_cast<double>(found->value_at);
  out[5] = static_cast<double>(found->value_bytes);
  out[6] = static_cast<double>(found->start);
  out[7] = static_cast<double>(found->granules);
  out[8] = static_cast<double>(found->expires_ms);
  out[9] = static_cast<double>(found->used_at);
  out[10] = static_cast<double>(found->plain_bytes);
  out[11] = static_cast<double>(found->codec) + (found->has_tags ? 256 : 0);
  return number(info, 1);
}

/// `keys(next)`: some keys of those from bucket next[0] on, which is raised; an empty array when
/// there are no more; a fault below 0.
Value keys(const CallbackInfo& info, SharedCacheObject& own) {
  constexpr std::uint64_t kBuckets = 4096;  // at a time: some 100 us
  constexpr std::size_t kCopying = 0;
  double* const next = doubles_at(info, 0, 1);
  if (next == nullptr) return fault(info, Fault::kRange);
  const Napi::Env env = info.Env();
  if (const Failure failure = own.cache().failure(); !failure.ok())
    return fault(info, failure.fault);
  const std::uint64_t count = own.cache().bucket_count();
  std::uint64_t bucket = next[0] >= 0 && next[0] < static_cast<double>(count)
                             ? static_cast<std::uint64_t>(next[0])
                             : count;
  Napi::Array found = Napi::Array::New(env);
  std::uint32_t keys = 0;
  for (std::uint64_t i = 0; bucket < count && (i < kBuckets || keys == 0); ++i, ++bucket) {
    own.cache().visit_keys(bucket, kCopying, [&](std::string_view key) {
      found[keys++] = Napi::String::New(env, key.data(), key.size());
    });
  }
  if (own.cache().failure().fault == Fault::kLost) return fault(info, Fault::kLost);
  next[0] = static_cast<double>(bucket);
  return found;
}

/// The bytes of argument `i`; false for what is no Uint8Array.
template <class Byte>
bool bytes_at(const CallbackInfo& info, std::size_t i, std::span<Byte>* bytes) {
  napi_typedarray_type type{};
  std::size_t length = 0;
  void* data = nullptr;
  const bool is_bytes = napi_get_typedarray_info(info.Env(), info[i], &type, &length, &data,
                                                 nullptr, nullptr) == napi_ok &&
                        type == napi_uint8_array;
  if (is_bytes) *bytes = {static_cast<Byte*>(data), length};
  return is_bytes;
}

/// `store(key, bytes, ttlMs, tags, claim, codec, plainBytes)`: a STORED; a fault below 0. `tags`:
/// what hashTag() has filled. `claim`: a ticket and its epoch, or undefined.
Value store(const CallbackInfo& info, SharedCacheObject& own) {
  const KeyText key(info, 0);
  shared_cache::NewValue value;
  const auto ttl = whole_at(info, 2);
  const auto codec = whole_at(info, 5, 255);
  const auto plain = whole_at(info, 6, UINT32_MAX);
  if (!key.is_key() || !bytes_at(info, 1, &value.bytes) || !ttl || !codec || !plain)
    return fault(info, Fault::kRange);
  if (const Failure failure = own.cache().failure(); !failure.ok())
    return fault(info, failure.fault);
  std::uint64_t tags[shared_cache::kMaxTags];
  std::size_t count = 0;
  if (const double* const halves = doubles_at(info, 3, 1); halves != nullptr) {
    count = static_cast<std::size_t>(std::clamp<double>(halves[0], 0, shared_cache::kMaxTags));
    if (doubles_at(info, 3, 1 + count) == nullptr) return fault(info, Fault::kRange);
    for (std::size_t i = 0; i < count; ++i) std::memcpy(&tags[i], &halves[1 + i], sizeof tags[i]);
  }
  value.tags = {tags, count};
  const double* const claim = doubles_at(info, 4, 2);
  const auto whole = [](double n) {
    return n >= 0 && n <= static_cast<double>(kMaxWhole) ? static_cast<std::uint64_t>(n) : 0;
  };
  value.epoch = claim == nullptr ? own.cache().epoch() : whole(claim[1]);
  value.codec = static_cast<std::uint8_t>(*codec);
  value.plain_bytes = static_cast<std::uint32_t>(*plain);
  const Stored stored =
      own.cache().store(key.text(), value, *ttl, claim == nullptr ? 0 : whole(claim[0]));
  if (own.cache().failure().fault == Fault::kLost) return fault(info, Fault::kLost);
  return code(info, stored);
}

/// `hashTag(tag, tags)`: adds it to what store() takes; false when that is full.
Value hash_tag(const CallbackInfo& info, SharedCacheObject& own) {
  const std::string tag = text_at(info, 0);
  double* const tags = doubles_at(info, 1, 1 + shared_cache::kMaxTags);
  const bool has_room = tags != nullptr && tags[0] >= 0 && tags[0] < shared_cache::kMaxTags;
  if (has_room) {
    const std::uint64_t hash = own.cache().tag_hash(tag);
    tags[0] = std::floor(tags[0]) + 1;
    std::memcpy(&tags[static_cast<std::size_t>(tags[0])], &hash, sizeof hash);
  }
  return Napi::Boolean::New(info.Env(), has_room);
}

/// `remove(key)`: 1 if there was one, 0 if not, 2 when it is busy; a fault below 0.
Value remove(const CallbackInfo& info, SharedCacheObject& own) {
  const KeyText key(info, 0);
  if (!key.is_key()) return fault(info, Fault::kRange);
  if (const Failure failure = own.cache().failure(); !failure.ok())
    return fault(info, failure.fault);
  bool busy = false;
  const bool was_there = own.cache().remove(key.text(), &busy);
  return number(info, busy ? 2 : was_there);
}

/// `removeTag(tag)`: 0; a fault below 0.
Value remove_tag(const CallbackInfo& info, SharedCacheObject& own) {
  const std::string tag = text_at(info, 0);
  const Failure failure = own.cache().failure();
  if (failure.ok()) own.cache().remove_tag(tag);
  return fault(info, failure.fault);
}

/// `tagVersion(tag)`: the epoch in which it was deleted last, or that of now for what is no text; a
/// fault below 0.
Value tag_version(const CallbackInfo& info, SharedCacheObject& own) {
  if (const Failure failure = own.cache().failure(); !failure.ok())
    return fault(info, failure.fault);
  const std::uint64_t version =
      info[0].IsString() ? own.cache().deleted_at(text_at(info, 0)) : own.cache().epoch();
  return number(info, static_cast<double>(version));
}

/// `clear()`: 0, or 2 when a part of it is busy; a fault below 0.
Value clear(const CallbackInfo& info, SharedCacheObject& own) {
  if (const Failure failure = own.cache().failure(); !failure.ok())
    return fault(info, failure.fault);
  return number(info, own.cache().clear() ? 0 : 2);
}

/// `claim(key, out)`: a CLAIMED, with ticket and epoch in out; a fault below 0.
Value claim(const CallbackInfo& info, SharedCacheObject& own) {
  const KeyText key(info, 0);
  double* const out = doubles_at(info, 1, 2);
  if (!key.is_key() || out == nullptr) return fault(info, Fault::kRange);
  if (const Failure failure = own.cache().failure(); !failure.ok())
    return fault(info, failure.fault);
  std::uint64_t ticket = 0;
  out[1] = static_cast<double>(own.cache().epoch());
  const Claimed claimed = own.cache().claim(key.text(), &ticket);
  out[0] = static_cast<double>(ticket);
  return code(info, claimed);
}

/// `endClaim(key, ticket)`
void end_claim(const CallbackInfo& info, SharedCacheObject& own) {
  const KeyText key(info, 0);
  const auto ticket = whole_at(info, 1);
  if (key.is_key() && ticket && own.cache().failure().ok())
    own.cache().end_claim(key.text(), *ticket);
}

/// `listen()`: from now on the environment is signalled when a claim may have ended for whose end
/// somebody waits. False where the system cannot tell.
Value listen(const CallbackInfo& info, SharedCacheObject& own) {
  return Napi::Boolean::New(info.Env(), own.cache().failure().ok() && own.listen(info.Env()));
}

/// `deafen()`
void deafen(const CallbackInfo&, SharedCacheObject& own) { own.deafen(); }

/// `takeNews()`: 0 for none since the last call, 1 when claims have ended, 2 when somebody has left
/// or died, of whom a lock may stay for a moment.
Value take_news(const CallbackInfo& info, SharedCacheObject& own) {
  const FileNews news = own.take_news();
  return number(info, news.is_closed ? 2 : news.is_written);
}

/// `markPins(count)`: so many places for pins are looked at from now on.
void mark_pins(const CallbackInfo& info, SharedCacheObject& own) {
  const auto count = whole_at(info, 0, shared_cache::Member::kPins);
  if (count && own.cache().failure().ok())
    own.cache().mark_pins(static_cast<std::uint32_t>(*count));
}

/// `stats()`
Value stats(const CallbackInfo& info, SharedCacheObject& own) {
  static constexpr const char* kNames[shared_cache::kCounters] = {
      "hits",        "misses",    "sets",     "deletes", "evictions",
      "expirations", "survivals", "refusals", "repairs", "computations"};
  const Napi::Env env = info.Env();
  const shared_cache::CacheStats stats = own.cache().stats();
  Napi::Object out = Napi::Object::New(env);
  const auto put = [&](const char* name, double value) {
    out[name] = Napi::Number::New(env, value);
  };
  for (std::size_t i = 0; i < shared_cache::kCounters; ++i) put(kNames[i], stats.counters[i]);
  put("entries", static_cast<double>(stats.entries));
  put("bytes", static_cast<double>(stats.live_bytes));
  put("roomBytes", static_cast<double>(stats.value_room));
  put("maxBytes", static_cast<double>(stats.file_bytes));
  put("maxValueBytes", static_cast<double>(stats.max_value_bytes));
  put("members", static_cast<double>(stats.processes));
  return out;
}

/// `check()`: { entries, wrong, isComplete }; a fault below 0.
Value check(const CallbackInfo& info, SharedCacheObject& own) {
  const Napi::Env env = info.Env();
  if (const Failure failure = own.cache().failure(); !failure.ok())
    return fault(info, failure.fault);
  const shared_cache::CacheCheck check = own.cache().check();
  Napi::Object out = Napi::Object::New(env);
  out["entries"] = Napi::Number::New(env, static_cast<double>(check.entries));
  out["wrong"] = Napi::Number::New(env, static_cast<double>(check.wrong));
  out["isComplete"] = Napi::Boolean::New(env, check.is_complete);
  return out;
}

/// An ArrayBuffer over a part of the mapping, which it keeps; undefined where the host forbids it.
Value window_over(const CallbackInfo& info, SharedCacheObject& own, void* at, ByteCount bytes) {
  const Napi::Env env = info.Env();
  auto keeper = std::make_unique<std::shared_ptr<MappedRange>>(own.cache().range());
  napi_value buffer = nullptr;
  const napi_status status = napi_create_external_arraybuffer(
      env, at, bytes,
      [](node_api_basic_env, void*, void* hint) {
        delete static_cast<std::shared_ptr<MappedRange>*>(hint);
      },
      keeper.get(), &buffer);
  if (will_finalize(status)) static_cast<void>(keeper.release());
  return status == napi_ok ? Value(env, buffer) : env.Undefined();
}

/// `window(shard)`
Value window(const CallbackInfo& info, SharedCacheObject& own) {
  const auto shard = whole_at(info, 0, own.cache().geometry().shards - 1);
  if (!shard || !own.cache().failure().ok()) return info.Env().Undefined();
  return window_over(info, own, own.cache().shard_address(*shard),
                     own.cache().geometry().shard_bytes);
}

/// `pageWindow(shard, at, bytes)`: a part of a shard.
Value page_window(const CallbackInfo& info, SharedCacheObject& own) {
  const shared_cache::Geometry& geometry = own.cache().geometry();
  const auto shard = whole_at(info, 0, geometry.shards - 1);
  const auto at = whole_at(info, 1, geometry.shard_bytes);
  const auto bytes = whole_at(info, 2, geometry.shard_bytes);
  if (!shard || !at || !bytes || *at + *bytes > geometry.shard_bytes || *bytes == 0 ||
      !own.cache().failure().ok())
    return info.Env().Undefined();
  return window_over(info, own, own.cache().shard_address(*shard) + *at, *bytes);
}

/// `memberWindow()`: this thread's page.
Value member_window(const CallbackInfo& info, SharedCacheObject& own) {
  if (!own.cache().failure().ok()) return info.Env().Undefined();
  return window_over(info, own, own.cache().own_member(), sizeof(shared_cache::Member));
}

/// `lostWindow()`: a word of 64 bits that is not 0 once a page of the file was missing.
Value lost_window(const CallbackInfo& info, SharedCacheObject& own) {
  return window_over(info, own, const_cast<void*>(own.cache().range()->lost_word()),
                     sizeof(std::uint64_t));
}

/// `lz4Compress(bytes, target)`: how many bytes of the target the compressed ones take; 0 when they
/// have no room there, or without LZ4.
Value lz4_compress_bytes(const CallbackInfo& info, SharedCacheObject& own) {
  std::span<const std::uint8_t> from;
  std::span<std::uint8_t> to;
  if (!bytes_at(info, 0, &from) || !bytes_at(info, 1, &to)) return number(info, 0);
  const ByteCount got = lz4_compress(own.lz4(), from.data(), from.size(), to.data(), to.size());
  return number(info, static_cast<double>(got));
}

/// `lz4Decompress(bytes, target)`: whether they were as many compressed ones as the target has.
Value lz4_decompress_bytes(const CallbackInfo& info, SharedCacheObject&) {
  std::span<const std::uint8_t> from;
  std::span<std::uint8_t> to;
  const bool is_done = bytes_at(info, 0, &from) && bytes_at(info, 1, &to) &&
                       lz4_decompress(from.data(), from.size(), to.data(), to.size());
  return Napi::Boolean::New(info.Env(), is_done);
}

/// `failure()`: what is wrong with all of it.
Value failure(const CallbackInfo& info, SharedCacheObject& own) {
  return failure_object(info.Env(), own.cache().failure());
}

/// `close()`
void close(const CallbackInfo&, SharedCacheObject& own) {
  own.deafen();
  own.cache().close();
}

}  // namespace

void add_shared_cache_opener(Methods& methods) {
  add_bound_method<Evaluation, open_shared_cache>(methods, "openSharedCache");
}

void add_shared_cache_methods(Methods& methods) {
  add_hot_method<SharedCacheObject, find>(methods, "find");
  add_hot_method<SharedCacheObject, store>(methods, "store");
  add_hot_method<SharedCacheObject, remove>(methods, "remove");
  add_shared_method<SharedCacheObject, keys>(methods, "keys");
  add_shared_method<SharedCacheObject, hash_tag>(methods, "hashTag");
  add_shared_method<SharedCacheObject, remove_tag>(methods, "removeTag");
  add_shared_method<SharedCacheObject, tag_version>(methods, "tagVersion");
  add_shared_method<SharedCacheObject, clear>(methods, "clear");
  add_shared_method<SharedCacheObject, claim>(methods, "claim");
  add_shared_method<SharedCacheObject, end_claim>(methods, "endClaim");
  add_shared_method<SharedCacheObject, listen>(methods, "listen");
  add_shared_method<SharedCacheObject, deafen>(methods, "deafen");
  add_shared_method<SharedCacheObject, take_news>(methods, "takeNews");
  add_shared_method<SharedCacheObject, mark_pins>(methods, "markPins");
  add_shared_method<SharedCacheObject, stats>(methods, "stats");
  add_shared_method<SharedCacheObject, check>(methods, "check");
  add_shared_method<SharedCacheObject, window>(methods, "window");
  add_shared_method<SharedCacheObject, page_window>(methods, "pageWindow");
  add_shared_method<SharedCacheObject, member_window>(methods, "memberWindow");
  add_shared_method<SharedCacheObject, lost_window>(methods, "lostWindow");
  add_shared_method<SharedCacheObject, lz4_compress_bytes>(methods, "lz4Compress");
  add_shared_method<SharedCacheObject, lz4_decompress_bytes>(methods, "lz4Decompress");
  add_shared_method<SharedCacheObject, failure>(methods, "failure");
  add_shared_method<SharedCacheObject, close>(methods, "close");
}

}  // namespace superslab

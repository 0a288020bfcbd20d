// Generational pools. An ss_generational_pool is the face of a ProgramGenerational.
#include <cerrno>
#include <cstring>

#include "capi/c_api.h"
#include "capi/json_text.h"
#include "capi/pool_calls.h"
#include "capi/pool_text.h"
#include "malloc/fatal.h"
#include "malloc/program_generational.h"

using namespace superslab;

static_assert(sizeof(ss_scope_window) == sizeof(ScopeWindow) &&
              offsetof(ss_scope_window, slot) == offsetof(ScopeWindow, slot) &&
              offsetof(ProgramGenerational::Face, window) == 0);
static_assert(sizeof(ss_scope_slot) == sizeof(Slot) &&
              offsetof(ss_scope_slot, at) == offsetof(Slot, at) &&
              offsetof(ss_scope_slot, generation) == offsetof(Slot, generation) &&
              offsetof(ss_scope_slot, length) == offsetof(Slot, length) &&
              offsetof(ss_scope_slot, number) == offsetof(Slot, number));

namespace {

ProgramGenerational& from(const ss_generational_pool* pool,
                          const char* function = __builtin_FUNCTION()) {
  const auto* face = reinterpret_cast<const ProgramGenerational::Face*>(pool);
  ProgramGenerational::check(function, face);
  return *face->pool;
}

int error_of(ValueFault fault) {
  switch (fault) {
    case ValueFault::kNone:
      break;
    case ValueFault::kNoMemory:
      return ENOMEM;
    case ValueFault::kLimit:
      return ENOBUFS;
    case ValueFault::kStale:
      return ESTALE;
    case ValueFault::kPinned:
    case ValueFault::kBusy:
      return EBUSY;
    case ValueFault::kTooLarge:
      return ERANGE;
    case ValueFault::kScoped:
    case ValueFault::kNotPinned:
    case ValueFault::kNoScope:
      return EINVAL;
  }
  return 0;
}

/// Sets errno where there is a fault, and only there. A stale handle is counted, and ends the
/// process with SUPERSLAB_CHECK.
bool is_good(ValueFault fault, int before, GenerationalPool& values,
             const char* function = __builtin_FUNCTION()) {
  errno = before;
  if (fault == ValueFault::kNone) [[likely]]
    return true;
  errno = error_of(fault);
  if (fault != ValueFault::kStale) return false;
  values.count_stale();
  if (ProgramKind::is_checked())
    fail_on_address(function, &values, "its value has ended, or it is another pool's",
                    "was given a stale handle");
  return false;
}

bool read_options(const ss_generational_pool_options* given, GenerationalOptions& out) {
  ss_generational_pool_options all = SS_GENERATIONAL_POOL_OPTIONS;
  if (!read_struct(given, all) || all.flags != 0) return false;
  if (all.young != 0) out.young = all.young;
  out.old = all.old;
  out.permanent = all.permanent;
  out.max_bytes = all.max_bytes;
  if (all.young_to_old != 0) out.promotion.young_to_old = all.young_to_old;
  if (all.old_to_permanent != 0) out.promotion.old_to_permanent = all.old_to_permanent;
  if (all.survival != 0) out.promotion.survival = all.survival;
  return GenerationalPool::can_be(out);
}

ss_generation_stats figures_of(const GenerationalPool& values, Generation generation) {
  const GenerationalPool::Figures figures = values.figures(generation);
  return {figures.values, figures.bytes, figures.held};
}

}  // namespace

ss_generational_pool* ss_generational_pool_new(const ss_generational_pool_options* options) {
  GenerationalOptions own;
  if (!read_options(options, own)) {
    errno = EINVAL;
    return nullptr;
  }
  const int before = errno;
  const char* const name = options->struct_bytes > offsetof(ss_generational_pool_options, name)
                               ? options->name
                               : nullptr;
  ProgramGenerational* const pool = ProgramGenerational::make(own, name == nullptr ? "" : name);
  errno = pool == nullptr ? ENOMEM : before;
  return pool == nullptr ? nullptr : reinterpret_cast<ss_generational_pool*>(&pool->face());
}

size_t ss_generational_pool_close(ss_generational_pool* pool) {
  if (pool == nullptr) return 0;
  ProgramGenerational& own = from(pool);
  if (own.values().is_collecting()) {
    errno = EBUSY;
    return own.values().values();
  }
  const KeepErrno keep;
  return own.close();
}

void* ss_generational_pool_alloc(ss_generational_pool* pool, size_t size, ss_handle* handle) {
  GenerationalPool& values = from(pool).values();
  const int before = errno;
  ValueFault fault;
  std::byte* const at = values.allocate(size, *handle, fault);
  if (at != nullptr && errno == before) [[likely]]
    return at;
  is_good(fault, before, values);
  return at;
}

ss_handle ss_generational_pool_put(ss_generational_pool* pool, const void* bytes, size_t size) {
  ss_handle handle;
  void* const at = ss_generational_pool_alloc(pool, size, &handle);
  if (at == nullptr) return 0;
  if (size != 0) std::memcpy(at, bytes, size);
  return handle;
}

void* ss_generational_pool_get(const ss_generational_pool* pool, ss_handle handle, size_t* size) {
  GenerationalPool& values = from(pool).values();
  const Slot* const slot = values.find(handle);
  if (slot == nullptr) [[unlikely]] {
    is_good(ValueFault::kStale, errno, values);
    return nullptr;
  }
  if (size != nullptr) *size = slot->length;
  return slot->at;
}

int ss_generational_pool_free(ss_generational_pool* pool, ss_handle handle) {
  GenerationalPool& values = from(pool).values();
  const int before = errno;
  return is_good(values.free(handle), before, values) ? 0 : -1;
}

int ss_generational_pool_owns(const ss_generational_pool* pool, ss_handle handle) {
  return from(pool).values().find(handle) != nullptr;
}

void* ss_generational_pool_pin(ss_generational_pool* pool, ss_handle handle) {
  GenerationalPool& values = from(pool).values();
  if (!is_good(values.pin(handle), errno, values)) return nullptr;
  return values.find(handle)->at;
}

int ss_generational_pool_unpin(ss_generational_pool* pool, ss_handle handle) {
  GenerationalPool& values = from(pool).values();
  return is_good(values.unpin(handle), errno, values) ? 0 : -1;
}

ss_scope ss_generational_pool_begin(ss_generational_pool* pool) {
  const ScopeId scope = from(pool).values().begin_scope();
  if (scope == 0) errno = ENOBUFS;
  return scope;
}

int ss_generational_pool_end(ss_generational_pool* pool, ss_scope scope) {
  if (from(pool).values().end_scope(scope)) return 0;
  errno = EINVAL;
  return -1;
}

void* ss_generational_pool_scope_alloc_slow(ss_generational_pool* pool, size_t size,
                                            ss_handle* handle) {
  GenerationalPool& values = from(pool, "ss_generational_pool_scope_alloc").values();
  const int before = errno;
  ValueFault fault;
  std::byte* const at = values.allocate_scoped(size, *handle, fault);
  is_good(fault, before, values);
  return at;
}

void* ss_generational_pool_scope_alloc(ss_generational_pool* pool, size_t size, ss_handle* handle) {
  return ss_generational_pool_scope_alloc_slow(pool, size, handle);
}

ss_handle ss_generational_pool_scope_put(ss_generational_pool* pool, const void* bytes,
                                         size_t size) {
  ss_handle handle;
  void* const at = ss_generational_pool_scope_alloc(pool, size, &handle);
  if (at == nullptr) return 0;
  if (size != 0) std::memcpy(at, bytes, size);
  return handle;
}

ss_handle ss_generational_pool_promote(ss_generational_pool* pool, ss_handle handle) {
  GenerationalPool& values = from(pool).values();
  const int before = errno;
  ValueFault fault;
  const ValueHandle promoted = values.promote(handle, fault);
  is_good(fault, before, values);
  return promoted;
}

int ss_generational_pool_collect(ss_generational_pool* pool, uint64_t budget_ns,
                                 void (*progress)(size_t done, size_t count, void* context),
                                 void* context) {
  GenerationalPool& values = from(pool).values();
  const int before = errno;
  ValueFault fault;
  const bool is_complete = values.collect(budget_ns, progress, context, fault);
  return is_good(fault, before, values) ? is_complete : -1;
}

int ss_generational_pool_generations(const ss_generational_pool* pool,
                                     ss_generational_stats* stats) {
  return write_stats(stats, [&] {
    const GenerationalPool& values = from(pool).values();
    const Collector& collector = values.collector();
    return ss_generational_stats{
        .struct_bytes = sizeof(ss_generational_stats),
        .young = figures_of(values, Generation::kYoung),
        .old = figures_of(values, Generation::kOld),
        .permanent = figures_of(values, Generation::kPermanent),
        .scopes = {values.scoped_values(), 0, values.held(Generation::kScope)},
        .collections = collector.collections(),
        .moved_values = collector.moved_values(),
        .promoted_bytes = collector.promoted_bytes(),
        .pretenured = values.pretenured(),
        .survival = collector.survival(),
    };
  });
}

size_t ss_generational_pool_trim(ss_generational_pool* pool) {
  const KeepErrno keep;
  return from(pool).values().trim(0);
}

const char* ss_generational_pool_name(const ss_generational_pool* pool) {
  return from(pool).values().name().data();
}

int ss_generational_pool_stats(const ss_generational_pool* pool, ss_pool_stats* stats) {
  return write_stats(stats, [&] { return stats_of(from(pool).values()); });
}

size_t ss_generational_pool_stats_json(const ss_generational_pool* pool, char* buffer,
                                       size_t size) {
  const KeepErrno keep;
  JsonText json(buffer, size);
  write_pool(json, from(pool).values(), Detail::kAll);
  return json.length();
}

const char* ss_generational_pool_check(const ss_generational_pool* pool) {
  switch (from(pool).values().check()) {
    case PoolFault::kNone:
      return nullptr;
    case PoolFault::kHeap:
      return "heap";
    case PoolFault::kDepth:
      return "chunk";
    default:
      return "slot";
  }
}

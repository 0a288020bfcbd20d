/* Generational pools: part of superslab.h, which includes this file. */
#ifndef SUPERSLAB_GENERATIONAL_H
#define SUPERSLAB_GENERATIONAL_H

#include "superslab.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Values are bytes that are named by handles, since they move. They are put one after the other
 * into young memory. Most end together, with their scope, at the cost of a few stores; what lives
 * on is moved out of its chunk by ..._collect(), so that whole chunks come back and old memory has
 * no holes.
 *
 * Threads   One thread at a time uses a pool: give each thread one. ss_stats_json() and ss_trim()
 * may be called meanwhile. The child of a fork() may go on with the pools of the thread that
 * forked. Roots     A value lives until its handle is freed, or until its scope or its pool ends.
 * Nothing looks for handles in the program. Places    Values begin at multiples of 8. Where one
 * lies is valid until the next ..._collect() of the pool, and while it is pinned. Values of scopes
 * do not move. Errors    Beside those of all pools: ESTALE  the value of the handle has ended;
 * nearly always also for one of another pool EBUSY   the value is pinned; or a collection is under
 * way, and this is its callback EINVAL  no scope is open, or that one has ended; what is unpinned
 * is not pinned; what ends with its scope cannot be pinned ERANGE  a value beyond 1 GiB ENOBUFS the
 * pool is at `max_bytes`, or `old` is full; 128 scopes are open; 65,535 pins */
typedef struct ss_generational_pool ss_generational_pool;

/* Names a value; 0 is none. The same number comes again when its place was used 2^32 times. */
typedef uint64_t ss_handle;

/* Names a scope; 0 is none. */
typedef uint64_t ss_scope;

typedef struct ss_generational_pool_options {
  size_t struct_bytes;
  const char* name;          /* UTF-8, copied, of at most 63 bytes */
  size_t young;              /* bytes between two collections, from 256 KiB on; 0 is 16 MiB */
  size_t old;                /* most bytes of old memory; 0 is no limit */
  size_t permanent;          /* the same of permanent memory */
  size_t max_bytes;          /* of everything; 0 is no limit */
  unsigned young_to_old;     /* collections that a young value survives before it is old, up to 255;
                                0 is 2 */
  unsigned old_to_permanent; /* collections before a full old chunk may be permanent; 0 is 8 */
  double survival;           /* the share of it that must be alive then; 0 is 0.9 */
  unsigned flags;            /* 0 */
} ss_generational_pool_options;

#define SS_GENERATIONAL_POOL_OPTIONS \
  { sizeof(ss_generational_pool_options), NULL, 0, 0, 0, 0, 0, 0, 0.0, 0 }

SS_EXPORT ss_generational_pool* ss_generational_pool_new(
    const ss_generational_pool_options* options);

/* Ends all values and the pool, as ss_heap_delete() does: no handle and no place of it may be used
 * any more. Returns how many values lived outside of scopes. NULL is nothing. From the callback of
 * a collection it does nothing, with EBUSY. */
SS_EXPORT size_t ss_generational_pool_close(ss_generational_pool* pool);

/* Values ------------------------------------------------------------------------------------- */

/* The handle of a copy of `size` bytes, which lives until it is freed; 0 with ENOMEM, ENOBUFS or
 * ERANGE. What is larger than an eighth of a chunk goes to old at once, into memory of its own, and
 * so does everything while young is full: collect more often, or make `young` larger. A chunk has
 * an eighth of `young`, 32 KiB to 2 MiB. */
SS_EXPORT ss_handle ss_generational_pool_put(ss_generational_pool* pool, const void* bytes,
                                             size_t size);

/* The same for bytes that the caller writes: returns where they lie. */
SS_EXPORT void* ss_generational_pool_alloc(ss_generational_pool* pool, size_t size,
                                           ss_handle* handle);

/* Where the value lies, and how many bytes it has; `size` may be NULL. NULL with ESTALE. */
SS_EXPORT void* ss_generational_pool_get(const ss_generational_pool* pool, ss_handle handle,
                                         size_t* size);

/* Ends the value. -1 with ESTALE, or EBUSY while it is pinned. */
SS_EXPORT int ss_generational_pool_free(ss_generational_pool* pool, ss_handle handle);

/* 1 if the handle names a value of the pool; else 0. */
SS_EXPORT int ss_generational_pool_owns(const ss_generational_pool* pool, ss_handle handle);

/* The value does not move in between. ..._pin() returns where it lies. */
SS_EXPORT void* ss_generational_pool_pin(ss_generational_pool* pool, ss_handle handle);
SS_EXPORT int ss_generational_pool_unpin(ss_generational_pool* pool, ss_handle handle);

/* Scopes ------------------------------------------------------------------------------------- */

/* Begins a scope within those that are open. 0 with ENOBUFS. */
SS_EXPORT ss_scope ss_generational_pool_begin(ss_generational_pool* pool);

/* Ends a scope with all its values, and the scopes that were begun within it. -1 with EINVAL. */
SS_EXPORT int ss_generational_pool_end(ss_generational_pool* pool, ss_scope scope);

/* As ..._put() and ..._alloc(), but the value ends with the innermost scope that is open. Freeing
 * it before gives no memory back. */
SS_EXPORT ss_handle ss_generational_pool_scope_put(ss_generational_pool* pool, const void* bytes,
                                                   size_t size);
SS_EXPORT void* ss_generational_pool_scope_alloc(ss_generational_pool* pool, size_t size,
                                                 ss_handle* handle);

/* The handle of a copy that lives on, which counts as a collection that it has survived. Any other
 * handle is returned as it is. 0 with ESTALE, ENOMEM or ENOBUFS. */
SS_EXPORT ss_handle ss_generational_pool_promote(ss_generational_pool* pool, ss_handle handle);

/* Collections -------------------------------------------------------------------------------- */

/* Goes on with the collection, or begins one, for about `budget_ns`: the clock is looked at after
 * each 64 values or 64 KiB. Returns 1 when it is complete, 0 when there is more to do, -1 with
 * EBUSY. The program may put and free between two steps. `progress`, if it is not NULL, is told
 * after each 4,096 values and at the end how many of `count` values were seen; it may use the pool,
 * but neither collect nor close it. */
SS_EXPORT int ss_generational_pool_collect(ss_generational_pool* pool, uint64_t budget_ns,
                                           void (*progress)(size_t done, size_t count,
                                                            void* context),
                                           void* context);

/* Figures ------------------------------------------------------------------------------------ */

typedef struct ss_generation_stats {
  size_t values;
  size_t live_bytes;
  size_t held_bytes; /* of its chunks */
} ss_generation_stats;

typedef struct ss_generational_stats {
  size_t struct_bytes; /* as the caller knows the struct, before the call */
  ss_generation_stats young;
  ss_generation_stats old;
  ss_generation_stats permanent;
  ss_generation_stats scopes; /* live_bytes is not counted */
  size_t collections;         /* that are complete */
  size_t moved_values;
  size_t promoted_bytes; /* that left young */
  size_t pretenured;     /* values that went to old at once */
  double survival;       /* the share of young bytes that survived the last collection */
} ss_generational_stats;

/* For the thread that uses the pool. */
SS_EXPORT int ss_generational_pool_generations(const ss_generational_pool* pool,
                                               ss_generational_stats* stats);

/* As those of fixed pools, for the thread that uses the pool; ..._stats() for any. in_use of the
 * statistics is values outside of scopes, double_puts stale handles that were used. */
SS_EXPORT size_t ss_generational_pool_trim(ss_generational_pool* pool);
SS_EXPORT const char* ss_generational_pool_name(const ss_generational_pool* pool);
SS_EXPORT int ss_generational_pool_stats(const ss_generational_pool* pool, ss_pool_stats* stats);
SS_EXPORT size_t ss_generational_pool_stats_json(const ss_generational_pool* pool, char* buffer,
                                                 size_t size);
SS_EXPORT const char* ss_generational_pool_check(const ss_generational_pool* pool);

/* Where the next value of a scope goes: a pool begins with it. A later library in which that is
 * otherwise leaves it at zero, and programs that were compiled with this header go on. */
typedef struct ss_scope_slot {
  unsigned char* at;
  uint32_t generation;
  uint32_t length;
  uint32_t number;
  uint32_t reserved;
  void* chunk;
} ss_scope_slot;

typedef struct ss_scope_window {
  unsigned char* at;
  unsigned char* end;
  ss_scope_slot* slot;
  ss_scope_slot* slot_end;
} ss_scope_window;

/* For the functions below, where there is no room. */
SS_EXPORT void* ss_generational_pool_scope_alloc_slow(ss_generational_pool* pool, size_t size,
                                                      ss_handle* handle);

#if defined(SS_INLINE)
SS_INLINE void* ss_generational_pool_scope_alloc(ss_generational_pool* pool, size_t size,
                                                 ss_handle* handle) {
  ss_scope_window* const window = (ss_scope_window*)(void*)pool;
  unsigned char* const at = window->at;
  ss_scope_slot* const slot = window->slot;
  if (__builtin_expect(size > (size_t)(window->end - at) || slot == window->slot_end, 0))
    return ss_generational_pool_scope_alloc_slow(pool, size, handle);
  window->at = at + ((size + 7) & ~(size_t)7);
  window->slot = slot + 1;
  slot->at = at;
  slot->length = (uint32_t)size;
  *handle = (uint64_t)++slot->generation << 32 | slot->number;
  return at;
}
#endif

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* SUPERSLAB_GENERATIONAL_H */

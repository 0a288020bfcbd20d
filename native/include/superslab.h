/* superslab for C and C++: the heap that libsuperslab.so serves malloc from, under names of its
 * own.
 *
 * ss_malloc() and malloc() of that library are one heap: a block of either may be given to
 * ss_free() or free(), by any thread.
 *
 * Sizes are in bytes. Blocks start at multiples of 16, or of the alignment that was asked for. A
 * request for 0 bytes gives a block of its own, which is freed like any other. What a function
 * cannot do for want of memory it returns NULL and errno ENOMEM; a size beyond PTRDIFF_MAX is
 * such a want. Every function may be called by any thread, at any time, also in constructors before
 * main(), in destructors after it and in the child of a fork(); none but ss_malloc() and its kin,
 * and those of pools, changes errno.
 *
 * Using a block after it was freed, freeing it twice, and freeing an address that is none are
 * errors of the caller. Some are recognised: an address in the heap's memory where no block is at
 * all ends the process with a message; a block that had gone from its thread's cache back to its
 * slab and is freed again is left alone and counted as "doubleFrees" in ss_stats_json(). With
 * SUPERSLAB_CHECK=1 every free is checked, which is slow, and every mistake that the heap can know
 * of ends the process. What happens to a block of another allocator is decided by
 * SUPERSLAB_FOREIGN.
 */
#ifndef SUPERSLAB_H
#define SUPERSLAB_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SS_EXPORT __attribute__((visibility("default")))
#define SS_MALLOC __attribute__((malloc, warn_unused_result))
#define SS_SIZE(at) __attribute__((alloc_size(at)))
#define SS_SIZES(count_at, at) __attribute__((alloc_size(count_at, at)))
#define SS_ALIGN(at) __attribute__((alloc_align(at)))
#define SS_UNUSED __attribute__((unused))
#else
#define SS_EXPORT
#define SS_MALLOC
#define SS_SIZE(at)
#define SS_SIZES(count_at, at)
#define SS_ALIGN(at)
#define SS_UNUSED
#endif

/* Blocks ------------------------------------------------------------------------------------- */

/* A block of at least `size` bytes, of undefined content. */
SS_EXPORT void* ss_malloc(size_t size) SS_MALLOC SS_SIZE(1);

/* A block of `count` elements of `size` bytes that reads as zero. ENOMEM also when the product
 * overflows. */
SS_EXPORT void* ss_calloc(size_t count, size_t size) SS_MALLOC SS_SIZES(1, 2);

/* `block` with room for `size` bytes, at another address if need be; the content stays, up to the
 * smaller of both sizes. NULL leaves the block as it was. `block` NULL: as ss_malloc(). `size` 0:
 * frees the block and returns NULL. */
SS_EXPORT void* ss_realloc(void* block, size_t size) SS_SIZE(2);

/* A block that starts at a multiple of `alignment`, which must be a power of two: EINVAL if not.
 * `size` need not be a multiple of it. */
SS_EXPORT void* ss_aligned_alloc(size_t alignment, size_t size) SS_MALLOC SS_ALIGN(1) SS_SIZE(2);

/* Frees a block of any heap here; NULL is nothing. errno stays as it is. */
SS_EXPORT void ss_free(void* block);

/* The same for a caller who knows the size that was asked for. */
SS_EXPORT void ss_free_sized(void* block, size_t size);

/* Bytes that may be used at `block`, at least as many as were asked for; 0 for NULL. They stay the
 * caller's until the block is freed or resized. */
SS_EXPORT size_t ss_usable_size(const void* block);

/* Stores up to `count` blocks of at least `size` bytes each at `out` and returns how many: less
 * than `count`, with errno ENOMEM, only for want of memory. Each is freed by itself or in any
 * batch. */
SS_EXPORT size_t ss_malloc_batch(size_t size, void** out, size_t count);

/* Frees `count` blocks, of any sizes; NULL among them is nothing. */
SS_EXPORT void ss_free_batch(void* const* blocks, size_t count);

/* 1 if `block` is the address of a block of superslab's, also of one that was freed but whose
 * memory is still in use for others of its size; else 0. An address inside a block may give
 * either. */
SS_EXPORT int ss_owns(const void* block);

/* The process -------------------------------------------------------------------------------- */

/* Gives free memory back to the operating system at once: what the calling thread has cached, and
 * what is idle in all heaps. Returns how many bytes. What is idle goes back by itself: after
 * SUPERSLAB_MALLOC_PURGE_DELAY_MS while there are calls, and at once what is more than
 * SUPERSLAB_MALLOC_IDLE_BYTES. This is for a program that knows that it will rest. */
SS_EXPORT size_t ss_trim(void);

/* With `on`, has the process give back what it can do without while memory is scarce, as the
 * kernel tells: what threads cache, then what can be compressed, then what waits to be used
 * (docs/PRESSURE.md). A thread of the library's looks once in SUPERSLAB_PRESSURE_INTERVAL_MS; it
 * reads files of /proc and /sys. Without `on` takes one such call back: after the last the thread
 * has ended. Compressed pools and SUPERSLAB_MALLOC_PRESSURE=1 have it looked at by themselves. The
 * child of a fork has no such thread until it calls this. Returns 0, or -1 with EAGAIN if the
 * system gives no thread. SUPERSLAB_PRESSURE=0 makes it do nothing. Any thread. */
SS_EXPORT int ss_watch_pressure(int on);

/* Writes the statistics of the heap behind ss_malloc() as one JSON object, like snprintf(): at most
 * `size` bytes, a zero at the end included, and returns the length of the whole text without the
 * zero. `buffer` may be NULL if `size` is 0. Allocates nothing. The numbers are exact while the
 * other threads rest; between two calls the text may become longer.
 *
 *   {"committedBytes": ..., "idleBytes": ..., "mappedBytes": ..., "heaps": ..., ...,
 *    "classes": [{"blockBytes": 16, "inUseBlocks": ..., "cachedBlocks": ..., "refills": ...,
 *                 "refilledBlocks": ..., "flushes": ..., "flushedBlocks": ..., ...}, ...]}
 *
 * native/heap/stats.def tells what each number means; further ones are
 *   idleBytes    free superslabs that hold memory still and wait for the purge
 *   excessBytes  memory that went back when it was freed, since more was idle than the heap keeps;
 *                regrettedBytes of it were taken again within the purge delay, for which the heap
 *                keeps earnedIdleBytes more
 *   residentBytes     what of all this holds memory, as far as the heaps know
 *   memoryLimitBytes  of the process's control groups, as it was at the start; 0 is none
 *   mappedBytes  blocks of 1 GiB and more, which are mappings of their own
 *   heaps        first-class heaps that exist now; heapsCommittedBytes is what they take
 *   pools        an object for each pool of the program: name, kind, and most of ss_pool_stats
 * Classes without any use yet are left out. Calls of malloc and free are not counted, since that
 * would make each of them slower: a class counts the batches of blocks that threads' caches fetched
 * (refills), the blocks in them, the times that caches gave blocks back (flushes), and those
 * blocks. */
SS_EXPORT size_t ss_stats_json(char* buffer, size_t size);

/* First-class heaps -------------------------------------------------------------------------- */

/* A heap of its own: its blocks share no slab with blocks of any other heap, and all of them can be
 * freed at once. For what lives and dies together: a request, a document, a plug-in.
 *
 * Threads may share one; each call takes its lock. A single block is freed by ss_free() or free(),
 * by any thread, and without that lock. Blocks are at most SS_HEAP_MAX_BYTES large. */
typedef struct ss_heap ss_heap;

#define SS_HEAP_MAX_BYTES ((size_t)1 << 30)

/* An empty heap whose blocks take at most `max_bytes` together, 0 being no limit. */
SS_EXPORT ss_heap* ss_heap_new(size_t max_bytes);

/* As their namesakes above, from `heap`. ENOMEM also at the heap's limit or for a size or alignment
 * beyond SS_HEAP_MAX_BYTES. ss_heap_realloc() takes a block of any heap; where it moves the block,
 * the new one is of `heap`. */
SS_EXPORT void* ss_heap_malloc(ss_heap* heap, size_t size) SS_MALLOC SS_SIZE(2);
SS_EXPORT void* ss_heap_calloc(ss_heap* heap, size_t count, size_t size) SS_MALLOC SS_SIZES(2, 3);
SS_EXPORT void* ss_heap_realloc(ss_heap* heap, void* block, size_t size) SS_SIZE(3);
SS_EXPORT void* ss_heap_aligned_alloc(ss_heap* heap, size_t alignment, size_t size) SS_MALLOC
    SS_ALIGN(2) SS_SIZE(3);

/* Frees every block of `heap` and the heap itself; NULL is nothing. No other thread may use the
 * heap or free a block of it meanwhile or afterwards. */
SS_EXPORT void ss_heap_delete(ss_heap* heap);

/* Pools -------------------------------------------------------------------------------------- */

/* What pools of every kind have in common, so that who knows one knows the next. A kind's functions
 * are ss_KIND_pool_..., and its options ss_KIND_pool_options.
 *
 * Options   A struct whose first member, struct_bytes, is its size where the caller was compiled:
 *           SS_KIND_POOL_OPTIONS initialises it. What is 0 has its default. A newer library takes
 *           members that the caller does not know as 0; an older one refuses what it does not know,
 *           unless it is 0.
 * Errors    What returns a pointer returns NULL, what returns an int -1, and errno says why:
 *             EINVAL     an option, or an object that is none of the pool's
 *             ENOMEM     the operating system has no more memory
 *             ENOBUFS    the pool is at its limit
 *             ESHUTDOWN  the pool is closed
 *             ECANCELED  the constructor said no
 *             EALREADY   the object was put already
 *             EMFILE     there are 512 pools; kinds made of several count as often
 *           errno stays as it was where nothing is wrong.
 * Threads   Any thread may call any function at any time, but for ..._close(). What a thread has
 *           cached comes back when the thread ends. In the child of a fork() pools go on; what
 *           other threads had cached comes back, what they had got stays out.
 * Misuse    An object that is put twice, or is none of the pool's, is always found with
 *           SUPERSLAB_CHECK=1, which ends the process, and by pools with SS_POOL_CHECKED, whose
 *           puts fail. Else it is found where that costs nothing: each function says where.
 *
 * Closing   ..._close() may come while objects are out. Nothing is got any more, and the pool
 *           ends with the put of the last object.
 *
 * Listing   "pools" in ss_stats_json() has them all. */
typedef struct ss_pool_stats {
  size_t struct_bytes; /* as the caller knows the struct, before the call */
  size_t object_bytes;
  size_t block_bytes; /* that an object takes */
  size_t max;
  size_t in_use;          /* objects with callers */
  size_t cached;          /* free ones in caches, constructed */
  size_t committed_bytes; /* memory that the pool has */
  size_t exhausted;       /* times it was at its limit */
  size_t double_puts;     /* that were found */
  size_t foreign_puts;    /* that were found */
} ss_pool_stats;

/* Flags of options. */
#define SS_POOL_CHECKED 1u    /* nothing is cached, so that each wrong put is found: for tests */
#define SS_POOL_NO_COLOURS 2u /* slabs do not begin at different offsets */
#define SS_POOL_PER_CPU                                                    \
  4u /* processors cache objects instead of threads: for many more threads \
        than processors. As it is without where the system cannot: x86-64  \
        Linux with glibc from 2.35 on can */

/* Fixed pools -------------------------------------------------------------------------------- */

/* Objects of one size. Each thread caches some, so that most gets and puts are a few instructions
 * of the caller's own; threads pass objects to each other in batches. */
typedef struct ss_fixed_pool ss_fixed_pool;

typedef struct ss_fixed_pool_options {
  size_t struct_bytes;
  const char* name;    /* UTF-8, copied, of at most 63 bytes */
  size_t object_bytes; /* 1 byte to 2 MiB */
  size_t alignment;    /* of each object: a power of two up to 2 MiB; 0 is 16 */
  size_t max;          /* most objects that callers and caches have together; 0 is no limit */
  size_t initial;      /* objects that are made at once, their memory touched, and kept */
  size_t cached;       /* most that a thread caches, up to 256; 0: up to 64, a sixteenth of `max`,
                          and a MiB */
  unsigned flags;      /* SS_POOL_... */
  /* Called when an object comes fresh from the pool's memory, and before it goes back there.
   * Between them it is got and put any number of times, and is as the last one put it. construct()
   * returns 0, or the get fails with ECANCELED. destruct() may run in any call for the pool,
   * ss_trim() and the end of a thread. Both may use the pool. */
  int (*construct)(void* object, void* context);
  void (*destruct)(void* object, void* context);
  void* context;
} ss_fixed_pool_options;

#define SS_FIXED_POOL_OPTIONS \
  { sizeof(ss_fixed_pool_options), NULL, 0, 0, 0, 0, 0, 0, NULL, NULL, NULL }

SS_EXPORT ss_fixed_pool* ss_fixed_pool_new(const ss_fixed_pool_options* options);

/* An object; NULL with ENOMEM, ENOBUFS, ECANCELED or ESHUTDOWN. At the limit up to `cached` objects
 * of each other thread may lie in its cache: they come back with that thread's next put. Those of
 * processors are had by threads that run there. */
SS_EXPORT void* ss_fixed_pool_get(ss_fixed_pool* pool);

/* Takes an object back that any thread got. -1 with EINVAL or EALREADY. Without a checked mode
 * another pool's object, or an address inside one, is found where the thread's cache is full, is
 * closed or gives objects away, and is then left alone; what was put twice, where it goes back to
 * the pool's memory. */
SS_EXPORT int ss_fixed_pool_put(ss_fixed_pool* pool, void* object);

/* The same for `count` objects, or none. A bulk put finds any object that is none of the pool's,
 * and then takes none. */
SS_EXPORT int ss_fixed_pool_get_bulk(ss_fixed_pool* pool, void** objects, size_t count);
SS_EXPORT int ss_fixed_pool_put_bulk(ss_fixed_pool* pool, void* const* objects, size_t count);

/* Gives back what the calling thread caches, and all idle memory but that of `initial` objects.
 * Returns the bytes that went to the operating system. ss_trim() does it for all pools. */
SS_EXPORT size_t ss_fixed_pool_trim(ss_fixed_pool* pool);

/* Ends the pool, at once if nothing is out: see above. No other thread may be in a call for the
 * pool meanwhile; afterwards any may put. Returns how many objects are out. NULL is nothing. */
SS_EXPORT size_t ss_fixed_pool_close(ss_fixed_pool* pool);

SS_EXPORT const char* ss_fixed_pool_name(const ss_fixed_pool* pool);

/* Fills in as much of `stats` as its struct_bytes say: -1 with EINVAL where that is 0. Exact while
 * no thread is in a call for the pool. */
SS_EXPORT int ss_fixed_pool_stats(const ss_fixed_pool* pool, ss_pool_stats* stats);

/* The same and more as JSON, like ss_stats_json(). */
SS_EXPORT size_t ss_fixed_pool_stats_json(const ss_fixed_pool* pool, char* buffer, size_t size);

/* NULL, or what is broken in the pool: "heap", "depth" or "magazine". While no other thread uses
 * it. */
SS_EXPORT const char* ss_fixed_pool_check(const ss_fixed_pool* pool);

/* 1 if an object of the pool begins at `p`, whether it is out or not; else 0. */
SS_EXPORT int ss_fixed_pool_owns(const ss_fixed_pool* pool, const void* p);

/* The calling thread's cache of a pool: for code that gets and puts all the time, as it saves
 * looking it up. It is for this thread alone, and valid until the thread or the pool ends. NULL
 * with ENOMEM.
 *
 * It is all zero where the thread has none: then ss_fixed_pool_..._slow() does everything. A later
 * library whose caches look otherwise leaves these at zero, and programs that were compiled with
 * this header go on. */
typedef struct ss_fixed_cache {
  void** top; /* behind the object that was put last */
  void** bottom;
  void** end;
  ss_fixed_pool* pool;
} ss_fixed_cache;

SS_EXPORT ss_fixed_cache* ss_fixed_pool_cache(ss_fixed_pool* pool);

/* For the functions below, where a cache is empty or full. */
SS_EXPORT void* ss_fixed_pool_get_slow(ss_fixed_pool* pool);
SS_EXPORT int ss_fixed_pool_put_slow(ss_fixed_pool* pool, void* object);

/* As ss_fixed_pool_get() and ss_fixed_pool_put(). */
SS_EXPORT void* ss_fixed_cache_get(ss_fixed_cache* cache);
SS_EXPORT int ss_fixed_cache_put(ss_fixed_cache* cache, void* object);

#if defined(__GNUC__) && !defined(SS_NO_INLINE)
#define SS_INLINE extern __inline__ __attribute__((gnu_inline))

/* The table of the calling thread. */
SS_EXPORT extern __thread ss_fixed_cache* ss_fixed_caches_v1
    __attribute__((tls_model("initial-exec")));

SS_INLINE void* ss_fixed_cache_get(ss_fixed_cache* cache) {
  void** const top = __atomic_load_n(&cache->top, __ATOMIC_RELAXED);
  void* object;
  if (__builtin_expect(top == cache->bottom, 0)) return ss_fixed_pool_get_slow(cache->pool);
  object = top[-1];
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  __atomic_store_n(&cache->top, top - 1, __ATOMIC_RELAXED);
  return object;
}

SS_INLINE int ss_fixed_cache_put(ss_fixed_cache* cache, void* object) {
  void** const top = __atomic_load_n(&cache->top, __ATOMIC_RELAXED);
  if (__builtin_expect(top >= __atomic_load_n(&cache->end, __ATOMIC_RELAXED), 0))
    return ss_fixed_pool_put_slow(cache->pool, object);
  *top = object;
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  __atomic_store_n(&cache->top, top + 1, __ATOMIC_RELAXED);
  return 0;
}

/* A pool begins with how many bytes into the table its cache lies. */
#define SS_FIXED_CACHE_OF(pool) \
  ((ss_fixed_cache*)(void*)((char*)ss_fixed_caches_v1 + *(const uint32_t*)(const void*)(pool)))

SS_INLINE void* ss_fixed_pool_get(ss_fixed_pool* pool) {
  ss_fixed_cache* cache = SS_FIXED_CACHE_OF(pool);
  void** const top = __atomic_load_n(&cache->top, __ATOMIC_RELAXED);
  void* object;
  if (__builtin_expect(top == cache->bottom, 0)) return ss_fixed_pool_get_slow(pool);
  object = top[-1];
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  __atomic_store_n(&cache->top, top - 1, __ATOMIC_RELAXED);
  return object;
}

SS_INLINE int ss_fixed_pool_put(ss_fixed_pool* pool, void* object) {
  ss_fixed_cache* cache = SS_FIXED_CACHE_OF(pool);
  void** const top = __atomic_load_n(&cache->top, __ATOMIC_RELAXED);
  if (__builtin_expect(top >= __atomic_load_n(&cache->end, __ATOMIC_RELAXED), 0))
    return ss_fixed_pool_put_slow(pool, object);
  *top = object;
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  __atomic_store_n(&cache->top, top + 1, __ATOMIC_RELAXED);
  return 0;
}
#endif

/* Object pools ------------------------------------------------------------------------------- */

/* A fixed pool of objects of one type, with functions of that type:
 *
 *   DEFINE_OBJECT_POOL(conn, struct connection)
 *
 * makes the type conn_pool and
 *
 *   conn_pool* conn_pool_new(const ss_fixed_pool_options* options)
 *   struct connection* conn_pool_get(conn_pool*)
 *   int conn_pool_put(conn_pool*, struct connection*)
 *   int conn_pool_get_bulk(conn_pool*, struct connection** objects, size_t count)
 *   int conn_pool_put_bulk(conn_pool*, struct connection* const* objects, size_t count)
 *   size_t conn_pool_free(conn_pool*)             as ss_fixed_pool_close()
 *   ss_fixed_pool* conn_pool_fixed(conn_pool*)    for everything else
 *
 * `options` may be NULL; size, alignment and hooks are those of the definition, and the name is
 * "conn" if there is none. DEFINE_OBJECT_POOL_WITH() names a constructor and a destructor,
 *
 *   int construct(struct connection*, void* context)
 *   void destruct(struct connection*, void* context)
 */
#define DEFINE_OBJECT_POOL(name, type) SS_DEFINE_OBJECT_POOL(name, type, NULL, NULL)

#define DEFINE_OBJECT_POOL_WITH(name, type, constructor, destructor)   \
  SS_UNUSED static int name##_pool_construct(void* o, void* context) { \
    return constructor((type*)o, context);                             \
  }                                                                    \
  SS_UNUSED static void name##_pool_destruct(void* o, void* context) { \
    destructor((type*)o, context);                                     \
  }                                                                    \
  SS_DEFINE_OBJECT_POOL(name, type, name##_pool_construct, name##_pool_destruct)

#define SS_DEFINE_OBJECT_POOL(name_, type, constructor, destructor)                               \
  typedef struct name_##_pool name_##_pool;                                                       \
  SS_UNUSED static __inline__ ss_fixed_pool* name_##_pool_fixed(name_##_pool* pool) {             \
    return (ss_fixed_pool*)pool;                                                                  \
  }                                                                                               \
  SS_UNUSED static __inline__ name_##_pool* name_##_pool_new(                                     \
      const ss_fixed_pool_options* options) {                                                     \
    ss_fixed_pool_options own = SS_FIXED_POOL_OPTIONS;                                            \
    if (options != NULL) own = *options;                                                          \
    if (own.name == NULL) own.name = #name_;                                                      \
    own.object_bytes = sizeof(type);                                                              \
    if (own.alignment < __alignof__(type)) own.alignment = __alignof__(type);                     \
    own.construct = constructor;                                                                  \
    own.destruct = destructor;                                                                    \
    return (name_##_pool*)ss_fixed_pool_new(&own);                                                \
  }                                                                                               \
  SS_UNUSED static __inline__ type* name_##_pool_get(name_##_pool* pool) {                        \
    return (type*)ss_fixed_pool_get((ss_fixed_pool*)pool);                                        \
  }                                                                                               \
  SS_UNUSED static __inline__ int name_##_pool_put(name_##_pool* pool, type* object) {            \
    return ss_fixed_pool_put((ss_fixed_pool*)pool, object);                                       \
  }                                                                                               \
  SS_UNUSED static __inline__ int name_##_pool_get_bulk(name_##_pool* pool, type** objects,       \
                                                        size_t count) {                           \
    return ss_fixed_pool_get_bulk((ss_fixed_pool*)pool, (void**)objects, count);                  \
  }                                                                                               \
  SS_UNUSED static __inline__ int name_##_pool_put_bulk(name_##_pool* pool, type* const* objects, \
                                                        size_t count) {                           \
    return ss_fixed_pool_put_bulk((ss_fixed_pool*)pool, (void* const*)objects, count);            \
  }                                                                                               \
  SS_UNUSED static __inline__ size_t name_##_pool_free(name_##_pool* pool) {                      \
    return ss_fixed_pool_close((ss_fixed_pool*)pool);                                             \
  }

#ifdef __cplusplus
} /* extern "C" */
#endif

#if defined(__cplusplus) && __cplusplus >= 201103L
#include <new>

namespace superslab {

/// The same for C++: objects are made by T's default constructor when they come fresh from the
/// pool's memory, and destroyed before they go back there, not with each get and put. Whoever gets
/// one finds it as the last one put it. It closes with its end.
template <class T>
class object_pool {
 public:
  explicit object_pool(const char* name = nullptr, size_t max = 0, size_t initial = 0) {
    ss_fixed_pool_options options = SS_FIXED_POOL_OPTIONS;
    options.name = name;
    options.max = max;
    options.initial = initial;
    open(options);
  }
  /// `options` but for size, alignment and hooks.
  explicit object_pool(const ss_fixed_pool_options& options) { open(options); }
  ~object_pool() { ss_fixed_pool_close(pool_); }
  object_pool(const object_pool&) = delete;
  object_pool& operator=(const object_pool&) = delete;

  /// False: there is none, and errno says why. Then nothing else may be called.
  explicit operator bool() const { return pool_ != nullptr; }

  /// nullptr as ss_fixed_pool_get(); ECANCELED also where T's constructor threw.
  T* get() { return static_cast<T*>(ss_fixed_pool_get(pool_)); }
  int put(T* object) { return ss_fixed_pool_put(pool_, object); }
  int get_bulk(T** objects, size_t count) {
    return ss_fixed_pool_get_bulk(pool_, reinterpret_cast<void**>(objects), count);
  }
  int put_bulk(T* const* objects, size_t count) {
    return ss_fixed_pool_put_bulk(pool_, reinterpret_cast<void* const*>(objects), count);
  }
  ss_fixed_pool* fixed() const { return pool_; }

 private:
  static int construct(void* at, void*) {
#if defined(__cpp_exceptions)
    try {
      new (at) T();
    } catch (...) {
      return 1;
    }
#else
    new (at) T();
#endif
    return 0;
  }
  static void destruct(void* at, void*) { static_cast<T*>(at)->~T(); }

  void open(ss_fixed_pool_options options) {
    options.object_bytes = sizeof(T);
    if (options.alignment < alignof(T)) options.alignment = alignof(T);
    options.construct = construct;
    options.destruct = destruct;
    pool_ = ss_fixed_pool_new(&options);
  }

  ss_fixed_pool* pool_ = nullptr;
};

}  // namespace superslab
#endif
/* Further kinds of pool. */
#include "superslab_compressed.h"
#include "superslab_generational.h"
#include "superslab_mapped.h"
#include "superslab_packet.h"
#include "superslab_page_cache.h"

#endif /* SUPERSLAB_H */

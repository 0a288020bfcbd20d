/* Compressed values: part of superslab.h, which includes this file. */
#ifndef SUPERSLAB_COMPRESSED_H
#define SUPERSLAB_COMPRESSED_H

#include "superslab.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Values of which those that are not used are compressed, by LZ4 on a thread of the pool's: more
 * fits into the same memory. A value is reached by its number, and has a place in memory while
 * somebody has pinned it.
 *
 * Errors beside those of all pools:
 *   ESTALE     there is no such value, or it has ended
 *   EBUSY      the value is pinned
 *   EALREADY   it is not
 *   EOVERFLOW  it is pinned 65,535 times
 *   EMSGSIZE   the value has more than 2 MiB, or than hot_bytes
 *   EBADMSG    its compressed bytes were changed
 *   ENOSYS     the library was built without LZ4
 * In the child of a fork() the values are there, and the first call makes another thread. */
typedef struct ss_compressed_pool ss_compressed_pool;

/* Names a value, for as long as that lives and for a long time afterwards: 0 is none. */
typedef uint64_t ss_value;

typedef struct ss_compressed_pool_options {
  size_t struct_bytes;
  const char* name;  /* UTF-8, copied, of at most 63 bytes */
  size_t hot_bytes;  /* most bytes of values that are not compressed, from 64 KiB on; 0 is 64 MiB */
  size_t cold_bytes; /* most that compressed ones take, from 64 KiB on; 0 is no limit. Once it was
                        met, nothing is compressed until a tenth of it is free */
  double min_ratio;  /* what compresses worse stays as it is, for half a minute; 0 is 1.25 */
  double cpu_budget; /* the share of a processor for compressing, up to 1; 0 is 0.25 */
  double watermark;  /* the share of hot_bytes beyond which values are compressed; 0 is 0.8 */
  unsigned flags;    /* 0 */
  /* Makes the pool a cache: where there is no room for a value old ones end, and this is told of
   * each. It may use the pool. Without it a put fails with ENOBUFS. */
  void (*evicted)(ss_value value, size_t length, void* context);
  void* context;
} ss_compressed_pool_options;

#define SS_COMPRESSED_POOL_OPTIONS \
  { sizeof(ss_compressed_pool_options), NULL, 0, 0, 0, 0, 0, 0, NULL, NULL }

typedef struct ss_compressed_stats {
  size_t struct_bytes; /* as the caller knows the struct, before the call */
  size_t hot_values;
  size_t hot_bytes; /* of the values */
  size_t cold_values;
  size_t cold_bytes;      /* of the values, as they were put */
  size_t chunk_bytes;     /* what they take now */
  size_t repeated_values; /* cold ones that are one word again and again, and take nothing */
  size_t committed_bytes; /* memory that the pool has */
  size_t cooled;          /* times that a value was compressed */
  size_t heated;          /* times that a compressed one was accessed */
  size_t rejected;        /* values that compressed badly */
  size_t in_vain;         /* compressions of values that were accessed or freed meanwhile */
  size_t refused;         /* times that cold_bytes were in use */
  size_t evicted;
  size_t corrupt;   /* values whose bytes were found changed */
  size_t exhausted; /* times that there was no room for a value */
  size_t cpu_ns;    /* of a processor's time, for compressing in the background */
} ss_compressed_stats;

/* 1 if the library can compress, else 0: then ss_compressed_pool_new() fails with ENOSYS. */
SS_EXPORT int ss_compressed_pool_has_lz4(void);

SS_EXPORT ss_compressed_pool* ss_compressed_pool_new(const ss_compressed_pool_options* options);

/* A copy of the bytes, which may be none. 0 with EMSGSIZE, ENOBUFS, ENOMEM or ESHUTDOWN. At the
 * limit it compresses other values first. */
SS_EXPORT ss_value ss_compressed_pool_put(ss_compressed_pool* pool, const void* bytes,
                                          size_t length);

/* Pins the value: it stays where it is, and uncompressed, until as many releases. What is written
 * there is written to the value. `length` may be NULL. NULL with ESTALE, EOVERFLOW, EBADMSG,
 * ENOBUFS, ENOMEM or ESHUTDOWN. */
SS_EXPORT void* ss_compressed_pool_access(ss_compressed_pool* pool, ss_value value, size_t* length);
/* -1 with ESTALE or EALREADY. */
SS_EXPORT int ss_compressed_pool_release(ss_compressed_pool* pool, ss_value value);

/* Ends a value. -1 with ESTALE or EBUSY. */
SS_EXPORT int ss_compressed_pool_free(ss_compressed_pool* pool, ss_value value);

/* How many values are pinned; up to `count` of them are then at `out`. Tells who holds what when a
 * put fails with ENOBUFS. */
SS_EXPORT size_t ss_compressed_pool_pinned(ss_compressed_pool* pool, ss_value* out, size_t count);

/* Compresses values that were not used for longest now, on the calling thread, until `bytes` of
 * them are compressed or there is none. Returns the bytes of those that were. */
SS_EXPORT size_t ss_compressed_pool_cool(ss_compressed_pool* pool, size_t bytes);

/* Gives idle memory back. Returns the bytes that went to the operating system. ss_trim() does it
 * for all pools. */
SS_EXPORT size_t ss_compressed_pool_trim(ss_compressed_pool* pool);

/* Ends the pool, its thread, and every value that is not pinned; the pool itself ends with the last
 * release. No other thread may be in a call for the pool meanwhile; afterwards any may release.
 * Returns how many values are pinned. NULL is nothing. */
SS_EXPORT size_t ss_compressed_pool_close(ss_compressed_pool* pool);

SS_EXPORT const char* ss_compressed_pool_name(const ss_compressed_pool* pool);

/* Fills in as much of `stats` as its struct_bytes say: -1 with EINVAL where that is 0. */
SS_EXPORT int ss_compressed_pool_stats(const ss_compressed_pool* pool, ss_compressed_stats* stats);

/* The same and more as JSON, like ss_stats_json(). */
SS_EXPORT size_t ss_compressed_pool_stats_json(const ss_compressed_pool* pool, char* buffer,
                                               size_t size);

/* NULL, or what is broken in the pool: "values" or "heap". While no other thread uses it. */
SS_EXPORT const char* ss_compressed_pool_check(const ss_compressed_pool* pool);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* SUPERSLAB_COMPRESSED_H */

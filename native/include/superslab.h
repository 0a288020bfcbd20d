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
 * main(), in destructors after it and in the child of a fork(); none but ss_malloc() and its kin
 * changes errno.
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

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SS_EXPORT __attribute__((visibility("default")))
#define SS_MALLOC __attribute__((malloc, warn_unused_result))
#define SS_SIZE(at) __attribute__((alloc_size(at)))
#define SS_SIZES(count_at, at) __attribute__((alloc_size(count_at, at)))
#define SS_ALIGN(at) __attribute__((alloc_align(at)))
#else
#define SS_EXPORT
#define SS_MALLOC
#define SS_SIZE(at)
#define SS_SIZES(count_at, at)
#define SS_ALIGN(at)
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

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* SUPERSLAB_H */

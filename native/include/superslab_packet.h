/* Packets: part of superslab.h, which includes this file. */
#ifndef SUPERSLAB_PACKET_H
#define SUPERSLAB_PACKET_H

#include "superslab.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A packet is a range of bytes with room in front of it and behind it. Headers are pushed in front
 * without a copy, several packets share memory by a reference, and long data is a chain of
 * segments: the mbufs of DPDK and the sk_buffs of Linux.
 *
 * Threads   A packet is used by one thread at a time and may be handed to another. Packets that
 *           share memory, as clones do, may be with different threads.
 * Sharing   What is shared is read only: who writes to it writes for all. A segment that several
 *           packets show has neither headroom nor tailroom. To put a header in front of a clone,
 *           append the clone to a packet of its own. However short a slice is, it keeps the whole
 *           memory of each segment that it touches.
 * Errors    Beside those of all pools: ERANGE for more bytes than there are, or than there is room
 *           for, and then the packet is as it was; EALREADY for a packet that was released or is
 * part of a chain; EINVAL for what is no packet. The last two are found until the packet's memory
 *           has been used for another, and with SUPERSLAB_CHECK=1 they end the process. What
 *           returns a number returns 0 with them.
 *
 * A packet pool takes two of the 512 pools. */
typedef struct ss_packet_pool ss_packet_pool;
typedef struct ss_packet ss_packet;

typedef struct ss_packet_pool_options {
  size_t struct_bytes;
  const char* name; /* UTF-8, copied, of at most 63 bytes */
  size_t size;      /* memory of each segment, headroom and tailroom included, up to 2 MiB - 64;
                       0 is 2048 */
  size_t
      headroom; /* bytes in front of what a packet begins with: SS_PACKET_POOL_OPTIONS says 128 */
  size_t tailroom; /* bytes that copies and ss_packet_write() leave at the end of each segment */
  size_t max;      /* most segments with memory that packets and caches have together; 0 is no
                      limit. Clones, slices and attached memory have none of their own */
  size_t initial;  /* segments whose memory is touched at once, and kept */
  size_t cached;   /* most that a thread caches: see ss_fixed_pool_options */
  unsigned flags;  /* SS_POOL_... */
} ss_packet_pool_options;

#define SS_PACKET_POOL_OPTIONS \
  { sizeof(ss_packet_pool_options), NULL, 0, 128, 0, 0, 0, 0, 0 }

SS_EXPORT ss_packet_pool* ss_packet_pool_new(const ss_packet_pool_options* options);

/* An empty packet with the pool's headroom, whose memory has undefined contents. NULL with ENOMEM,
 * ENOBUFS or ESHUTDOWN. */
SS_EXPORT ss_packet* ss_packet_pool_get(ss_packet_pool* pool);

/* Stores `count` packets at `packets`, or none. */
SS_EXPORT int ss_packet_pool_get_bulk(ss_packet_pool* pool, ss_packet** packets, size_t count);

/* A packet with a copy of `size` bytes: a chain, if they are more than one segment has room for. */
SS_EXPORT ss_packet* ss_packet_pool_from(ss_packet_pool* pool, const void* bytes, size_t size);

/* A packet over `size` bytes of the caller's memory, less than 4 GiB, without a copy. free() is
 * called once, by the thread that releases the last packet that shows the memory; it may use the
 * pool, and may be NULL. The memory is no part of `max`. */
SS_EXPORT ss_packet* ss_packet_pool_attach(ss_packet_pool* pool, void* memory, size_t size,
                                           void (*free)(void* memory, size_t size, void* context),
                                           void* context);

/* As those of fixed pools. ..._close() returns how many segments are out; the pool ends with the
 * last of them. in_use and cached of the statistics are segments with memory of the pool,
 * object_bytes is `size`, and double_puts are released packets that were used. */
SS_EXPORT size_t ss_packet_pool_trim(ss_packet_pool* pool);
SS_EXPORT size_t ss_packet_pool_close(ss_packet_pool* pool);
SS_EXPORT const char* ss_packet_pool_name(const ss_packet_pool* pool);
SS_EXPORT int ss_packet_pool_stats(const ss_packet_pool* pool, ss_pool_stats* stats);
SS_EXPORT size_t ss_packet_pool_stats_json(const ss_packet_pool* pool, char* buffer, size_t size);
SS_EXPORT const char* ss_packet_pool_check(const ss_packet_pool* pool);

/* 1 if `p` is the address of a packet of the pool, whether it is out or not; else 0. */
SS_EXPORT int ss_packet_pool_owns(const ss_packet_pool* pool, const void* p);

/* Releasing ---------------------------------------------------------------------------------- */

/* Gives a packet back with all of its segments. Each goes to its own pool when no other packet
 * shows its memory. Each get, clone, copy, slice and split is paired with one release, in any
 * order. -1 with EALREADY or EINVAL. */
SS_EXPORT int ss_packet_release(ss_packet* packet);

/* The same for `count` packets, or none: when one of them was released before, or comes twice. */
SS_EXPORT int ss_packet_release_bulk(ss_packet* const* packets, size_t count);

/* Ends of a packet --------------------------------------------------------------------------- */

/* Makes the packet `n` bytes longer in front, and returns where it begins; the new bytes are
 * undefined. NULL with ERANGE beyond the headroom. */
SS_EXPORT void* ss_packet_push(ss_packet* packet, size_t n);

/* Makes it `n` bytes shorter in front, and returns where it begins. Segments that have nothing left
 * are released, but for the last. NULL with ERANGE beyond the length. */
SS_EXPORT void* ss_packet_pull(ss_packet* packet, size_t n);

/* Makes it `n` bytes longer behind, and returns where those begin. NULL with ERANGE beyond the
 * tailroom. */
SS_EXPORT void* ss_packet_put(ss_packet* packet, size_t n);

/* Makes it `n` bytes shorter behind. Segments that have nothing left are released, but for the
 * first. -1 with ERANGE beyond the length. */
SS_EXPORT int ss_packet_trim(ss_packet* packet, size_t n);

/* Makes the headroom of an empty packet `n` bytes larger, out of the tailroom. -1 with ERANGE
 * beyond it, and with EINVAL when the packet has bytes. */
SS_EXPORT int ss_packet_reserve(ss_packet* packet, size_t n);

/* Where the packet begins: ss_packet_data() has so many bytes in a row, which are those of the
 * first segment. Any call that changes the packet may move it. */
SS_EXPORT void* ss_packet_data(const ss_packet* packet, size_t* bytes);

SS_EXPORT size_t ss_packet_length(const ss_packet* packet);
SS_EXPORT size_t ss_packet_headroom(const ss_packet* packet);
SS_EXPORT size_t ss_packet_tailroom(const ss_packet* packet);
SS_EXPORT size_t ss_packet_segments(const ss_packet* packet);

/* 1 if some of its memory is another packet's, too. */
SS_EXPORT int ss_packet_is_shared(const ss_packet* packet);

/* The caller's own, NULL in a new packet. */
SS_EXPORT void* ss_packet_context(const ss_packet* packet);
SS_EXPORT int ss_packet_set_context(ss_packet* packet, void* context);

/* Packets over the same memory --------------------------------------------------------------- */

/* Another packet over the same bytes, with its own ends. Costs a reference for each segment,
 * whatever the length. NULL with ENOMEM or ESHUTDOWN. */
SS_EXPORT ss_packet* ss_packet_clone(ss_packet* packet);

/* The same over bytes `start` to `end`. NULL also with ERANGE for what the packet does not have. */
SS_EXPORT ss_packet* ss_packet_slice(ss_packet* packet, size_t start, size_t end);

/* Cuts the packet in two: it keeps the bytes before `at`, and what follows is the packet that is
 * returned. A segment that is cut through is shared by both. */
SS_EXPORT ss_packet* ss_packet_split(ss_packet* packet, size_t at);

/* A packet with the same bytes in memory of its own, out of the pool of the first segment. NULL
 * also with ENOBUFS. */
SS_EXPORT ss_packet* ss_packet_copy(const ss_packet* packet);

/* Chains ------------------------------------------------------------------------------------- */

/* Adds the segments of `other` behind those of `packet`, without a copy. `other` is part of
 * `packet` from now on. -1 with EINVAL also for a packet and itself. */
SS_EXPORT int ss_packet_append(ss_packet* packet, ss_packet* other);

/* Moves the bytes of a chain into one segment: into the tailroom of the first, or into another of
 * its pool. -1 with ERANGE when they do not fit into one, or what ss_packet_pool_get() says. */
SS_EXPORT int ss_packet_linearize(ss_packet* packet);

/* Puts `n` bytes behind the packet, into its tailroom and as many new segments of its pool as it
 * takes; -1 with what ss_packet_pool_get() says, and then none. */
SS_EXPORT int ss_packet_write(ss_packet* packet, const void* bytes, size_t n);

/* The same for bytes that the caller writes: where `n` bytes in a row begin, which the packet has
 * from now on. NULL also with ERANGE for more than a segment has. */
SS_EXPORT void* ss_packet_extend(ss_packet* packet, size_t n);

/* Copies bytes `offset` to `offset + n` to `target`. -1 with ERANGE. */
SS_EXPORT int ss_packet_read(const ss_packet* packet, size_t offset, size_t n, void* target);

/* The same, but where they lie in one segment it copies nothing and returns their place; else it
 * returns `target`. To be read only. NULL with ERANGE. */
SS_EXPORT const void* ss_packet_peek(const ss_packet* packet, size_t offset, size_t n,
                                     void* target);

/* The parts of the packet that lie in a row, for writev() and its like. Stores up to `count` of
 * them at `vectors` and returns how many there are in all: `vectors` may be NULL if `count` is 0.
 */
struct iovec;
SS_EXPORT size_t ss_packet_iovec(const ss_packet* packet, struct iovec* vectors, size_t count);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* SUPERSLAB_PACKET_H */

/* Heaps in files: part of superslab.h, which includes this file. */
#ifndef SUPERSLAB_MAPPED_H
#define SUPERSLAB_MAPPED_H

#include "superslab.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A heap in a file: blocks that are there again when the program is started again, whatever ended
 * it. The files are those of MappedPool in JavaScript (docs/FILES.md), of which this is the other
 * front end; one process has a file at a time, or several that only read. Linux only.
 *
 * Allocations, frees, roots and writes are a batch until a commit: all of it happens then, or none.
 * What is stored into a block directly is in the file at once, and durable with a commit.
 *
 * What a pool keeps for itself it takes by C++'s operator new: where there is no memory for that,
 * the program ends with a message.
 *
 * A pool is used by one thread at a time; different pools by any at once. In the child of a fork()
 * blocks can be read; whatever would change the file fails with EPERM, and closing does nothing.
 *
 * Functions return 0, or -1 (NULL, or 0 for a handle) with errno; ss_mapped_pool_failure() has the
 * rest. After SS_MAPPED_FAILED, SS_MAPPED_LOST and SS_MAPPED_DAMAGED the pool changes nothing any
 * more; what was committed is there when the file is opened again. */
typedef struct ss_mapped_pool ss_mapped_pool;

/* Names a block for as long as it lives, in this process and in those to come; below 2^53, and 0
 * for none. To be kept in other blocks, where an address would mean nothing the next time. */
typedef uint64_t ss_mapped_handle;

/* What failed, and the errno that comes with it. */
typedef enum ss_mapped_error {
  SS_MAPPED_OK = 0,
  /* Of a call; the pool goes on. */
  SS_MAPPED_ARGUMENT,    /* EINVAL: an option, a name or a range that cannot be */
  SS_MAPPED_STALE,       /* ESTALE: the handle's block was freed, or never was */
  SS_MAPPED_EXHAUSTED,   /* ENOBUFS: max_bytes or all roots are in use */
  SS_MAPPED_SPACE,       /* ENOSPC, EDQUOT: the disk is full; nothing was changed */
  SS_MAPPED_READ_ONLY,   /* EROFS: the file was opened with SS_MAPPED_READ */
  SS_MAPPED_BATCH,       /* E2BIG: one commit has no room for more changes */
  SS_MAPPED_TRANSACTION, /* EBUSY: one is under way, or none where one has to be */
  SS_MAPPED_FORKED,      /* EPERM: this is the child of the process that opened it */
  /* Of the file. */
  SS_MAPPED_FAILED,  /* that of the system, such as EIO: a write or a sync failed */
  SS_MAPPED_LOST,    /* EIO: mapped pages are not there: the file was cut, or the disk failed */
  SS_MAPPED_DAMAGED, /* EBADMSG: a checksum or a structure is wrong, or the file too short */
  /* Of opening. */
  SS_MAPPED_FILE,      /* that of the system, such as ENOENT or EACCES; EPERM where the file is
                          somebody else's or open to others */
  SS_MAPPED_IN_USE,    /* EBUSY: another pool has it open */
  SS_MAPPED_FORMAT,    /* EINVAL: no file of superslab, of another version or another max_bytes */
  SS_MAPPED_NO_REPLAY, /* EAGAIN: it was not closed, and SS_MAPPED_NO_RECOVERY was given */
  SS_MAPPED_NO_MEMORY  /* ENOMEM */
} ss_mapped_error;

typedef struct ss_mapped_failure {
  size_t struct_bytes; /* as the caller knows the struct, before the call */
  ss_mapped_error code;
  int error;        /* the errno */
  const char* what; /* which structure or operation, in English; never NULL */
  uint64_t where;   /* its number, or the value that is wrong */
  char path[256];   /* of the file; the end of a longer one */
} ss_mapped_failure;

/* How much a commit makes durable. */
typedef enum ss_mapped_sync {
  SS_SYNC_DEFAULT = 0, /* what the pool was opened with, which is SS_SYNC_DATA if nothing else */
  SS_SYNC_NONE,        /* nothing: it outlives the process, not the machine */
  SS_SYNC_DATA,        /* the changes, and the bytes of all blocks */
  SS_SYNC_FULL         /* the file's times, too */
} ss_mapped_sync;

/* Opens the file to read it: what blocks return can be read, and a store to it is a SIGSEGV. */
#define SS_MAPPED_READ 0x1u
/* Refuses a file that was not closed, instead of replaying its journal. */
#define SS_MAPPED_NO_RECOVERY 0x2u
/* Each block of a new file has a checksum, from the commit on that makes it last: its bytes are
 * then changed by ss_mapped_pool_write() alone, and ss_mapped_pool_check() compares them. A file
 * that was made with them has them without this flag; one that was made without is
 * SS_MAPPED_FORMAT. */
#define SS_MAPPED_CHECKSUMS 0x4u
/* A new file overwrites blocks that were freed or never committed, and the journal's copies of what
 * was written; core dumps leave it out. A file that was made so stays so without this flag; one
 * that was made without is SS_MAPPED_FORMAT. */
#define SS_MAPPED_SENSITIVE 0x8u

typedef struct ss_mapped_pool_options {
  size_t struct_bytes;
  size_t size;         /* bytes for blocks that a new file has; 0 is 1 MiB */
  size_t max_bytes;    /* bytes for blocks that it may ever have, up to 128 GiB. 0 is 1 GiB in a new
                          file, and in another one what that was made with */
  size_t grow_by;      /* 0 is an eighth of what there is, 1 MiB at least */
  unsigned mode;       /* permission bits of a new file; one with more is refused. 0 is 0600 */
  ss_mapped_sync sync; /* what commits make durable unless they say otherwise */
  unsigned flags;      /* SS_MAPPED_READ, SS_MAPPED_NO_RECOVERY, SS_MAPPED_CHECKSUMS,
                          SS_MAPPED_SENSITIVE */
} ss_mapped_pool_options;

#define SS_MAPPED_POOL_OPTIONS \
  { sizeof(ss_mapped_pool_options), 0, 0, 0, 0, SS_SYNC_DEFAULT, 0 }

typedef struct ss_mapped_block {
  ss_mapped_handle handle;
  void* data; /* until the block is freed or the pool is closed; a multiple of 64 */
  size_t bytes;
} ss_mapped_block;

typedef struct ss_mapped_stats {
  size_t struct_bytes; /* as the caller knows the struct, before the call */
  size_t data_bytes;   /* for blocks, of the file now */
  size_t max_bytes;
  size_t used_bytes; /* of all blocks, as long as they are */
  size_t free_bytes; /* in free pages */
  size_t blocks;
  size_t file_bytes; /* with the books and the journal; holes count */
  size_t disk_bytes; /* the same; holes do not count */
  size_t journal_bytes;
  size_t undurable_bytes; /* of the journal, that a power failure may take */
  /* Since it was opened. */
  size_t allocs;
  size_t frees; /* that were committed, and blocks that were undone */
  size_t failed_allocs;
  size_t commits;
  size_t syncs;
  size_t sync_ns; /* that they took */
  size_t checkpoints;
  size_t replayed; /* records of the journal, when it was opened */
} ss_mapped_stats;

/* Opens the file, or makes it if there is none and it is not opened to be read. `options` and
 * `failure` may be NULL. Only a regular file of this process's user is opened, never through a
 * symbolic link; one of another kind is left as it is. */
SS_EXPORT ss_mapped_pool* ss_mapped_pool_open(const char* path,
                                              const ss_mapped_pool_options* options,
                                              ss_mapped_failure* failure);

/* A block of `bytes`, whose contents are whatever lay there; it is there for good once a commit has
 * succeeded. SS_MAPPED_EXHAUSTED, _SPACE, _BATCH. */
SS_EXPORT int ss_mapped_pool_alloc(ss_mapped_pool* pool, size_t bytes, ss_mapped_block* block);
/* The handle is stale at once, for good once a commit has succeeded; then the space is used again.
 * SS_MAPPED_STALE. */
SS_EXPORT int ss_mapped_pool_free(ss_mapped_pool* pool, ss_mapped_handle handle);

/* Where the block of a handle lies; its length at `bytes`, which may be NULL. NULL with ESTALE. */
SS_EXPORT void* ss_mapped_pool_at(ss_mapped_pool* pool, ss_mapped_handle handle, size_t* bytes);
/* The handle of the block that begins at `data`; 0 with ESTALE when none does. */
SS_EXPORT ss_mapped_handle ss_mapped_pool_handle(ss_mapped_pool* pool, const void* data);
/* The first block at or behind the place `cursor`, which goes on behind it; begin with 0. Returns
 * 1, 0 at the end, -1 where the file is damaged. Blocks may come and go between two calls. */
SS_EXPORT int ss_mapped_pool_next(ss_mapped_pool* pool, uint64_t* cursor, ss_mapped_block* block);

/* The block of that name; 0 when there is none, with errno as it was. */
SS_EXPORT ss_mapped_handle ss_mapped_pool_root(ss_mapped_pool* pool, const char* name);
/* Gives a block a name, of 1 to 48 bytes, by which it is found again; `handle` 0 ends the name.
 * There are 256. SS_MAPPED_STALE, _EXHAUSTED, _ARGUMENT. */
SS_EXPORT int ss_mapped_pool_set_root(ss_mapped_pool* pool, const char* name,
                                      ss_mapped_handle handle);

/* Has the next commit put `bytes` bytes into a block, from `at` on, together with all other
 * changes; until then the block shows its former ones. They go through the journal, and such a
 * commit is as durable as the pool's `sync`. SS_MAPPED_STALE, _ARGUMENT, _BATCH. */
SS_EXPORT int ss_mapped_pool_write(ss_mapped_pool* pool, ss_mapped_handle handle, size_t at,
                                   const void* from, size_t bytes);

/* Makes all changes since the last commit happen. SS_MAPPED_TRANSACTION within one. */
SS_EXPORT int ss_mapped_pool_commit(ss_mapped_pool* pool, ss_mapped_sync sync);

/* Begins a transaction: what follows can be undone. Within another it is a part of that, and can be
 * undone alone. */
SS_EXPORT int ss_mapped_pool_begin(ss_mapped_pool* pool);
/* Ends the innermost transaction; the outermost by a commit, with what was changed before it. If
 * that fails the transaction is still under way. */
SS_EXPORT int ss_mapped_pool_end(ss_mapped_pool* pool, ss_mapped_sync sync);
/* Undoes and ends the innermost transaction. What was stored into blocks directly stays. */
SS_EXPORT int ss_mapped_pool_undo(ss_mapped_pool* pool);

/* How many things in the file contradict each other or their checksums; up to `size` bytes, a zero
 * included, of the first of them are then at `text`, one a line. -1 as other functions. Walks the
 * whole file. */
SS_EXPORT int64_t ss_mapped_pool_check(ss_mapped_pool* pool, char* text, size_t size);

/* Fills in as much of `stats` as its struct_bytes say: -1 with EINVAL where that is 0. */
SS_EXPORT int ss_mapped_pool_stats(ss_mapped_pool* pool, ss_mapped_stats* stats);
/* The same as JSON, like ss_stats_json(). */
SS_EXPORT size_t ss_mapped_pool_stats_json(ss_mapped_pool* pool, char* buffer, size_t size);

/* The last failure of a call for this pool: the same, -1 with EINVAL. */
SS_EXPORT int ss_mapped_pool_failure(const ss_mapped_pool* pool, ss_mapped_failure* failure);

/* Overwrites all of the file, blocks, journal and books, and removes it. What is left to do with
 * the pool is to close it: blocks are zeros until then, and other calls are SS_MAPPED_ARGUMENT.
 * When the disk fails the file may be overwritten in part. Refused, with nothing done, where the
 * pool was opened to be read: SS_MAPPED_READ_ONLY. */
SS_EXPORT int ss_mapped_pool_destroy(ss_mapped_pool* pool);

/* Undoes what was not committed, transactions too, and ends the pool. No block may be touched
 * afterwards. -1 when the disk failed; it is closed nevertheless, what was committed is safe, and
 * `failure`, which may be NULL, says what it was. NULL is nothing. */
SS_EXPORT int ss_mapped_pool_close(ss_mapped_pool* pool, ss_mapped_failure* failure);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* SUPERSLAB_MAPPED_H */

/* A page cache: part of superslab.h, which includes this file. */
#ifndef SUPERSLAB_PAGE_CACHE_H
#define SUPERSLAB_PAGE_CACHE_H

#include "superslab.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The pages of one file in memory. A program pins a page while it uses it; of the others the cache
 * keeps those that are used most. The files are those of PageCache in JavaScript
 * (docs/PAGE-CACHE.md), of which this is the other front end. A file belongs to one cache at a
 * time, or to several that only read. Linux only.
 *
 * Any number of threads use a cache at once. A page that several of them have pinned is the same
 * memory: who changes it keeps others from it by locks of his own. Pages that are pinned are
 * written by ss_page_cache_flush() and ss_page_cache_checkpoint() alone, as they are then.
 *
 * What a cache keeps for itself it takes by C++'s operator new: where there is no memory for that,
 * the program ends with a message.
 *
 * In the child of a fork() pages that are pinned, or in memory, can be read; whatever would read or
 * write the file fails with EPERM, and closing does nothing.
 *
 * Functions return 0, or -1 with errno; ss_page_cache_failure() has the rest. After
 * SS_PAGE_FAILED of a write or a sync nothing is read or written any more until the file is
 * opened anew; what is in memory can still be pinned. */
typedef struct ss_page_cache ss_page_cache;

/* What failed, and the errno that comes with it. */
typedef enum ss_page_error {
  SS_PAGE_OK = 0,
  /* Of a call; the cache goes on. */
  SS_PAGE_ARGUMENT,  /* EINVAL: an option that cannot be, or a page that the file has not */
  SS_PAGE_ABSENT,    /* EAGAIN: ss_page_cache_try_pin(): the page is not in memory */
  SS_PAGE_EXHAUSTED, /* ENOBUFS: all pages in memory are pinned */
  SS_PAGE_PINS,      /* EOVERFLOW: the page is pinned 65,535 times */
  SS_PAGE_RELEASED,  /* EALREADY: the page is not pinned */
  SS_PAGE_PINNED,    /* EBUSY: ss_page_cache_close(): pages are pinned */
  SS_PAGE_SPACE,     /* ENOSPC, EDQUOT: the disk is full; what is dirty stays so, in memory */
  SS_PAGE_READ_ONLY, /* EROFS: the file was opened with SS_PAGE_READ */
  SS_PAGE_FORKED,    /* EPERM: this is the child of the process that opened it */
  /* Of the file. */
  SS_PAGE_DAMAGED, /* EBADMSG: the page's checksum is wrong; other pages go on */
  SS_PAGE_LOST,    /* EIO: the file ends before the page does; other pages go on */
  SS_PAGE_FAILED,  /* that of the system, such as EIO */
  /* Of opening. */
  SS_PAGE_FILE,     /* that of the system, such as ENOENT or EACCES; EPERM where the file is
                             somebody else's or open to others; ENOTSUP without O_DIRECT */
  SS_PAGE_IN_USE,   /* EBUSY: another cache has it open */
  SS_PAGE_FORMAT,   /* EINVAL: its length is no multiple of the page's */
  SS_PAGE_NO_MEMORY /* ENOMEM */
} ss_page_error;

typedef struct ss_page_failure {
  size_t struct_bytes; /* as the caller knows the struct, before the call */
  ss_page_error code;
  int error;        /* the errno */
  const char* what; /* what was done, or what is wrong, in English; never NULL */
  uint64_t where;   /* the number of the page, or the value that is wrong */
  char path[256];   /* of the file; the end of a longer one */
} ss_page_failure;

/* What the last eight bytes of each page are: the program's, or a checksum, which is looked at
 * whenever the page is read. */
typedef enum ss_page_checksum {
  SS_PAGE_NO_CHECKSUM = 0,
  SS_PAGE_CRC32C,
  SS_PAGE_XXH3
} ss_page_checksum;

/* Opens the file to read it. */
#define SS_PAGE_READ 0x1u
/* Reads and writes past the cache of the kernel (O_DIRECT); pages of 4 KiB at least. */
#define SS_PAGE_DIRECT 0x2u

typedef struct ss_page_cache_options {
  size_t struct_bytes;
  const char* name;   /* in statistics; NULL is none */
  size_t page_bytes;  /* a power of two from 512 to 1 MiB; 0 is 4096 */
  size_t cache_bytes; /* most memory for pages, which is taken when it is needed; 0 is 64 MiB */
  unsigned mode;      /* permission bits of a new file; one with more is refused. 0 is 0600 */
  ss_page_checksum checksum;
  unsigned flags; /* SS_PAGE_READ, SS_PAGE_DIRECT */
} ss_page_cache_options;

#define SS_PAGE_CACHE_OPTIONS \
  { sizeof(ss_page_cache_options), NULL, 0, 0, 0, SS_PAGE_NO_CHECKSUM, 0 }

/* A page that is pinned. */
typedef struct ss_page {
  void* data;   /* until it is unpinned; a multiple of the page's length, or of 4096 */
  size_t bytes; /* of it that are the program's */
  uint32_t no;
  uint32_t frame; /* the cache's own */
} ss_page;

typedef struct ss_page_stats {
  size_t struct_bytes; /* as the caller knows the struct, before the call */
  size_t page_bytes;
  size_t max_bytes;       /* of memory for pages */
  size_t committed_bytes; /* that the cache has of the operating system */
  size_t file_pages;
  size_t pages;  /* in memory */
  size_t pinned; /* of those */
  size_t dirty;
  /* Since it was opened. */
  size_t hits; /* pins of pages that were there */
  size_t misses;
  size_t prefetches;
  size_t reads;  /* pages that were read */
  size_t writes; /* pages that were written */
  size_t write_calls;
  size_t writes_ahead; /* pages that the cache's thread wrote before their room was needed */
  size_t evictions;
  size_t waits; /* times that a page had to be written before another could come in */
  size_t checkpoints;
  size_t damaged;        /* reads that found a wrong checksum */
  size_t write_failures; /* of calls */
} ss_page_stats;

/* Opens the file, or makes it if there is none and it is not opened to be read. `options` and
 * `failure` may be NULL. Only a regular file of this process's user is opened, never through a
 * symbolic link. NULL with errno. */
SS_EXPORT ss_page_cache* ss_page_cache_open(const char* path, const ss_page_cache_options* options,
                                            ss_page_failure* failure);

/* Pages of the file. */
SS_EXPORT uint32_t ss_page_cache_page_count(ss_page_cache* cache);
/* Makes the file longer by `count` pages of zeros, with space on the disk behind them; the number
 * of the first is then at `first`, which may be NULL. One thread at a time. SS_PAGE_SPACE,
 * _READ_ONLY, _ARGUMENT, _FAILED. */
SS_EXPORT int ss_page_cache_grow(ss_page_cache* cache, uint32_t count, uint32_t* first);

/* Pins a page, which is read first if it is not in memory. SS_PAGE_ARGUMENT, _EXHAUSTED,
 * _PINS, _DAMAGED, _LOST, _FAILED; _SPACE where dirty pages had to be written first. */
SS_EXPORT int ss_page_cache_pin(ss_page_cache* cache, uint32_t no, ss_page* page);
/* The same of a page that is in memory: takes no lock, and waits for nothing.
 * SS_PAGE_ABSENT. */
SS_EXPORT int ss_page_cache_try_pin(ss_page_cache* cache, uint32_t no, ss_page* page);
/* Says that the bytes of a page that is pinned were changed: after the change, and before it is
 * unpinned. SS_PAGE_READ_ONLY, _RELEASED. */
SS_EXPORT int ss_page_cache_mark_dirty(ss_page_cache* cache, const ss_page* page);
/* Takes one pin back, whoever has it; `page->data` is NULL then. SS_PAGE_RELEASED. */
SS_EXPORT int ss_page_cache_unpin(ss_page_cache* cache, ss_page* page);

/* Has pages read by a thread of the cache that are not in memory, as many as there is room for
 * without harm: how many, or -1. */
SS_EXPORT int64_t ss_page_cache_prefetch(ss_page_cache* cache, uint32_t first, uint32_t count);

/* Writes one page now if it is dirty, not durably. SS_PAGE_ARGUMENT, _SPACE, _FAILED. */
SS_EXPORT int ss_page_cache_flush(ss_page_cache* cache, uint32_t no);
/* Writes all pages that are dirty now, and makes them durable. Others are pinned and changed
 * meanwhile. SS_PAGE_SPACE, _READ_ONLY, _FAILED. */
SS_EXPORT int ss_page_cache_checkpoint(ss_page_cache* cache);

/* How many pages are pinned; the numbers of the first `count` of them are then at `out`. */
SS_EXPORT size_t ss_page_cache_pinned(ss_page_cache* cache, uint32_t* out, size_t count);
/* Gives the memory of clean pages back that nobody has pinned. Returns the bytes. */
SS_EXPORT size_t ss_page_cache_trim(ss_page_cache* cache);

/* Fills in as much of `stats` as its struct_bytes say: -1 with EINVAL where that is 0. */
SS_EXPORT int ss_page_cache_stats(ss_page_cache* cache, ss_page_stats* stats);
/* The same as JSON, like ss_stats_json(). */
SS_EXPORT size_t ss_page_cache_stats_json(ss_page_cache* cache, char* buffer, size_t size);
/* What contradicts itself in the cache's books, in English; NULL when nothing does. While no other
 * thread uses the cache. */
SS_EXPORT const char* ss_page_cache_check(ss_page_cache* cache);

/* The last failure of a call of this thread for this cache: -1 with EINVAL where `failure` has no
 * struct_bytes. */
SS_EXPORT int ss_page_cache_failure(const ss_page_cache* cache, ss_page_failure* failure);

/* A checkpoint, and the end of the cache; no other thread is in a call for it. While pages are
 * pinned, SS_PAGE_PINNED, and nothing is done. Another -1 says that the checkpoint failed,
 * and `failure`, which may be NULL, why; the cache has ended all the same. NULL is nothing. */
SS_EXPORT int ss_page_cache_close(ss_page_cache* cache, ss_page_failure* failure);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* SUPERSLAB_PAGE_CACHE_H */

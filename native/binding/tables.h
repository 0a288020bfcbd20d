// What JavaScript must know of the core's numbers: names, values and meanings of codes, and where
// things lie in memory and in bytes that both sides read. scripts/generate.mjs writes them down as
// TypeScript, so that no number stands in two places.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "binding/codes.h"
#include "binding/map_tables.h"
#include "binding/table.h"
#include "os/os.h"
#include "pools/buffer/buffer_thread_cache.h"
#include "pools/buffer/lease_table.h"
#include "pools/compressed/tiers.h"
#include "pools/mapped/fault.h"
#include "pools/mapped/file_events.h"
#include "pools/mapped/named_locks.h"
#include "pools/page_cache/page_cache.h"
#include "pools/shared_cache/shard.h"
#include "runtime/pressure_controller.h"

namespace superslab::tables {

// What native calls return and take.

inline constexpr Value kCallConstants[] = {
    code("NO_ROOM", NoBlocks::kNoRoom,
         "What refill() and takeHuge() return when the pool's limit is reached."),
    code("NO_MEMORY", NoBlocks::kNoMemory,
         "What refill() and takeHuge() return when the operating system gives no memory."),
    {"RECUT", kRecut,
     "What refill() adds to the number of blocks when windows of slices were cut anew."},
};

inline constexpr Value kLeaseFaults[] = {
    code("none", LeaseFault::kNone, "Nothing is wrong."),
    code("forged", LeaseFault::kForged, "No such token was ever given out."),
    code("used", LeaseFault::kUsed, "The token was adopted or revoked, or its block is gone."),
    code("noMemory", LeaseFault::kNoMemory, "There is no memory for the lease table."),
    code("refused", LeaseFault::kRefused, "There is no such leased block, or it is shorter."),
};

inline constexpr Value kSecrecies[] = {
    code("noDump", Secrecy::kNoDump, "The memory is left out of core dumps."),
    code("wipeOnFork", Secrecy::kWipeOnFork, "A forked child reads zeros."),
    code("locked", Secrecy::kLocked, "The memory is never written to swap."),
};

inline constexpr Value kSignals[] = {
    code("flush", BufferThreadCache::kFlush, "Another thread needs what this one caches."),
    code("roomMade", BufferThreadCache::kRoomMade, "There is room again under the pool's limit."),
};

inline constexpr Value kFileEvents[] = {
    code("map", mapped::FileEventKind::kMap, "The file was mapped; bytes of the mapping."),
    code("recover", mapped::FileEventKind::kRecover,
         "Records of the journal were replayed; how many."),
    code("grow", mapped::FileEventKind::kGrow, "The file has more bytes for blocks."),
    code("shrink", mapped::FileEventKind::kShrink, "Bytes went back to the file system."),
    code("commit", mapped::FileEventKind::kCommit, "A record was written; its bytes."),
    code("sync", mapped::FileEventKind::kSync, "Something was made durable."),
    code("checkpoint", mapped::FileEventKind::kCheckpoint, "Pages were written home; their bytes."),
};

inline constexpr Value kFileFaults[] = {
    code("none", mapped::Fault::kNone, "Nothing is wrong."),
    code("closed", mapped::Fault::kClosed, "The pool is closed."),
    code("readOnly", mapped::Fault::kReadOnly, "The file was opened to be read."),
    code("stale", mapped::Fault::kStale, "The handle names no block that lives."),
    code("full", mapped::Fault::kFull, "maxBytes are in use, or too scattered."),
    code("noSpace", mapped::Fault::kNoSpace, "The disk has no space."),
    code("batchFull", mapped::Fault::kBatchFull, "More changes than one commit can have."),
    code("uncommitted", mapped::Fault::kUncommitted, "There are changes that are not committed."),
    code("range", mapped::Fault::kRange, "An argument is out of its range."),
    code("rootName", mapped::Fault::kRootName, "The name is empty or too long."),
    code("rootsFull", mapped::Fault::kRootsFull, "All roots are in use."),
    code("failed", mapped::Fault::kFailed, "Reading, writing or syncing failed."),
    code("lost", mapped::Fault::kLost,
         "Pages are not there: the file was cut, or the disk failed."),
    code("damaged", mapped::Fault::kDamaged, "A checksum or a structure of the file is wrong."),
    code("backup", mapped::Fault::kBackup, "A backup is under way already, or none is."),
    code("file", mapped::Fault::kFile, "The file cannot be opened: FILE_STATUS tells why."),
    code("busy", mapped::Fault::kBusy, "Another process has the writer's lock."),
    code("inUse", mapped::Fault::kInUse, "Another pool has the file open, alone."),
    code("inUseShared", mapped::Fault::kInUseShared, "Others share the file."),
    code("otherSync", mapped::Fault::kOtherSync, "Others share the file with another sync."),
    code("opening", mapped::Fault::kOpening, "Another process opens or closes the file."),
    code("tooManyMembers", mapped::Fault::kTooManyMembers, "Too many pools share the file."),
    code("foreign", mapped::Fault::kForeign, "It is no file of superslab."),
    code("byteOrder", mapped::Fault::kByteOrder, "It is of a machine with another byte order."),
    code("version", mapped::Fault::kVersion, "It is of another version."),
    code("pageSize", mapped::Fault::kPageSize, "It has pages of another size."),
    code("cut", mapped::Fault::kCut, "It is shorter than it says."),
    code("otherSize", mapped::Fault::kOtherSize, "It was made with another maxBytes."),
    code("otherChecksums", mapped::Fault::kOtherChecksums,
         "It was made with checksums, or without."),
    code("otherSensitive", mapped::Fault::kOtherSensitive,
         "It was made to overwrite what is freed, or not to."),
    code("encrypted", mapped::Fault::kEncrypted, "Its blocks are encrypted."),
    code("notEncrypted", mapped::Fault::kNotEncrypted, "Its blocks are not encrypted."),
    code("needsReplay", mapped::Fault::kNeedsReplay, "It was not closed."),
    code("noMemory", mapped::Fault::kNoMemory, "There are no addresses for the mapping."),
    code("tooManyOpen", mapped::Fault::kTooManyOpen, "Too many files are mapped."),
    code("noPage", mapped::Fault::kNoPage, "The file has not so many pages."),
    code("fileLength", mapped::Fault::kFileLength, "The file's length is no multiple of a page's."),
    code("noDirect", mapped::Fault::kNoDirect, "The file system cannot bypass its cache."),
};

inline constexpr Value kNameLocks[] = {
    code("locked", mapped::NamedLocks::Result::kLocked, "It is locked."),
    code("heldHere", mapped::NamedLocks::Result::kHeldHere, "This pool has it."),
    code("heldElsewhere", mapped::NamedLocks::Result::kHeldElsewhere, "Another pool has it."),
    code("failed", mapped::NamedLocks::Result::kFailed, "The file system has no locks."),
};

inline constexpr Value kFileStatuses[] = {
    code("ok", FileStatus::kOk, "Nothing is wrong."),
    code("notFound", FileStatus::kNotFound, "There is no such file or folder."),
    code("exists", FileStatus::kExists, "There is one already."),
    code("notRegular", FileStatus::kNotRegular, "A folder, pipe, socket or device."),
    code("link", FileStatus::kLink, "A symbolic link."),
    code("foreignOwner", FileStatus::kForeignOwner, "It belongs to another user."),
    code("tooOpen", FileStatus::kTooOpen, "Others may do more with it than the mode allows."),
    code("noAccess", FileStatus::kNoAccess, "This user may not."),
    code("readOnly", FileStatus::kReadOnly, "The file system is mounted to be read."),
    code("noSpace", FileStatus::kNoSpace, "The disk is full, or a quota is used up."),
    code("tooManyFiles", FileStatus::kTooManyFiles, "As many files are open as may be."),
    code("noMemory", FileStatus::kNoMemory, "There is no memory or no addresses."),
    code("locked", FileStatus::kLocked, "Somebody else has a lock."),
    code("short", FileStatus::kShort, "It ends too early."),
    code("unsupported", FileStatus::kUnsupported, "The file system or the kernel cannot."),
    code("io", FileStatus::kIo, "Anything else."),
    code("wouldBlock", FileStatus::kWouldBlock, "The bytes are not in memory."),
};

inline constexpr Value kPressureLevels[] = {
    code("none", PressureLevel::kNone, "Memory is not scarce."),
    code("some", PressureLevel::kSome, "It is scarce."),
    code("critical", PressureLevel::kCritical, "Processes stand still for it, or may be killed."),
};

inline constexpr Value kPressureReasons[] = {
    code("none", PressureReason::kNone, "There was no pressure."),
    code("groupStalls", PressureReason::kGroupStalls,
         "Tasks of the control group wait for memory."),
    code("machineStalls", PressureReason::kMachineStalls, "Tasks of the machine do."),
    code("hardLimit", PressureReason::kHardLimit,
         "A control group is near the limit beyond which processes are killed."),
    code("softLimit", PressureReason::kSoftLimit,
         "A control group is near the limit beyond which processes are slowed down."),
    code("outOfMemory", PressureReason::kOutOfMemory, "A control group has come to its limit."),
    code("totalBytes", PressureReason::kTotalBytes, "The pools are near SUPERSLAB_TOTAL_BYTES."),
};

inline constexpr Value kReliefSteps[] = {
    code("nothing", ReliefStep::kNothing, "Nothing is to be given back."),
    code("caches", ReliefStep::kCaches, "What makes the next request fast and nothing else."),
    code("cold", ReliefStep::kCold, "Data that can be made smaller, or moved together."),
    code("idle", ReliefStep::kIdle, "What waits to be lent again, beyond what is to be kept."),
};

inline constexpr Value kTierFaults[] = {
    code("none", TierFault::kNone, "Nothing is wrong."),
    code("cold", TierFault::kCold, "The value is cold: heatValue() first."),
    code("foreign", TierFault::kForeign, "A codec of the program has compressed it."),
    code("stale", TierFault::kStale, "The value has ended, or there never was one."),
    code("pinned", TierFault::kPinned, "Somebody has pinned it."),
    code("unpinned", TierFault::kUnpinned, "Nobody has pinned it."),
    code("tooManyPins", TierFault::kTooManyPins, "It is pinned 65,535 times."),
    code("corrupt", TierFault::kCorrupt, "Its compressed bytes were changed."),
};

inline constexpr Value kCooled[] = {
    code("done", Cooled::kDone, "The value is cold."),
    code("rejected", Cooled::kRejected, "It compresses badly, and stays hot."),
    code("inVain", Cooled::kInVain, "It was pinned or freed meanwhile."),
    code("nothing", Cooled::kNothing, "There was no value to compress."),
    code("full", Cooled::kFull, "There is no room for cold values."),
    code("noMemory", Cooled::kNoMemory, "The operating system gives no memory."),
};

inline constexpr Value kStored[] = {
    code("done", shared_cache::Stored::kDone, "The value is there."),
    code("tooLong", shared_cache::Stored::kTooLong, "It is longer than a part has room for."),
    code("noRoom", shared_cache::Stored::kNoRoom, "Too much of the part is pinned."),
    code("busy", shared_cache::Stored::kBusy, "Whoever writes to the part does not go on."),
    code("void", shared_cache::Stored::kVoid, "The key was changed while it was computed."),
};

inline constexpr Value kClaimed[] = {
    code("own", shared_cache::Claimed::kOwn, "The caller computes the value."),
    code("other", shared_cache::Claimed::kOther, "Somebody else does."),
    code("present", shared_cache::Claimed::kPresent, "There is a value."),
    code("noPlace", shared_cache::Claimed::kNoPlace, "Nobody is kept from computing it, too."),
};

inline constexpr Value kPinStatuses[] = {
    code("noFrame", pages::PinStatus::kNoFrame, "All are pinned, or there may be more of them."),
    code("loading", pages::PinStatus::kLoading, "The page is being read."),
    code("toBeRead", pages::PinStatus::kToBeRead, "The page has a frame: readPages() it."),
    code("tooManyPins", pages::PinStatus::kTooManyPins, "It is pinned 65,535 times."),
    code("failed", pages::PinStatus::kFailed, "pageFailure() tells what failed."),
};

inline constexpr Value kReadings[] = {
    code("now", pages::Reading::kNow, "At once, whoever has to wait for the disk."),
    code("ifInMemory", pages::Reading::kIfInMemory, "At once if nobody has to wait for the disk."),
    code("later", pages::Reading::kLater, "By readPages()."),
};

inline constexpr Value kPageChecksums[] = {
    code("none", pages::PageChecksum::kNone, "None."),
    code("crc32c", pages::PageChecksum::kCrc32c, "CRC-32C."),
    code("xxh3", pages::PageChecksum::kXxh3, "XXH3 of 64 bits."),
};

inline constexpr Table kCallTables[] = {
    {"STORED", "What store() of a shared cache returns.", kStored},
    {"CLAIMED", "What claim() of a shared cache returns.", kClaimed},
    {"PIN_STATUS", "What pinPage() and its like return, as a number below 0.", kPinStatuses},
    {"PAGE_CHECKSUM", "What pages are written with.", kPageChecksums},
    {"READING", "When pinPage() and its like read a page.", kReadings},
    {"VALUE_FAULT", "What calls about a compressed value return.", kTierFaults},
    {"COOLED", "What finishForeign() returns.", kCooled},
    {"LEASE_FAULT", "What share(), adopt() and revoke() return.", kLeaseFaults},
    {"PRESSURE_LEVEL", "How scarce memory is.", kPressureLevels},
    {"PRESSURE_REASON", "What a level of pressure follows from.", kPressureReasons},
    {"RELIEF_STEP", "What pools give back under pressure, in this order.", kReliefSteps},
    {"SECRECY", "What refusedSecrecy() returns: a set of these.", kSecrecies},
    {"SIGNAL", "What takeSignals() returns: a set of these.", kSignals},
    {"NAME_LOCK", "What locking a name returns.", kNameLocks},
    {"FILE_FAULT", "What methods of a file return.", kFileFaults},
    {"FILE_STATUS", "What an operation on a file came to.", kFileStatuses},
    {"FILE_EVENT", "What happened to a file.", kFileEvents},
};

// Memory that both sides read and write. Offsets and lengths are in words of 32 bits.

constexpr std::int64_t words(std::size_t bytes) {
  return static_cast<std::int64_t>(bytes / sizeof(std::uint32_t));
}

#define MAGAZINE_PART(name, field, meaning)                                                     \
  Value {                                                                                       \
    name, words(offsetof(LeaseMagazines, field)), meaning, words(sizeof(LeaseMagazines::field)) \
  }
#define MAGAZINE_PLACE(name, field, first, meaning) \
  Value { name, words(offsetof(LeaseMagazines, field) - offsetof(LeaseMagazines, first)), meaning }
#define SLOT_ROW(name, field, meaning) \
  Value { name, words(offsetof(SlotChunk, field)), meaning, SlotChunk::kSlots }

inline constexpr Value kMagazineParts[] = {
    MAGAZINE_PART("depth", depth, "Blocks in the magazine, by tag."),
    MAGAZINE_PART(
        "limit", limit,
        "A release that finds so many blocks in the magazine takes the slow path; by tag."),
    MAGAZINE_PART("acquired", acquired, "Counts acquires, by tag; wraps around."),
    MAGAZINE_PART("blocks", blocks, "Block numbers: 2^MAGAZINE_SHIFT of them a tag."),
    MAGAZINE_PART("parked", parked, "Free blocks that guards keep outside of magazines, by tag."),
    {"guardLevels", words(offsetof(LeaseMagazines, parked_huge_granules)),
     "What guards have in hand, by GUARD_LEVEL.",
     words(offsetof(LeaseMagazines, skipped) - offsetof(LeaseMagazines, parked_huge_granules))},
    MAGAZINE_PART("skipped", skipped,
                  "Part of `acquired` that is no acquire: random steps of sampling; by tag."),
    {"staged", words(offsetof(LeaseMagazines, staged)),
     "What a refill has fetched and nobody can acquire yet, by STAGED.",
     words(offsetof(LeaseMagazines, staged_blocks) + sizeof(LeaseMagazines::staged_blocks) -
           offsetof(LeaseMagazines, staged))},
    MAGAZINE_PART("hugeWaste", huge_waste,
                  "How much longer than the request a block beyond 2 MiB may be that serves it, in "
                  "percent of the request."),
    MAGAZINE_PART("idle", idle, "Free blocks whose buffers wait to be lent again, by tag."),
    MAGAZINE_PART("objects", objects,
                  "Numbers of 64 bits, by OBJECT_COUNT: of a pool of JavaScript's own objects."),
    MAGAZINE_PART("file", file, "Numbers of 64 bits, by FILE_COUNT: of a pool in a file."),
    {"records", words(offsetof(LeaseMagazines, records_made)), "Of a pool of records, by RECORDS.",
     words(offsetof(LeaseMagazines, records_idle) + sizeof(LeaseMagazines::records_idle) -
           offsetof(LeaseMagazines, records_made))},
};

// In numbers of 64 bits.
#define OBJECT_PLACE(name, field, meaning) \
  Value { name, offsetof(ObjectCounts, field) / sizeof(double), meaning }

inline constexpr Value kObjectCounts[] = {
    OBJECT_PLACE("isCounted", is_counted, "1 in a pool of objects, 0 in others."),
    OBJECT_PLACE("acquires", acquires, "Objects handed to callers."),
    OBJECT_PLACE("exhausted", exhausted, "Requests refused because of the limit."),
#define OBJECT_STAT(field, json, unit, meaning) OBJECT_PLACE(json, field, meaning),
#include "heap/stats.def"
};
#undef OBJECT_PLACE

#define FILE_PLACE(name, field, meaning) \
  Value { name, offsetof(FileCounts, field) / sizeof(double), meaning }

inline constexpr Value kFileCounts[] = {
    FILE_PLACE("isCounted", is_counted, "1 in a pool in a file, 0 in others."),
#define FILE_STAT(field, json, unit, meaning) FILE_PLACE(json, field, meaning),
#include "heap/stats.def"
};
#undef FILE_PLACE

inline constexpr Value kGuardLevels[] = {
    MAGAZINE_PLACE("parkedHugeGranules", parked_huge_granules, parked_huge_granules,
                   "Of parked blocks beyond 2 MiB."),
    MAGAZINE_PLACE("watchedBlocks", watched_blocks, parked_huge_granules,
                   "Leases that leak detection or guards watch."),
    MAGAZINE_PLACE("watchedGranules", watched_granules, parked_huge_granules, "Of their blocks."),
    MAGAZINE_PLACE("quarantinedBlocks", quarantined_blocks, parked_huge_granules,
                   "Part of the parked blocks."),
    MAGAZINE_PLACE("quarantinedGranules", quarantined_granules, parked_huge_granules,
                   "Of the quarantined blocks."),
};

inline constexpr Value kStaged[] = {
    MAGAZINE_PLACE("blocks", staged, staged, "How many blocks are staged."),
    MAGAZINE_PLACE("tag", staged_tag, staged, "The tag of all of them."),
    MAGAZINE_PLACE("refills", staged_count, staged, "Another number after each refill."),
    MAGAZINE_PLACE("first", staged_blocks, staged, "From here on, the blocks' numbers."),
};

inline constexpr Value kRecords[] = {
    MAGAZINE_PLACE("made", records_made, records_made, "Records that the chunks have."),
    MAGAZINE_PLACE("idle", records_idle, records_made, "Those that are free."),
};
#undef MAGAZINE_PART
#undef MAGAZINE_PLACE

inline constexpr Value kSlotRows[] = {
    SLOT_ROW("state", state, "The word of a slot: see SLOT_STATE. Others change it, too."),
    SLOT_ROW("generation", generation, "The generation of the slot's value."),
    SLOT_ROW("block", block, "The block of a hot value; 0 of others."),
    SLOT_ROW("length", length, "Of the value, in bytes."),
};
#undef SLOT_ROW

constexpr std::int64_t state_of(ValuePlace place) { return ValueState::at(place).word; }

inline constexpr Value kSlotStates[] = {
    {"pins", ValueState::kPins, "The bits that say how often it is pinned."},
    {"referenced", ValueState::kReferenced, "It was used since the hand came by."},
    {"hot", state_of(ValuePlace::kHot), "It is in its block."},
    {"busy", state_of(ValuePlace::kBusy), "The same, and it is being compressed."},
    {"cold", state_of(ValuePlace::kCold), "It is compressed."},
    {"shift", ValueState::kPlaceShift, "The bits below are pins and `referenced`."},
};

using pages::FrameState;

inline constexpr Value kFrameStates[] = {
    {"pins", FrameState::kPins, "The bits that say how often its page is pinned."},
    {"oneUse", FrameState::kOneUse, "One more use since the hand came by."},
    {"use", FrameState::kUse, "The bits that count uses."},
    {"mostUse", FrameState::kMostUse* FrameState::kOneUse, "As many as are counted."},
    {"valid", FrameState::kValid, "The page's bytes are in it."},
    {"dirty", FrameState::kDirty, "They are newer than those of the file."},
    {"held", FrameState::kCopying | FrameState::kDue, "Set in one that is not to be pinned now."},
};

inline constexpr Value kFrameRows[] = {
    {"state", 0, "The word of a frame: see FRAME_STATE. Others change it, too."},
    {"number", 1, "Of the frame's page."},
    {"next", 2, "The next frame of the same chain."},
    {"turn", 3, "Another number whenever the frame's page is another."},
    {"block", 4, "The frame's block."},
    {"heads", 5, "Where chains begin."},
};

inline constexpr Value kMemoryConstants[] = {
    {"SUPERSLAB_BYTES", kSuperslabBytes, "Size of a superslab. Unit: bytes."},
    {"SLICE_BYTES", kSliceBytes, "Size of a slice. Unit: bytes."},
    {"SUPERSLABS_PER_ARENA", kSuperslabsPerArena, "Places for superslabs in an arena."},
    {"SLICE_SHIFT", std::countr_zero(kGranulesPerSlice),
     "The bits of a block number below the index of its slice: the granule."},
    {"GRANULE_SHIFT", std::countr_zero(kGranuleBytes), "A granule has 2^GRANULE_SHIFT bytes."},
    {"GRANULE_MASK", kGranulesPerSlice - 1, "The bits of a block number that are its granule."},
    {"HUGE_TAG", LeaseMagazines::kHuge,
     "The tag of the magazine of blocks beyond 2 MiB, each of a length and with a window of its "
     "own."},
    {"MAGAZINE_SHIFT", std::countr_zero(kMagazineBlocks),
     "Block numbers of tag `t` stand from `t << MAGAZINE_SHIFT` on."},
    {"SLOT_BITS", kSlotBits, "The bits of a value's handle that are its slot."},
    {"SLOT_CHUNK_SHIFT", std::countr_zero(SlotChunk::kSlots),
     "A chunk of slots has 2^SLOT_CHUNK_SHIFT of them."},
    {"MAX_VALUE_BYTES", kMaxClassBytes, "The longest compressed value. Unit: bytes."},
    {"CACHE_PINS", shared_cache::Member::kPins, "Pins that a member of a shared cache has."},
    {"CACHE_PINS_AT", shared_cache::Member::kPinsAt, "Where they are in its page. Unit: bytes."},
    {"CACHE_COUNTERS_AT", offsetof(shared_cache::Member, counters),
     "Where its counters are. Unit: bytes."},
    {"CACHE_MAX_KEY_BYTES", shared_cache::kMaxKeyBytes, "The longest key. Unit: bytes."},
    {"CACHE_MAX_TAGS", shared_cache::kMaxTags, "Tags that a value may have."},
    {"PAGE_HASH", pages::FrameTable::kHash,
     "A page's chain has the upper bits of its number times this."},
    {"FIRST_GENERATIONS", kGenerationMask, "Generations of slots are below, and not 0."},
};

inline constexpr Table kMemoryTables[] = {
    {"MAGAZINES", "The parts of NativePool.magazines, in words of 32 bits.", kMagazineParts},
    {"GUARD_LEVEL", "Places in MAGAZINES.guardLevels. A granule has 64 bytes.", kGuardLevels},
    {"STAGED", "Places in MAGAZINES.staged.", kStaged},
    {"OBJECT_COUNT", "Places in MAGAZINES.objects, which has numbers of 64 bits.", kObjectCounts},
    {"FILE_COUNT", "Places in MAGAZINES.file, which has numbers of 64 bits.", kFileCounts},
    {"RECORDS", "Places in MAGAZINES.records.", kRecords},
    {"SLOT_ROWS", "The rows of NativePool.valueSlots(), in words of 32 bits.", kSlotRows},
    {"SLOT_STATE", "What SLOT_ROWS.state has.", kSlotStates},
    {"FRAME_STATE", "What FRAME_ROW.state has.", kFrameStates},
    {"FRAME_ROW", "The rows of NativePool.pageRows(), each of a word for each frame.", kFrameRows},
};

inline constexpr Module kModules[] = {
    {"codes", kCallConstants, kCallTables},
    {"memory", kMemoryConstants, kMemoryTables},
    {"map", kMapConstants, kMapTables},
};

}  // namespace superslab::tables

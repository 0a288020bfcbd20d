// A frame of the inspector's map. All numbers are little-endian; offsets are in bytes.
#pragma once

#include "binding/table.h"
#include "diagnostics/map_scan.h"

namespace superslab::tables {

inline constexpr Value kMapConstants[] = {
    {"MAP_FORMAT", kMapFormat,
     "The first byte of a frame. Raised when the meaning of one changes."},
    {"SLICES", kSlicesPerSuperslab, "Slices of a superslab."},
    {"SUPERSLAB_BYTES", kSuperslabBytes, "Size of a superslab. Unit: bytes."},
    {"SLICE_BYTES", kSliceBytes, "Size of a slice. Unit: bytes."},
    {"SUPERSLABS_PER_ARENA", kSuperslabsPerArena, "Places for superslabs in an arena."},
    {"HEADER_BYTES", sizeof(MapHeader), "Size of a frame's header. Unit: bytes."},
    {"RECORD_BYTES", sizeof(MapRecord), "Size of a record. Unit: bytes."},
    {"SLICE_ENTRY_BYTES", sizeof(MapRecord::Slice), "Size of a slice's part of it. Unit: bytes."},
    {"TAG_FREE", kTagNone, "The tag of a slice that is in no slab."},
    {"TAG_HUGE", kTagHuge, "The tag of a slice of a block beyond 2 MiB."},
    {"TAG_CONTINUED", kTagContinued,
     "Set in the tag of a slice whose slab began in an earlier slice. The other bits are the size "
     "class plus one: `tag` in Hello.classes."},
    {"FULLNESS_SHIFT", kMapFullnessShift,
     "A slice's state is the fullness of its whole slab, and in the bits below the temperature."},
    {"FULL", kMapFull,
     "The fullness of a slab whose blocks are all out, or of a leased block beyond 2 MiB. 0 is "
     "none, "
     "and between them stands 1 + 14 x out / blocks, rounded down. A block is out when a caller or "
     "a "
     "thread's magazine has it."},
};

inline constexpr Value kMapHeaderFields[] = {
    {"format", offsetof(MapHeader, format), "u8: MAP_FORMAT."},
    {"full", offsetof(MapHeader, full),
     "u8: 1 when every superslab that is or was in use follows, so that what was known before is "
     "forgotten; 0 when only superslabs follow whose record changed."},
    {"recordBytes", offsetof(MapHeader, record_bytes),
     "u16: size of a record. A reader steps by it and ignores what it does not know."},
    {"records", offsetof(MapHeader, records), "u32: number of records."},
    {"atMs", offsetof(MapHeader, at_ms),
     "f64: when the memory was looked at, in milliseconds since 1970."},
};

inline constexpr Value kMapRecordFields[] = {
    {"index", offsetof(MapRecord, index),
     "u32: arena ordinal x SUPERSLABS_PER_ARENA + place in its arena; dense, and stays the same."},
    {"use", offsetof(MapRecord, use), "u8: see USE."},
    {"pool", offsetof(MapRecord, pool),
     "u8: `ordinal` in PoolNames; 0 when it is in none, or in one without a name."},
    {"flags", offsetof(MapRecord, flags), "u8: a set of FLAG."},
    {"node", offsetof(MapRecord, node),
     "u8: memory node that it was placed on + 1; 0 when that is unknown, or wherever the thread "
     "ran."},
    {"span", offsetof(MapRecord, span),
     "u32: superslabs of the block beyond 2 MiB that starts here; otherwise 0."},
    {"slices", offsetof(MapRecord, slices), "SLICES x SLICE_ENTRY, in ascending order of address."},
};

inline constexpr Value kMapSliceFields[] = {
    {"tag", offsetof(MapRecord::Slice, tag), "u8: a size class plus one, or see TAG_."},
    {"state", offsetof(MapRecord::Slice, state), "u8: fullness << FULLNESS_SHIFT | temperature."},
};

inline constexpr Value kMapUses[] = {
    code("spare", SuperslabUse::kSpare, "In no pool: never handed out, or given back."),
    code("slabs", SuperslabUse::kSlabs, "Cut into slabs."),
    code("hugeHead", SuperslabUse::kHugeHead, "First superslab of a block beyond 2 MiB."),
    code("hugeTail", SuperslabUse::kHugeTail, "A further superslab of such a block."),
};

inline constexpr Value kMapFlags[] = {
    code("hugePages", MapRecord::kExplicit, "In explicit huge pages."),
    code("transparentHuge", MapRecord::kTransparent, "Transparent huge pages are asked for."),
    code("views", MapRecord::kExposed, "ArrayBuffers over it may exist."),
    code("idle", MapRecord::kIdle, "Spare, and holds memory still."),
    code("secret", MapRecord::kSecret, "Memory of a pool of secrets."),
};

inline constexpr Value kMapTemperatures[] = {
    code("untouched", MapTemperature::kNothing,
         "Nothing is behind it: never touched, or given back to the operating system."),
    code("cold", MapTemperature::kCold, "No block of it was taken or given back for 60 s."),
    code("warm", MapTemperature::kWarm, "One was within the last 60 s."),
    code("hot", MapTemperature::kHot, "One was since the frame before."),
};
static_assert(kWarmSeconds == 60);

inline constexpr Table kMapTables[] = {
    {"HEADER",
     "Offsets in the header of a frame; the records follow it, in ascending order of index.",
     kMapHeaderFields},
    {"RECORD", "Offsets in the record of a superslab.", kMapRecordFields},
    {"SLICE_ENTRY", "Offsets in what a record has of each slice.", kMapSliceFields},
    {"USE", "What a superslab is used for.", kMapUses},
    {"FLAG", "What RECORD.flags is a set of.", kMapFlags},
    {"TEMPERATURE",
     "Of a slice's whole slab. Growing cold alone sends no record: a slice that was hot is warm "
     "after "
     "the next frame that does not call it hot again, and cold 60 s later.",
     kMapTemperatures},
};

}  // namespace superslab::tables

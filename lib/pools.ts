/**
 * superslab/pools: every kind of pool. docs/POOLS.md tells which is for what.
 *
 * @packageDocumentation
 */
export { BufferPool } from './pools/buffer/buffer-pool.js';
export type { BufferPoolOptions } from './pools/buffer/options.js';
export type { Codec, CodecName } from './pools/compressed/codec.js';
export { CompressedPool } from './pools/compressed/compressed-pool.js';
export type { TierFigures } from './pools/compressed/figures.js';
export type { CompressedPoolOptions } from './pools/compressed/options.js';
export { FixedPool } from './pools/fixed/fixed-pool.js';
export type { FixedPoolOptions } from './pools/fixed/options.js';
export type { FixedBuffer } from './pools/fixed/reused-buffer.js';
export type { CollectProgress } from './pools/generational/collector.js';
export type { GenerationFigures, GenerationsFigures } from './pools/generational/figures.js';
export { type CollectOptions, GenerationalPool } from './pools/generational/generational-pool.js';
export type { GenerationalPoolOptions, Promotion } from './pools/generational/options.js';
export type { ValueScope } from './pools/generational/value-scope.js';
export { NumaPool } from './pools/numa/numa-pool.js';
export type { NumaPoolOptions } from './pools/numa/options.js';
export { ObjectPool } from './pools/object/object-pool.js';
export type { AcquireOptions, ObjectPoolOptions } from './pools/object/options.js';
export type { LeaseTimeoutMessage, ObjectPoolEvents } from './pools/object/telling.js';
export type { PacketPoolOptions } from './pools/packet/options.js';
export type { Packet } from './pools/packet/packet.js';
export { PacketPool } from './pools/packet/packet-pool.js';
export type { PacketReader } from './pools/packet/packet-reader.js';
export type { PacketSource } from './pools/packet/read-from.js';
export type { PacketWriter } from './pools/packet/writer.js';
export type { Pool } from './pools/pool.js';
export type { Column, ColumnRun } from './pools/record/column.js';
export type {
  ArrayType,
  BytesType,
  Fields,
  FieldType,
  RecordValues,
  ScalarType,
} from './pools/record/field-types.js';
export { array, bytes, type RecordLayout, record } from './pools/record/layout.js';
export type { RecordPoolOptions } from './pools/record/options.js';
export type { RecordEntry } from './pools/record/record-entry.js';
export { RecordPool } from './pools/record/record-pool.js';
export type { ReadEntry, RecordReader } from './pools/record/record-reader.js';

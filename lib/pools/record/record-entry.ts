import type { Lent } from '../../pool/unfinished.js';
import type { Fields, RecordValues } from './field-types.js';

/** What a RecordPool lends: a property for each field, over the record's memory. */
export type RecordEntry<Shape extends Fields = Fields> = RecordValues<Shape> & Lent;

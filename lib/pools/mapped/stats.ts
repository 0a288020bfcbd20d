import type { FileFigures } from '../../addon/file-binding.js';

/** Figures of a MappedPool; once it is closed, its last ones. */
export interface MappedPoolStats extends FileFigures {
  readonly name: string;
  readonly path: string;
  readonly closed: boolean;
}

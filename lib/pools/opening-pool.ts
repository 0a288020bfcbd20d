import type { Failure, NativePool } from '../addon/binding.js';
import { openCores } from '../pool/cores.js';
import { Unfinished } from '../pool/unfinished.js';

/** A pool that nobody has yet. */
export class OpeningPool extends Unfinished {
  opened: NativePool | Failure | undefined = undefined;

  undo(): void {
    if (this.opened === undefined || 'error' in this.opened) return;
    const core = openCores.get(this.opened.id);
    if (core === undefined) this.opened.close();
    else core.close();
  }
}

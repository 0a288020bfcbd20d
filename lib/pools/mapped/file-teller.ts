import type { NativeFile } from '../../addon/file-binding.js';
import { FILE_EVENT } from '../../addon/generated/codes.js';
import { type FileMessage, fileChannel } from '../../measure/file-channel.js';
import { FileMessages } from '../file-messages.js';

const EVENTS = Object.entries(FILE_EVENT) as [FileMessage['event'], number][];
const eventOf = new Map(EVENTS.map(([event, kind]) => [kind, event]));

/** Tells what happens to the file of a MappedPool, which its native side notes. */
export class FileTeller extends FileMessages {
  readonly #native: NativeFile;
  /** Whether the native side notes what happens. From the beginning it does. */
  isOn = true;

  constructor(pool: string, path: string, native: NativeFile) {
    super(pool, path);
    this.#native = native;
  }

  /** Before something happens. */
  listen(): void {
    if (fileChannel.hasSubscribers === this.isOn) return;
    this.isOn = fileChannel.hasSubscribers;
    this.#native.listen(this.isOn);
  }

  /** Tells what has happened since. */
  deliver(): void {
    if (!this.isOn) return;
    for (const { kind, bytes, durationNs } of this.#native.takeEvents()) {
      this.tell(eventOf.get(kind)!, { bytes, durationNs });
    }
  }
}

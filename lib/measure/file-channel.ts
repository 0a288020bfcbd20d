// What MappedPools and SharedCaches tell of their files.
import { PoolChannel } from './channels.js';

/** `superslab:file`: something happened to the file of a MappedPool or SharedCache. */
export interface FileMessage {
  /**
   * open: the file was opened, or made. refuse: it could not be. map: its addresses were mapped. recover: records of the journal
   * were replayed. grow, shrink: it took space from the file system, or gave it back. commit: a record was written. sync: something
   * was made durable. checkpoint: changed pages were written home. fail: the pool changes nothing any more. close: it was closed.
   * alert: advice began to hold, or holds no more.
   */
  readonly event:
    | 'open'
    | 'refuse'
    | 'map'
    | 'recover'
    | 'grow'
    | 'shrink'
    | 'commit'
    | 'sync'
    | 'checkpoint'
    | 'fail'
    | 'close'
    | 'alert';
  readonly pool: string;
  readonly path: string;
  /** What the system said, such as "ENOSPC"; empty when nothing failed. */
  readonly errno: string;
  /** How long it took; 0 for what takes no time. */
  readonly durationNs: number;
  /** What it was about: bytes, but of `recover` records; 0 where there is nothing to count. */
  readonly bytes: number;
  /** Of `refuse` and `fail`: the code of the error that is thrown. */
  readonly code?: string;
  /** Of `alert`: which advice, whether it holds now, and what it says; see pool.advice(). */
  readonly alert?: { readonly id: string; readonly holds: boolean; readonly text: string };
}

export const fileChannel = new PoolChannel<FileMessage>('file');

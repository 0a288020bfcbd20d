/** Sends a part of the workload over one socket, again and again. */
export interface Sender {
  /** The server's name for where this comes from. */
  readonly source: string;
  /** Lines in one pass. */
  readonly passLength: number;
  /** Lines sent so far. */
  readonly sent: number;
  /** Sends `lines` more as fast as the other side takes them. Resolves when all are on their way. */
  flood(lines: number): Promise<void>;
  /** Sends `lines` more now. */
  send(lines: number): void;
  close(): Promise<void>;
}

/** Sends a part of the workload over one socket, again and again. Whether lines arrive is for the server to say. */
export interface Sender {
  /** The server's name for where this comes from. */
  readonly source: string;
  /** Lines in one pass. */
  readonly passLength: number;
  /** Lines sent so far, or about to be. */
  readonly sent: number;
  /** Sends `lines` more as fast as the other side takes them. */
  flood(lines: number): void;
  /** Sends `lines` more now. */
  send(lines: number): void;
  close(): Promise<void>;
}

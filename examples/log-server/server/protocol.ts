import type { MemoryKind } from '../memory/memory.js';
import type { LogServerOptions, ServerStatus } from './log-server.js';
import type { ProcessStats } from './process-stats.js';

/** What a server process is told when it is forked, as JSON in its first argument. */
export interface ServerJob {
  memory: MemoryKind;
  options: LogServerOptions;
  /** What it knows outlives it: on superslab in a file, on others by reading the archives of its directory again. */
  remembers?: boolean;
}

export type ServerRequest = { type: 'stats' } | { type: 'close' };

export type ServerReply =
  | { type: 'ready'; startedAt: number; tcpPort: number; udpPort: number; httpPort: number; archive: string }
  | { type: 'stats'; process: ProcessStats; status: ServerStatus }
  | { type: 'closed' };

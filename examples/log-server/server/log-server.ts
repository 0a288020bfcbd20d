import { EventEmitter } from 'node:events';
import type { Memory } from '../memory/memory.js';
import type { Source } from '../receive/message-sink.js';
import { TcpReceiver } from '../receive/tcp-receiver.js';
import { UdpReceiver } from '../receive/udp-receiver.js';
import { Archive } from '../store/archive.js';
import type { Entry } from '../store/entry.js';
import type { EntryFilter } from '../store/find-entries.js';
import type { IndexedArchive } from '../store/mapped-index.js';
import { memoryStore, type Store } from '../store/store.js';
import type { Counters } from './counters.js';
import { Ingest } from './ingest.js';

export interface LogServerOptions {
  host: string;
  /** 0: any free one. */
  tcpPort: number;
  udpPort: number;
  /** Directory for archives. */
  archive: string;
  /** The largest buffer that is received into, in bytes. Quiet connections have smaller ones. */
  receiveBuffer: number;
  /** Longest message in bytes; longer ones are taken in pieces. */
  maxMessage: number;
  /** Bytes of receive buffers and records that recent entries may hold. */
  keepBytes: number;
  /** Bytes that may wait for the disk. */
  maxPending: number;
}

export const DEFAULT_OPTIONS: LogServerOptions = {
  host: '127.0.0.1',
  tcpPort: 0,
  udpPort: 0,
  archive: 'archive',
  receiveBuffer: 256 * 1024,
  maxMessage: 32 * 1024,
  keepBytes: 32 * 1024 * 1024,
  maxPending: 8 * 1024 * 1024,
};

export interface ServerStatus extends Counters {
  connections: number;
  datagrams: number;
  droppedDatagrams: number;
  receivedBytes: number;
  archivedBytes: number;
  recentEntries: number;
  recentBytes: number;
}

interface Events {
  /** Bytes of these sources are in the archive. */
  archived: [sources: Iterable<Source>];
  /** The archive cannot be written any more. */
  error: [error: Error];
}

/** A syslog server: RFC 5424 and RFC 3164 messages over TCP (RFC 6587) and UDP (RFC 5426) into an archive file. */
export class LogServer extends EventEmitter<Events> {
  readonly tcpPort: number;
  readonly udpPort: number;
  readonly #ingest: Ingest;
  readonly #store: Store;
  readonly #archive: Archive;
  readonly #tcp: TcpReceiver;
  readonly #udp: UdpReceiver;

  /** `store`: where entries and indexes are; if nothing is given, in `memory` and in a file beside each archive. The server closes it. */
  static async start(
    memory: Memory,
    options: LogServerOptions,
    store: Store = memoryStore(memory, options.keepBytes),
  ): Promise<LogServer> {
    // Events come once bytes have: after all of this is set.
    let server: LogServer | undefined;
    const limits = { maxPending: options.maxPending };
    const events = {
      drained: () => tcp.resume(),
      written: (sources: Iterable<Source>) => server?.emit('archived', sources),
      failed: (error: Error) => server?.emit('error', error),
    };
    const archive = await Archive.open(options.archive, memory, limits, events, store.index);
    const ingest = new Ingest(memory, store.entries, archive);
    const { receiveBuffer, maxMessage } = options;
    const tcp = new TcpReceiver(memory, ingest, { receiveBuffer, maxMessage });
    const udp = new UdpReceiver(memory, ingest);
    try {
      const tcpPort = await tcp.listen(options.host, options.tcpPort);
      const udpPort = await udp.listen(options.host, options.udpPort);
      server = new LogServer({ ingest, store, archive, tcp, udp, tcpPort, udpPort });
      return server;
    } catch (error) {
      await Promise.all([tcp.close(), udp.close()]);
      await archive.close();
      store.close();
      throw error;
    }
  }

  private constructor(parts: {
    ingest: Ingest;
    store: Store;
    archive: Archive;
    tcp: TcpReceiver;
    udp: UdpReceiver;
    tcpPort: number;
    udpPort: number;
  }) {
    super();
    this.#ingest = parts.ingest;
    this.#store = parts.store;
    this.#archive = parts.archive;
    this.#tcp = parts.tcp;
    this.#udp = parts.udp;
    this.tcpPort = parts.tcpPort;
    this.udpPort = parts.udpPort;
  }

  get archivePath(): string {
    return this.#archive.path;
  }

  status(): ServerStatus {
    return {
      ...this.#ingest.counters,
      connections: this.#tcp.open,
      datagrams: this.#udp.received,
      droppedDatagrams: this.#udp.dropped,
      receivedBytes: this.#archive.appendedBytes,
      archivedBytes: this.#archive.writtenBytes,
      recentEntries: this.#store.entries.length,
      recentBytes: this.#store.entries.heldBytes,
    };
  }

  /** The newest entries that match, the newest first. */
  recent(filter: EntryFilter): Entry[] {
    return this.#store.entries.find(filter);
  }

  /** What is known of the archives, the newest first; of a server with a file. */
  archives(): readonly IndexedArchive[] {
    return this.#store.archives();
  }

  /** Stops receiving, writes everything that was received, gives all memory back. */
  async close(): Promise<void> {
    await Promise.all([this.#tcp.close(), this.#udp.close()]);
    await this.#archive.close();
    this.#store.close();
  }
}

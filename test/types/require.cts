// The public types as CommonJS sees them, by `import x = require()` and by a compiled `import`.
import superslab = require('superslab');
import genericPool = require('superslab/generic-pool');
import inspector = require('superslab/inspector');
import keyv = require('superslab/keyv');
import next = require('superslab/next-cache-handler');
import opentelemetry = require('superslab/opentelemetry');
import pools = require('superslab/pools');
import prometheus = require('superslab/prometheus');

import defaultExport, { type acquire, type BufferPool, type PooledBuffer } from 'superslab';

const buffer: PooledBuffer = superslab.acquire(1500);
const pool: BufferPool = new superslab.BufferPool();
const sameClass: typeof BufferPool = superslab.BufferPool;
const sameFunction: typeof acquire = defaultExport.acquire;
const alsoThere: typeof defaultExport = superslab.default;
const exporters: Disposable[] = [prometheus.collectSuperslab(), opentelemetry.observeSuperslab()];

const url: Promise<string> = inspector.startInspector().then((started) => started.url);

const fixed: Buffer = new pools.FixedPool({ size: 64 }).get();
const made: Promise<Buffer> = genericPool.createPool({ create: () => fixed, destroy: () => {} }).acquire();

const store: typeof keyv.default = keyv.KeyvStore;
const handler: typeof next.default = next.NextCacheHandler;

export = { alsoThere, buffer, exporters, fixed, handler, made, pool, sameClass, sameFunction, store, url };

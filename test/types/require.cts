// The public types as CommonJS sees them, by `import x = require()` and by a compiled `import`.
import superslab = require('superslab');
import opentelemetry = require('superslab/opentelemetry');
import prometheus = require('superslab/prometheus');

import defaultExport, { type acquire, type BufferPool, type PooledBuffer } from 'superslab';

const buffer: PooledBuffer = superslab.acquire(1500);
const pool: BufferPool = new superslab.BufferPool();
const sameClass: typeof BufferPool = superslab.BufferPool;
const sameFunction: typeof acquire = defaultExport.acquire;
const alsoThere: typeof defaultExport = superslab.default;
const exporters: Disposable[] = [prometheus.collectSuperslab(), opentelemetry.observeSuperslab()];

export = { alsoThere, buffer, exporters, pool, sameClass, sameFunction };

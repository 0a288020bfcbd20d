// The public types as CommonJS sees them, by `import x = require()` and by a compiled `import`.
import superslab = require('superslab');

import defaultExport, { type acquire, type BufferPool, type PooledBuffer } from 'superslab';

const buffer: PooledBuffer = superslab.acquire(1500);
const pool: BufferPool = new superslab.BufferPool();
const sameClass: typeof BufferPool = superslab.BufferPool;
const sameFunction: typeof acquire = defaultExport.acquire;
const alsoThere: typeof defaultExport = superslab.default;

export = { alsoThere, buffer, pool, sameClass, sameFunction };

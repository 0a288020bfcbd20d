/**
 * superslab/inspector: a page that shows the memory of a running process.
 *
 * @packageDocumentation
 */
export type { Inspector, InspectorOptions } from './inspector/server.js';
export { startInspector } from './inspector/start.js';
export type {
  Hello,
  InspectorLeak,
  InspectorStats,
  InspectorTotals,
  LeakSites,
  MisuseSites,
  PoolNames,
  SlowPaths,
} from './inspector/types.js';

/**
 * superslab/inspector: a page that shows the memory of a running process.
 *
 * @packageDocumentation
 */
export { type Inspector, type InspectorOptions, startInspector } from './inspector/server.js';
export type {
  Hello,
  InspectorLeak,
  InspectorStats,
  InspectorTotals,
  LeakSites,
  PoolNames,
  SlowPaths,
} from './inspector/types.js';

import { facts } from '../addon/environment.js';
import { pressureFigures } from '../addon/pressure.js';
import type { ReportContext } from './report.js';

/** What reports of this process's pools need to know besides their figures. */
export function reportContext(): ReportContext {
  return { knobs: facts.knobs, uptimeMs: process.uptime() * 1000, pressure: pressureFigures() };
}

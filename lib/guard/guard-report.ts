import { type GuardReport, misuseText } from '../base/misuse.js';
import { detailOf, poolText } from './report-words.js';

/** A report with its words. */
export function makeReport(facts: Omit<GuardReport, 'message'>): GuardReport {
  return { ...facts, message: `${whatHappened(facts)}${misuseText(facts)}` };
}

function whatHappened(facts: Omit<GuardReport, 'message'>): string {
  const buffer = `a buffer of ${facts.size} B (${poolText(facts.pool, facts.tag)})`;
  const bytes = detailOf(facts);
  switch (facts.kind) {
    case 'written-after-release':
      return `${buffer} was written after its release: ${bytes}`;
    case 'overflow':
      return `bytes behind ${buffer} were overwritten: ${bytes}`;
    case 'detached':
      return `${buffer} was released after the program had detached its ArrayBuffer; what has its memory now must not be used any more`;
    case 'detached-after-release':
      return `the program detached the ArrayBuffer of ${buffer} after its release; what has its memory now must not be used any more`;
  }
}

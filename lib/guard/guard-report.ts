import { detailOf } from './mistakes.js';
import { poolText } from './reports.js';
import type { GuardReport } from './types.js';

/** A report with its words. */
export function makeReport(facts: Omit<GuardReport, 'message'>): GuardReport {
  return { ...facts, message: `${whatHappened(facts)}${misuseText(facts)}` };
}

function whatHappened(facts: Omit<GuardReport, 'message'>): string {
  const buffer = `a buffer of ${facts.size} B (${poolText(facts.pool, facts.tag)})`;
  const bytes = detailOf(facts);
  switch (facts.fault) {
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

/** Where a buffer was acquired and released, as far as it is known, for the end of a message. */
export function misuseText({ acquired, released }: { acquired: string; released: string }): string {
  return (
    (acquired === '' ? '' : `\n  acquired\n${acquired}`) +
    (released === '' ? '' : `\n  released\n${released}`)
  );
}

import type { Adaptation } from '../addon/figures.js';
import { count, exactBytes, timeOfDay } from '../base/text.js';

const blocksOf = (size = 0): string => `blocks of ${exactBytes(size)}`;

const sentences: Record<Adaptation['kind'], (done: Adaptation) => string> = {
  keep: ({ bytes, blockBytes = 1, evidenceBytes }) =>
    `Keeps ${exactBytes(bytes)} ready for ${blocksOf(blockBytes)}: three of the last six intervals took up to ` +
    `${count(Math.floor(evidenceBytes / blockBytes))} of them at once and gave them back.`,
  shrink: ({ bytes, blockBytes }) =>
    `Let go of ${exactBytes(bytes)} that was kept for ${blocksOf(blockBytes)}: fewer than three of the last six ` +
    'intervals took it.',
  move: ({ bytes, blockBytes = 1, fromBlockBytes, evidenceBytes }) =>
    `Moved ${exactBytes(bytes)} from ${blocksOf(fromBlockBytes)} to ${blocksOf(blockBytes)}, of which intervals took up ` +
    `to ${count(Math.floor(evidenceBytes / blockBytes))} at once: all together keep no more than was in use at once.`,
  expand: ({ bytes, blockBytes, evidenceBytes }) =>
    `Populated ${exactBytes(bytes)} ahead of demand: ${blocksOf(blockBytes)} grew three times in a row, by ` +
    `${exactBytes(evidenceBytes)} or more.`,
  pressure: ({ bytes }) =>
    `Let go of ${exactBytes(bytes)} that was kept ready: the process is close to its limit of memory.`,
};

/** One thing that a pool did, and why, in a sentence. */
export const adaptationSentence = (done: Adaptation): string =>
  `${timeOfDay(done.at)} ${sentences[done.kind](done)}`;

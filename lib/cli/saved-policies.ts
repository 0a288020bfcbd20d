import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { printable } from '../base/text.js';
import { CliError, EXIT, usageError } from './cli-error.js';

/** A policy file: its name as it was given, and its text. */
export type SavedPolicy = readonly [name: string, text: string];

/** As PolicyContest::kMaxPolicies in native/learn. */
const MAX_POLICIES = 8;

function refuse(file: string, why: string): never {
  throw new CliError('ERR_SUPERSLAB_POLICY', EXIT.cannotRun, `${printable(file)}: ${why}`);
}

/** The files that `given` names: a list with colons, or every *.policy of a folder, by name. */
function filesOf(given: string): string[] {
  if (statSync(given, { throwIfNoEntry: false })?.isDirectory() !== true) {
    return given.split(':').filter((file) => file !== '');
  }
  const files = readdirSync(given).filter((name) => name.endsWith('.policy'));
  if (files.length === 0) refuse(given, 'no file of this folder ends in .policy; save some there');
  return files.sort().map((name) => path.join(given, name));
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    return refuse(file, `the policy cannot be read: ${(error as Error).message}`);
  }
}

/** The policies that `--saved` names; none without it. */
export function savedPolicies(given: string | undefined): SavedPolicy[] {
  if (given === undefined) return [];
  let files: string[];
  try {
    files = filesOf(given);
  } catch (error) {
    if (error instanceof CliError) throw error;
    return refuse(given, `the folder cannot be read: ${(error as Error).message}`);
  }
  if (files.length === 0) throw usageError('--saved lacks its value: write --saved=a.policy:b.policy');
  if (files.length > MAX_POLICIES) {
    throw usageError(`--saved names ${files.length} policies: give ${MAX_POLICIES} at most`);
  }
  return files.map((file) => [file, textOf(file)]);
}

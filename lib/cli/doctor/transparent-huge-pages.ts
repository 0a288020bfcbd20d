// Source of all that is said here: Documentation/admin-guide/mm/transhuge.rst of Linux.
import { type Finding, setSysFile } from './finding.js';
import { type Files, knob, type Machine, readNumber } from './machine.js';

const FOLDER = '/sys/kernel/mm/transparent_hugepage';
const SOURCE = 'https://docs.kernel.org/admin-guide/mm/transhuge.html';

/** The word in brackets of "always [madvise] never". */
const chosen = (machine: Files, file: string): string | undefined =>
  /\[([\w+]+)\]/.exec(machine.read(file) ?? '')?.[1];

/** What holds for huge pages of the common size, and the file that says so. */
function mode(machine: Files): { file: string; word: string | undefined } {
  const kib = (readNumber(machine, `${FOLDER}/hpage_pmd_size`) ?? 2 << 20) / 1024;
  // Linux 6.8 and later have a switch for each size, which "inherit" hands back to the common one.
  const own = `${FOLDER}/hugepages-${kib}kB/enabled`;
  const word = chosen(machine, own);
  if (word !== undefined && word !== 'inherit') return { file: own, word };
  const common = `${FOLDER}/enabled`;
  return { file: common, word: chosen(machine, common) };
}

const setMadvise = (file: string) => setSysFile(file, 'madvise', 'transparent-huge-pages');

export function transparentHugePages(machine: Machine): Finding {
  const { file, word } = mode(machine);
  const shared = chosen(machine, `${FOLDER}/shmem_enabled`);
  const base = {
    id: 'transparent-huge-pages',
    title: 'transparent huge pages',
    source: SOURCE,
    found: `${word ?? 'not there'}${shared === undefined ? '' : ` (shared memory: ${shared})`}`,
  };
  const wanted = (knob(machine, 'SUPERSLAB_HUGE_PAGES') ?? 'thp') === 'thp';
  if (!wanted) {
    return { ...base, status: 'ok', why: 'SUPERSLAB_HUGE_PAGES or the profile asks for other pages.' };
  }
  if (word === undefined) {
    return {
      ...base,
      status: 'note',
      why:
        'The kernel is built without them, or /sys is not mounted: each 4 KiB costs a page fault, ' +
        'a huge page one for 2 MiB.',
    };
  }
  if (/^THP_enabled:\s*0$/m.test(machine.read('/proc/self/status') ?? '')) {
    return {
      ...base,
      found: `${word}, and switched off for this process`,
      status: 'warning',
      why: 'The program that started this one has called prctl(PR_SET_THP_DISABLE), and children inherit it.',
      advice: 'Start Node from another program, or take the call out of that one.',
    };
  }
  if (word === 'never') {
    return {
      ...base,
      status: 'warning',
      why:
        'superslab asks for huge pages and gets none: 512 page faults where one would do, and more misses ' +
        'of the TLB.',
      advice: 'With madvise only programs that ask get them.',
      ...setMadvise(file),
    };
  }
  if (word === 'always') {
    return {
      ...base,
      status: 'note',
      why:
        'Every program gets huge pages, also for memory that it uses in part: RSS grows. superslab asks for ' +
        'them where they pay, and declines them elsewhere.',
      advice: 'With madvise only programs that ask get them.',
      ...setMadvise(file),
    };
  }
  return {
    ...base,
    status: 'ok',
    why: 'superslab gets the huge pages that it asks for. It has no shared memory.',
  };
}

export function hugePageDefrag(machine: Machine): Finding {
  const file = `${FOLDER}/defrag`;
  const word = chosen(machine, file);
  const { word: enabled } = mode(machine);
  const base = {
    id: 'huge-page-defrag',
    title: 'huge page defrag',
    source: SOURCE,
    found: word ?? 'not there',
  };
  if (enabled === undefined || enabled === 'never') {
    return { ...base, status: 'ok', why: 'Without transparent huge pages it decides nothing.' };
  }
  if (word === 'never') {
    return {
      ...base,
      status: 'note',
      why: 'A huge page is given only where one is free at once. On a machine that has been up for long, few are.',
      advice: 'With madvise the kernel makes room for programs that ask.',
      ...setSysFile(file, 'madvise', 'huge-page-defrag'),
    };
  }
  if (word === 'always' && enabled === 'always') {
    return {
      ...base,
      status: 'note',
      why: 'Any page fault of any program may wait until the kernel has made room for a huge page.',
      advice: 'With madvise only memory that asks for huge pages waits for them.',
      ...setSysFile(file, 'madvise', 'huge-page-defrag'),
    };
  }
  return { ...base, status: 'ok', why: 'The kernel makes room for the huge pages that superslab asks for.' };
}

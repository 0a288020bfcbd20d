// Programs and workers that a test starts have the same mutant as the test.
import { inject } from 'vitest';

const mutant = inject('activeMutant' as never) as string | undefined;
if (mutant !== undefined) process.env.__STRYKER_ACTIVE_MUTANT__ = mutant;

// Every file that is generated, by its path, as it should be.
import { renderChoices, renderModule } from './constants.mjs';
import { renderFigures } from './figures.mjs';
import { withKnobTables } from './knob-tables.mjs';
import { renderOptions } from './options.mjs';

/**
 * @param tables what the addon's tables() returns: see native/binding/tables.cc
 * @param {(path: string) => string} read gives the present text of a file that is generated in part
 */
export const outputs = ({ knobs, profiles, statistics, modules }, read) => ({
  'lib/addon/generated/codes.ts': renderModule(modules.codes),
  'lib/addon/generated/choices.ts': renderChoices(knobs),
  'lib/addon/generated/memory.ts': renderModule(modules.memory),
  'lib/addon/generated/figures.ts': renderFigures(statistics),
  'lib/addon/generated/options.ts': renderOptions(knobs, profiles),
  'page/inspector/map-format.ts': renderModule(modules.map),
  'docs/KNOBS.md': withKnobTables(read('docs/KNOBS.md'), { knobs, profiles }),
});

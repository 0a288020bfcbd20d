// Whether libsuperslab.so is built here: on Linux with glibc, whose malloc family it stands in for.
// Prints 1 or 0, for binding.gyp; the scripts take it as a module.
'use strict';

/** The glibc that this Node.js runs on; undefined with another C library, such as musl. */
function glibcVersion() {
  // The report would look up the names of the machine's addresses, which can take seconds.
  process.report.excludeNetwork = true;
  return process.report.getReport().header.glibcVersionRuntime;
}

const hasMallocLibrary = process.platform === 'linux' && glibcVersion() !== undefined;

module.exports = { hasMallocLibrary };

if (require.main === module) process.stdout.write(`${Number(hasMallocLibrary)}\n`);

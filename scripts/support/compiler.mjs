/** The words of an environment variable, as make reads it. */
export const wordsOf = (variable) => (process.env[variable] ?? '').split(/\s+/).filter(Boolean);

/** The C++ compiler, with what comes before its arguments: CXX may be `ccache g++`. */
export function cxx() {
  const [program = 'g++', ...first] = wordsOf('CXX');
  return { program, first };
}

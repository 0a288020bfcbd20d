// Mutants that the native tests let live, each with the reason. `isEquivalent`: it changes nothing that anybody could see,
// or only what no test should pin down; such a one is no fault, and does not count.
export const survivors = [];

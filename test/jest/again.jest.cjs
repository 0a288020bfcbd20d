// The same once more: Jest evaluates the package anew for each file, in a process that has it loaded already.
require('./facade.jest.cjs');

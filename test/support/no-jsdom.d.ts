// In place of @types/jsdom, which Vitest's types refer to: those would bring a browser's types to every test.
export {};

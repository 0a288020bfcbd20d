/** Where the buffers of `bench -- pools numa` come from. */
export const NUMA_VARIANTS = ['superslab', 'BufferPool', 'allocUnsafeSlow'] as const;
export type NumaVariant = (typeof NUMA_VARIANTS)[number];

/** Of each buffer. Unit: bytes. */
export const SIZE = 1500;

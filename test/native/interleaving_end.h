// After it.
#undef superslab
#undef std

// Before real source that is compiled a second time: see interleaving.h. No #pragma once.
#define superslab superslab_stepped
#define std stepped_std
#define pthread_mutex_lock stepped_mutex_lock
#define pthread_mutex_trylock stepped_mutex_lock
#define pthread_mutex_unlock stepped_mutex_unlock

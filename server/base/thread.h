// Starting a thread of the daemon.
//
// Signals are for the main thread: a thread that starts here has all of them blocked but those of faults, which must
// reach the thread that caused them.
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>

// 0, or the error of pthread_create. The name has at most 15 bytes.
int thread_start(pthread_t *thread, const char *name, void *(*run)(void *context), void *context)
    __attribute__((warn_unused_result));

#endif

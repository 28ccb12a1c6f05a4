// The unfenced wall clock, for people's eyes only (log lines); nothing may be decided by it.
#ifndef BASE_CLOCK_RAW_H
#define BASE_CLOCK_RAW_H

#include <stdint.h>

uint64_t clock_raw_wall_ms(void);

#endif

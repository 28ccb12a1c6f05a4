// The unfenced wall clock, for log lines only; no decision may use it.
#ifndef BASE_CLOCK_RAW_H
#define BASE_CLOCK_RAW_H

#include <stdint.h>

uint64_t clock_raw_wall_ms(void);

#endif

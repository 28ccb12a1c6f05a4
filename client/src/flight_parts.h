// What the files of flights share: flight.c sends and looks at the clock, receive.c receives for all, message.c
// knows the bytes of a request and of its answer.
#ifndef POSTERN_FLIGHT_PARTS_H
#define POSTERN_FLIGHT_PARTS_H

#include "flight.h"

enum { BACKOFF_MS_MIN = 10 };

void postern_bytes_wipe(uint8_t *bytes, size_t size);                             // wipes and frees; NULL-safe
void postern_flight_set_timeout(struct postern_flight *flight, uint64_t left_ms); // in the request's bytes
// Only the address is used: the flight may be gone by now.
void postern_flight_wake(_Atomic uint32_t *word);

// --- with the handle's lock

// The owner finds it in this state, in an event loop among those to be delivered.
void postern_flight_end_as(struct postern *client, struct postern_flight *flight, enum postern_flight_state state);
void postern_flight_finish(struct postern *client, struct postern_flight *flight); // with its error
// The connection is gone, or there is none: link.failure says why.
void postern_flights_lose(struct postern *client, uint64_t now_ms);

#endif

// The files that are part of the program: the console's, and the description of the API. The build makes them into C.
#ifndef GATEWAY_ASSET_H
#define GATEWAY_ASSET_H

#include <stddef.h>

struct asset {
    const char *name; // "main.js"; NULL ends the table
    const unsigned char *bytes;
    size_t size;
};

extern const struct asset assets[];

#endif

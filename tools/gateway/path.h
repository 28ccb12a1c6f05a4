// Paths of requests, made plain so that a path has one meaning only, and patterns for them.
//
// A pattern is '/' and segments: plain text, '*' for one segment of whatever text, and "**" at the end for any number
// of segments, also none. A '/' at the end makes no difference.
#ifndef GATEWAY_PATH_H
#define GATEWAY_PATH_H

#include "pool.h"

#include <stdbool.h>

struct path_match {
    const char **segments; // what each '*' stands for; unless NULL
    size_t segment_max;
    size_t segment_count;
    const char *rest; // what "**" stands for, "" or from its '/' on; NULL: the pattern has none
};

// Decodes a path. NULL when servers may disagree about its meaning; `*why` says what is wrong with it: not from '/' on,
// an empty segment, "." and "..", an encoded slash or backslash, ';', a control character, an escape that is broken or
// that makes another escape.
const char *path_clean(struct pool *pool, const char *path, const char **why);
// Does the clean path fit the pattern? The pool has the segments' text.
bool path_fits(struct pool *pool, const char *pattern, const char *path, struct path_match *match);
// Says what is wrong with a pattern; NULL: nothing.
const char *path_check_pattern(const char *pattern);

#endif

// What the files of the connection share: connect.c begins and ends it, link.c sends and receives. Each of these closes
// it, notes why, and returns false.
#ifndef POSTERN_LINK_PARTS_H
#define POSTERN_LINK_PARTS_H

#include "link.h"

bool postern_link_fail(struct postern_link *link, enum postern_status status, bool final, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
bool postern_link_fail_memory(struct postern_link *link);
bool postern_link_fail_stranger(struct postern_link *link); // what answers is not posternd
bool postern_link_fail_tls(struct postern_link *link);

#endif

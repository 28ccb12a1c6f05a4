// JSON that the protocol does not know: objects of jansson, each printed on a line.
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <jansson.h>

// A string; of bytes that are no UTF-8 those beyond ASCII and control characters are '?'.
json_t *json_text(const char *text);
// Frees it, too.
void json_print(json_t *object);

#endif

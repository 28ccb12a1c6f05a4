// JSON that the protocol does not know: objects of jansson, each printed on a line.
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <jansson.h>

// Makes a string. In text that is not UTF-8 each byte beyond ASCII and each control character becomes '?'.
json_t *json_text(const char *text);
// Makes the object of a whole answer of libpostern.
json_t *json_reply(const void *reply);
// Prints an object on a line, and frees it.
void json_print(json_t *object);

#endif

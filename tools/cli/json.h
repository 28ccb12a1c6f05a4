// Answers as JSON, and objects of jansson that commands make themselves: each is printed on a line.
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include "postern/postern.h"

#include <jansson.h>

// Makes a string. In text that is not UTF-8 each byte beyond ASCII and each control character becomes '?'.
json_t *json_text(const char *text);
// Makes the object of a whole answer of libpostern, with the names and the nesting of the protocol.
json_t *json_reply(const void *reply);
// Prints an object on a line, and frees it.
void json_print(json_t *object);

// Prints the whole answer, with the details of a refusal and one more member unless more_name is NULL.
void json_print_reply(const void *reply, const char *more_name, const char *more_text);
// Prints the entries of an answer's list, each on a line of its own.
void json_print_entries(const void *reply, const char *list);
// Prints one entry of an answer's list, as {"name": entry}.
void json_print_entry(const void *reply, const char *list, size_t index, const char *name);
void json_print_error(const struct postern_error *error);
// Prints each answer of a VerifyBatch on a line of its own: with one more member, or why that call failed.
void json_print_verify_batch(const struct postern_verify_batch_reply *reply, const char *more_name,
                             const char *const *more_texts);

#endif

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

// Prints the whole answer, with the details of a refusal.
void json_print_reply(const void *reply);
// Prints that of a Verify or RateCheck: also the id of its charge, and whether the policy decided it, as posternd could
// not be asked.
void json_print_decision(const void *reply, const char *charge_id, bool by_policy);
// Prints the entries of an answer's list, each on a line of its own.
void json_print_entries(const void *reply, const char *list);
// Prints one entry of an answer's list, as {"name": entry}.
void json_print_entry(const void *reply, const char *list, size_t index, const char *name);
void json_print_error(const struct postern_error *error);
// Prints each answer of a VerifyBatch on a line of its own, as json_print_decision does, or why that call failed.
void json_print_verify_batch(const struct postern_verify_batch_reply *reply, const char *const *charge_ids);

#endif

// What verify and ratecheck share: decisions in words, and the ids of charges.
#ifndef CLI_DECISION_H
#define CLI_DECISION_H

#include "cli.h"

// Prints the first words of an answer, ALLOWED or the reason, with the hint among its details.
void decision_print_verdict(bool allowed, enum postern_reason reason, const struct postern_reply_base *base);
void decision_print_meters(const struct postern_meter *meters, size_t count);
void decision_print_retry(uint64_t retry_after_ms);

// The id of a charge is written as 32 digits 0-9 a-f, and as "" when there is no id.
enum { DECISION_ID_SIZE = 2 * POSTERN_ID_SIZE + 1 };
const char *decision_id_text(bool has_id, const uint8_t id[POSTERN_ID_SIZE], char text[DECISION_ID_SIZE]);
// Reads an option whose value is an id, or "new", which makes one. NULL when it is not given.
// Errors: NULL after printing a misuse.
const uint8_t *decision_id_flag(struct cli *cli, const char *name);

#endif

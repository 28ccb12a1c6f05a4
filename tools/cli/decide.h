// What verify and ratecheck share: the verdict in words, and the id of a charge.
#ifndef CLI_DECIDE_H
#define CLI_DECIDE_H

#include "cli.h"

// The first words of an answer, up to what it is about.
void decide_print_verdict(bool allowed, enum postern_reason reason);

// The ids of charges are written as 32 digits 0-9 a-f.
enum { DECIDE_ID_SIZE = 2 * POSTERN_ID_SIZE + 1 };
const char *decide_id_text(const uint8_t id[POSTERN_ID_SIZE], char text[DECIDE_ID_SIZE]);
// What the flag says, an id or "new", which makes one; *id is NULL when it is not given. False: said so on stderr.
bool decide_id_flag(struct cli *cli, const char *name, const uint8_t **id);

// What verify asks, one or many: all but the token. False: said so on stderr, as a misuse.
bool decide_read_verify(struct cli *cli, struct postern_verify_request *request);
// The answer's first line, without its end.
void decide_print_verify(const struct postern_verify_reply *reply);

// --- verify_batch.c

int verify_batch_run(struct cli *cli); // verify --batch

#endif

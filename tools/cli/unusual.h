// What stands out in an hour of keys, for people.
#ifndef CLI_UNUSUAL_H
#define CLI_UNUSUAL_H

#include "cli.h"

enum { UNUSUAL_TEXT_SIZE = 160 };

// "calls 230 (usual 20), a new address", empty when nothing is.
const char *unusual_text(const struct postern_key *key, char text[UNUSUAL_TEXT_SIZE]);
// Lists the keys of `account` (NULL: of all, or of the credential's account) that stand out in the hour of `at_ms` (0:
// the running one). The exit status.
int unusual_run(struct cli *cli, const char *account, uint64_t at_ms);

#endif

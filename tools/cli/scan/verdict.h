// What posternd says of a token that was found, and its revocation where that is wanted.
#ifndef CLI_SCAN_VERDICT_H
#define CLI_SCAN_VERDICT_H

#include "cli.h"
#include "scan/find.h"

enum { VERDICT_REMEMBERED = 1024 };

struct verdict {
    char token[SCAN_TOKEN_MAX + 1];
    char key_id[SCAN_KEY_ID_SIZE + 1]; // here; a token that was imported has another installation's id in it
    char account[72];
    char name[136];
    const char *state; // as the protocol's KeyState, and UNKNOWN, SUSPENDED
    bool works;        // or may work again
    bool revoked;      // just now
    size_t input;      // for scan.c: where the token was found last
};

// Who asks. Posternd is asked once for each token, however often the token is found.
struct inquiry {
    struct cli *cli;
    bool revokes;                                  // secret keys that work
    struct verdict remembered[VERDICT_REMEMBERED]; // by the token's checksum
};

// Asks posternd about a token, unless it is remembered, and revokes it where that is wanted.
// Errors: NULL when posternd could not be asked, or did not revoke: cli->error says why.
struct verdict *verdict_ask(struct inquiry *inquiry, const struct scan_token *token);

#endif

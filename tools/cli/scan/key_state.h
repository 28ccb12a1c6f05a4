// What posternd says of a token that was found, and its revocation where that is wanted.
#ifndef CLI_SCAN_KEY_STATE_H
#define CLI_SCAN_KEY_STATE_H

#include "cli.h"
#include "scan/find.h"

enum { KEY_STATES_REMEMBERED = 1024 };

struct key_state {
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
    bool revokes;                                       // secret keys that work
    struct key_state remembered[KEY_STATES_REMEMBERED]; // by the token's checksum
};

// Asks posternd about a token, unless it is remembered, and revokes it where that is wanted.
// Errors: NULL when posternd could not be asked, or did not revoke: cli->error says why.
struct key_state *key_state_ask(struct inquiry *inquiry, const struct scan_token *token);

#endif

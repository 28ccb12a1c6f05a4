#include "support/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// To twice as many whenever a power of two is full.
static bool make_room(struct ledger *ledger)
{
    const size_t count = ledger->count;
    struct ledger_key *more;

    if ((count & (count - 1)) != 0)
        return true;
    more = realloc(ledger->keys, (count == 0 ? 1 : 2 * count) * sizeof(*more));
    if (more != NULL)
        ledger->keys = more;
    return more != NULL;
}

static bool add_key(struct ledger *ledger, size_t n, const struct ledger_key *key)
{
    if (n != ledger->count || !make_room(ledger))
        return false;
    ledger->keys[ledger->count++] = *key;
    return true;
}

static bool read_line(struct ledger *ledger, const char *line)
{
    struct ledger_key key = {.revoked = false};
    size_t n;

    if (sscanf(line, "C %zu %31s %256s", &n, key.id, key.token) == 3)
        return add_key(ledger, n, &key);
    if (sscanf(line, "A %zu", &n) == 1 && n < ledger->count) {
        ledger->keys[n].revoking = true;
        return true;
    }
    if (sscanf(line, "R %zu", &n) == 1 && n < ledger->count) {
        ledger->keys[n].revoked = true;
        return true;
    }
    return false;
}

bool ledger_read(const char *path, struct ledger *out)
{
    char line[512];
    FILE *file = fopen(path, "r");
    bool good = file != NULL;

    *out = (struct ledger){.count = 0};
    while (good && fgets(line, sizeof(line), file) != NULL && strchr(line, '\n') != NULL)
        good = read_line(out, line);
    if (file != NULL)
        fclose(file);
    if (!good)
        ledger_wipe(out);
    return good;
}

void ledger_wipe(struct ledger *ledger)
{
    free(ledger->keys);
    *ledger = (struct ledger){.count = 0};
}

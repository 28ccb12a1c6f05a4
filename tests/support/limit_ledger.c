#include "support/limit_ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_resets(char *text, struct limit_call_entry *entry)
{
    int wanted = entry->reset_count;
    char *rest = NULL;

    entry->reset_count = 0;
    for (char *word = strtok_r(text, " \n", &rest); word != NULL; word = strtok_r(NULL, " \n", &rest)) {
        struct limit_reset *reset = &entry->resets[entry->reset_count];
        char *equals = strchr(word, '=');

        if (equals == NULL || entry->reset_count == LIMIT_METERS_MAX || equals - word > LIMIT_MATCH_MAX)
            return false;
        *equals = '\0';
        snprintf(reset->meter, sizeof(reset->meter), "%s", word);
        reset->reset_at_ms = strtoll(equals + 1, NULL, 10);
        entry->reset_count++;
    }
    return entry->reset_count == wanted;
}

static bool read_entry(char *line, struct limit_call_entry *entry)
{
    int at = 0;

    *entry = (struct limit_call_entry){.call = -1};
    if (sscanf(line, "%" SCNd64 " %" SCNd64 " %d %c %" SCNd64 " %d%n", &entry->before_us, &entry->after_us,
               &entry->call, &entry->verdict, &entry->server_ms, &entry->reset_count, &at) != 6)
        return false;
    if (entry->before_us > entry->after_us || strchr("ADU", entry->verdict) == NULL)
        return false;
    return read_resets(line + at, entry);
}

static bool add_entry(struct limit_ledger *ledger, const struct limit_call_entry *entry)
{
    if ((ledger->count & (ledger->count - 1)) == 0) {
        size_t room = ledger->count == 0 ? 1 : ledger->count * 2;
        struct limit_call_entry *more = realloc(ledger->entries, room * sizeof(*more));

        if (more == NULL)
            return false;
        ledger->entries = more;
    }
    ledger->entries[ledger->count++] = *entry;
    return true;
}

bool limit_ledger_read(const char *path, struct limit_ledger *ledger)
{
    char line[LIMIT_LINE_MAX];
    struct limit_call_entry entry;
    FILE *file = fopen(path, "r");
    bool good = file != NULL;

    while (good && fgets(line, sizeof(line), file) != NULL && strchr(line, '\n') != NULL) {
        good = read_entry(line, &entry);
        entry.client = ledger->clients;
        good = good && add_entry(ledger, &entry);
    }
    ledger->clients++;
    if (file != NULL)
        fclose(file);
    return good;
}

void limit_ledger_wipe(struct limit_ledger *ledger)
{
    free(ledger->entries);
    *ledger = (struct limit_ledger){.count = 0};
}

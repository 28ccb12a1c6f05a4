// Reads what `git log -p` says between the lines of a change: which commit, which file.
#include "scan/history.h"

#include <stdio.h>
#include <string.h>

// A file that the commit takes away has its name before the change only.
static void read_line(struct scan_history *history)
{
    char hash[sizeof history->commit + 1];
    int size = 0;
    (void)sscanf(history->line, "commit %65[0-9a-f]%n", hash, &size);
    size_t digits = size > 0 ? strlen(hash) : 0;
    if (digits >= 7 && digits < sizeof history->commit && strchr(" ", history->line[size]) != NULL) {
        memcpy(history->commit, hash, digits + 1);
        history->path[0] = '\0';
    } else if (strncmp(history->line, "--- a/", 6) == 0 || strncmp(history->line, "+++ b/", 6) == 0) {
        snprintf(history->path, sizeof history->path, "%.*s", (int)sizeof history->path - 1, history->line + 6);
    }
}

void scan_history_feed(struct scan_history *history, const char *bytes, size_t size)
{
    size_t room = sizeof history->line - 1 - history->used;
    memcpy(history->line + history->used, bytes, size < room ? size : room);
    history->used += size < room ? size : room;
    if (size == 0 || bytes[size - 1] != '\n')
        return;
    history->line[history->used] = '\0';
    char *end = strchr(history->line, '\n');
    if (end != NULL)
        *end = '\0';
    read_line(history);
    history->used = 0;
}

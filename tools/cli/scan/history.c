#include "scan/history.h"

#include <stdio.h>
#include <string.h>

// A file that the commit takes away has its name before the change only.
static void read_line(struct scan_history *history)
{
    static const char commit[] = "commit ", before[] = "--- a/", after[] = "+++ b/";
    const char *line = history->line;
    if (strncmp(line, commit, sizeof commit - 1) == 0) {
        const char *hash = line + sizeof commit - 1;
        size_t size = strspn(hash, "0123456789abcdef");
        if (size < 7 || size >= sizeof history->commit || (hash[size] != '\0' && hash[size] != ' '))
            return;
        memcpy(history->commit, hash, size);
        history->commit[size] = '\0';
        history->path[0] = '\0';
    } else if (strncmp(line, before, sizeof before - 1) == 0 || strncmp(line, after, sizeof after - 1) == 0) {
        _Static_assert(sizeof before == sizeof after, "the name begins at the same place");
        snprintf(history->path, sizeof history->path, "%.*s", (int)sizeof history->path - 1, line + sizeof after - 1);
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

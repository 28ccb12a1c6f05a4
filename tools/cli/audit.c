// audit: shows who changed what, and when.
#include "list.h"

#include <string.h>

static const char *value_of(const struct postern_entry *entries, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(entries[i].key, key) == 0)
            return entries[i].value;
    return NULL;
}

// Writes the resources whose meters were reset, each with the change that did it: "tokens by change 157".
static const char *shown_resets(const char *resets, char text[OUTPUT_LIST_SIZE])
{
    text[0] = '\0';
    while (*resets != '\0') {
        int size = (int)strcspn(resets, " "), name = (int)strcspn(resets, "= ");
        output_append(text, ", ", "%.*s by change %.*s", name, resets, size > name ? size - name - 1 : 0,
                      resets + name + 1);
        resets += size + (resets[size] != '\0');
    }
    return text[0] != '\0' ? text : "none";
}

// Returns a value as people read it: a moment as a date, what is not set as "none".
static const char *shown_value(const char *key, const char *value, char buffer[OUTPUT_LIST_SIZE])
{
    const char *rest;
    uint64_t at_ms;
    size_t size = strlen(key);
    if (value != NULL && strcmp(key, "meter_resets") == 0)
        return shown_resets(value, buffer);
    bool is_moment = value != NULL && size > 3 && strcmp(key + size - 3, "_ms") == 0;
    if (is_moment && value_digits(value, &at_ms, &rest) && *rest == '\0')
        return output_time(at_ms, "none", buffer);
    return value != NULL && value[0] != '\0' ? value : "none";
}

// Do the other columns tell this already of a new record?
static bool is_known(const struct postern_change *change, const char *key)
{
    return change->before_count == 0 &&
           (strcmp(key, "created_at_ms") == 0 || strcmp(key, "created_by") == 0 || strcmp(key, "lineage_id") == 0);
}

static void append_field(char *text, const struct postern_change *change, const char *key)
{
    char old[OUTPUT_LIST_SIZE], now[OUTPUT_LIST_SIZE];
    const char *before = value_of(change->before, change->before_count, key);
    const char *after = value_of(change->after, change->after_count, key);
    bool is_new = change->before_count == 0;
    output_append(text, "; ", "%s: %s%s%s", key, is_new ? "" : shown_value(key, before, old), is_new ? "" : " -> ",
                  shown_value(key, after, now));
}

// Writes "name: a -> b; enabled: true -> false"; of what is gone "removed scope: read; implies: list".
static void summarize(const struct postern_change *change, char text[OUTPUT_LIST_SIZE])
{
    char old[OUTPUT_LIST_SIZE];
    bool is_removed = change->after_count == 0;
    text[0] = '\0';
    for (size_t i = 0; i < change->after_count; i++)
        if (!is_known(change, change->after[i].key))
            append_field(text, change, change->after[i].key);
    for (size_t i = 0; i < change->before_count; i++) {
        const char *key = change->before[i].key;
        if (is_removed)
            output_append(text, "; ", "%s%s: %s", i == 0 ? "removed " : "", key,
                          shown_value(key, change->before[i].value, old));
        else if (value_of(change->after, change->after_count, key) == NULL)
            append_field(text, change, key);
    }
}

static void add_change(struct table *table, const void *entry, uint64_t now_ms)
{
    const struct postern_change *change = entry;
    char at[OUTPUT_TIME_SIZE], summary[OUTPUT_LIST_SIZE];
    (void)now_ms;
    summarize(change, summary);
    table_add(table, "%llu\t%s\t%s%s%s\t%s\t%s\t%s\t%s", (unsigned long long)change->seq,
              output_time(change->time_ms, "", at), change->actor, change->on_behalf_of[0] != '\0' ? " for " : "",
              change->on_behalf_of, change->what, change->account, change->key_id, summary);
}

static enum postern_status ask_changes(struct cli *cli, const struct list_position *at, const void *filter,
                                       struct list_page *page)
{
    struct postern_list_changes_request request = *(const struct postern_list_changes_request *)filter;
    struct postern_list_changes_reply *reply = NULL;
    request.page_size = at->size;
    request.page_token = at->token;
    request.page_token_size = at->token_size;
    enum postern_status status = postern_list_changes(cli->client, &request, &reply, &cli->error);
    if (status == POSTERN_OK)
        *page = (struct list_page){&reply->base, reply->changes, reply->change_count, reply->next_page_token,
                                   reply->next_page_token_size};
    return status;
}

static void run_audit(struct cli *cli)
{
    static const struct list changes = {.name = "changes",
                                        .none = "No such changes.",
                                        .heads = "SEQ\tTIME\t+WHO\tWHAT\t+ACCOUNT\tKEY\t+CHANGES",
                                        .entry_size = sizeof(struct postern_change),
                                        .ask = ask_changes,
                                        .add_row = add_change,
                                        .gapless_page_size = 100,
                                        .json_lines = true};
    const struct postern_list_changes_request filter = {.actor = argument_text(cli, "actor"),
                                                        .account = argument_text(cli, "account"),
                                                        .key_id = argument_text(cli, "key"),
                                                        .from_ms = moment_flag(cli, "from", true),
                                                        .to_ms = moment_flag(cli, "to", true)};
    list_run(cli, &changes, &filter);
}

static const struct flag audit_flags[] = {
    {"from", "TIME", "7d (ago), 2027-01-31, 2027-01-31T12:00:00Z or Unix milliseconds"},
    {"to", "TIME", "up to then (default now)"},
    {"actor", "WHO", "what this one changed: uid:1000, or the id of a key"},
    {"account", "ID", "what was changed of this account"},
    {"key", "KEY_ID", "what was changed of this key"},
    {0},
};

const struct command audit_commands[] = {
    {"audit", "", "show who changed what, and when", audit_flags, run_audit,
     .help = "All changes, oldest first; with --json one object on a line for each, with all its fields.\n"
             "  postern audit --account acme --from 30d"},
    {0},
};

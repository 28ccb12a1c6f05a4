// audit: who changed what, and when.
#include "command.h"
#include "page.h"
#include "table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUMMARY_SIZE = 512 };

static const char *value_of(const struct postern_entry *entries, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(entries[i].key, key) == 0)
            return entries[i].value;
    return "";
}

// Moments as people read them; nothing is called so.
static const char *shown(const char *key, const char *value, char buffer[OUTPUT_TIME_SIZE])
{
    size_t size = strlen(key);
    if (size > 3 && strcmp(key + size - 3, "_ms") == 0)
        return output_time(strtoull(value, NULL, 10), "none", buffer);
    return value[0] != '\0' ? value : "none";
}

// Of a new record the other columns tell this already.
static bool is_known(const struct postern_change *change, const char *key)
{
    return change->before_count == 0 &&
           (strcmp(key, "created_at_ms") == 0 || strcmp(key, "created_by") == 0 || strcmp(key, "lineage_id") == 0);
}

static size_t append(char text[SUMMARY_SIZE], size_t size, const struct postern_change *change, const char *key)
{
    char old[OUTPUT_TIME_SIZE], now[OUTPUT_TIME_SIZE];
    const char *before = value_of(change->before, change->before_count, key);
    const char *after = value_of(change->after, change->after_count, key);
    bool is_new = change->before_count == 0;
    if (size < SUMMARY_SIZE)
        size += (size_t)snprintf(text + size, SUMMARY_SIZE - size, "%s%s: %s%s%s", size > 0 ? "; " : "", key,
                                 is_new ? "" : shown(key, before, old), is_new ? "" : " -> ", shown(key, after, now));
    return size;
}

// "removed scope: read; implies: list"
static void summarize_removed(const struct postern_change *change, char text[SUMMARY_SIZE])
{
    char old[OUTPUT_TIME_SIZE];
    size_t size = 0;
    for (size_t i = 0; i < change->before_count && size < SUMMARY_SIZE; i++)
        size += (size_t)snprintf(text + size, SUMMARY_SIZE - size, "%s %s: %s", i > 0 ? ";" : "removed",
                                 change->before[i].key, shown(change->before[i].key, change->before[i].value, old));
}

// "name: a -> b; enabled: true -> false", cut where the room ends.
static void summarize(const struct postern_change *change, char text[SUMMARY_SIZE])
{
    size_t size = 0;
    text[0] = '\0';
    for (size_t i = 0; i < change->after_count; i++)
        if (!is_known(change, change->after[i].key))
            size = append(text, size, change, change->after[i].key);
    for (size_t i = 0; change->after_count > 0 && i < change->before_count; i++) {
        const char *key = change->before[i].key;
        bool is_gone = true;
        for (size_t n = 0; n < change->after_count; n++)
            is_gone = is_gone && strcmp(change->after[n].key, key) != 0;
        if (is_gone)
            size = append(text, size, change, key);
    }
    if (change->after_count == 0)
        summarize_removed(change, text);
}

static void add_rows(struct table *table, const struct postern_list_changes_reply *reply)
{
    char at[OUTPUT_TIME_SIZE], summary[SUMMARY_SIZE];
    for (size_t i = 0; i < reply->change_count; i++) {
        const struct postern_change *change = &reply->changes[i];
        bool for_other = change->on_behalf_of[0] != '\0';
        summarize(change, summary);
        table_add(table, "%llu", (unsigned long long)change->seq);
        table_add(table, "%s", output_time(change->time_ms, "", at));
        table_add(table, "%s%s%s", change->actor, for_other ? " for " : "", change->on_behalf_of);
        table_add(table, "%s", change->what);
        table_add(table, "%s", change->account);
        table_add(table, "%s", change->key_id);
        table_add(table, "%s", summary);
    }
}

struct audit {
    struct postern_list_changes_request request;
    struct table table;
};

static int show_changes(struct cli *cli, struct page *page, void *context)
{
    struct audit *audit = context;
    struct postern_list_changes_reply *reply = NULL;
    audit->request.page_size = page->size;
    audit->request.page_token = page->token;
    audit->request.page_token_size = page->token_size;
    if (postern_list_changes(cli->client, &audit->request, &reply, &cli->error) != POSTERN_OK)
        return call_failed(cli);
    add_rows(&audit->table, reply);
    if (cli->json)
        output_json_entries(reply, "changes");
    else
        table_print(&audit->table);
    page_shown(cli, page, reply->change_count, reply->next_page_token, reply->next_page_token_size);
    postern_reply_free(reply);
    return CLI_DONE;
}

static bool read_audit(struct cli *cli, struct postern_list_changes_request *request)
{
    request->actor = argument_text(cli, "actor");
    request->account = argument_text(cli, "account");
    request->key_id = argument_text(cli, "key");
    return value_moment_flag(cli, "from", true, &request->from_ms) &&
           value_moment_flag(cli, "to", true, &request->to_ms);
}

static int run_audit(struct cli *cli)
{
    static const char *const heads[] = {"SEQ", "TIME", "WHO", "WHAT", "ACCOUNT", "KEY", "CHANGES"};
    struct audit audit = {0};
    struct page page = {.all = true}; // a record with gaps is none
    if (!read_audit(cli, &audit.request))
        return CLI_MISUSED;
    table_begin(&audit.table, heads, sizeof heads / sizeof heads[0]);
    int status = page_run(cli, &page, "No such changes.", show_changes, &audit);
    table_end(&audit.table);
    return status;
}

static const struct flag audit_flags[] = {
    {"from", "TIME", false, "7d (ago), 2027-01-31T12:00:00Z or Unix milliseconds"},
    {"to", "TIME", false, "up to then (default now)"},
    {"actor", "WHO", false, "what this one changed: uid:1000, or the id of a key"},
    {"account", "ID", false, "what was changed of this account"},
    {"key", "KEY_ID", false, "what was changed of this key"},
    {0},
};

const struct command command_audit = {
    .words = "audit",
    .operands = "",
    .summary = "show who changed what, and when",
    .flags = audit_flags,
    .notes = "All changes, oldest first; with --json one object on a line for each, with all its fields.\n"
             "  postern audit --account acme --from 30d",
    .run = run_audit,
};

// list: keys, and those that want attention.
#include "command.h"
#include "page.h"
#include "table.h"
#include "unusual.h"

enum { COLUMNS_USUALLY = 9, COLUMNS_WITH_UNUSUAL };

static void add_rows(struct table *table, const struct postern_list_reply *reply)
{
    uint64_t now = reply->base.server_time_ms;
    char word[32], when[OUTPUT_TIME_SIZE], why[UNUSUAL_TEXT_SIZE];
    for (size_t i = 0; i < reply->key_count; i++) {
        const struct postern_key *key = &reply->keys[i];
        table_add(table, "%s", key->key_id);
        table_add(table, "%s", key->account);
        table_add(table, "%s", key->name);
        table_add(table, "%s", output_lower(postern_key_state_name(key->state), word, sizeof word));
        table_add(table, "%s", output_lower(postern_environment_name(key->environment), word, sizeof word));
        table_add(table, "%s", output_lower(postern_key_type_name(key->type), word, sizeof word));
        table_add(table, "%s", output_when(key->created_at_ms, now, "", when));
        table_add(table, "%s", output_when(key->expires_at_ms, now, "never", when));
        table_add(table, "%s", output_when(key->last_used_at_ms, now, "never", when));
        if (table->columns == COLUMNS_WITH_UNUSUAL)
            table_add(table, "%s", unusual_text(key, why));
    }
}

static bool read_list(struct cli *cli, struct postern_list_request *request)
{
    request->account = argument_text(cli, "account");
    request->never_used = argument_has(cli, "never-used");
    request->unusual = argument_has(cli, "unusual");
    request->with_unusual = argument_has(cli, "with-unusual");
    return value_key_state_flag(cli, &request->state) && value_environment_flag(cli, &request->environment) &&
           value_moment_flag(cli, "older-than", true, &request->created_before_ms) &&
           value_moment_flag(cli, "expires-within", false, &request->expires_before_ms) &&
           value_moment_flag(cli, "not-rolled-since", true, &request->last_rolled_before_ms);
}

struct list {
    struct postern_list_request request;
    struct table table;
};

static int show_keys(struct cli *cli, struct page *page, void *context)
{
    struct list *list = context;
    struct postern_list_reply *reply = NULL;
    list->request.page_size = page->size;
    list->request.page_token = page->token;
    list->request.page_token_size = page->token_size;
    if (postern_list(cli->client, &list->request, &reply, &cli->error) != POSTERN_OK)
        return call_failed(cli);
    add_rows(&list->table, reply);
    if (cli->json)
        output_json(reply, NULL, NULL);
    else
        table_print(&list->table);
    page_shown(cli, page, reply->key_count, reply->next_page_token, reply->next_page_token_size);
    postern_reply_free(reply);
    return CLI_DONE;
}

static int run_list(struct cli *cli)
{
    static const char *const heads[COLUMNS_WITH_UNUSUAL] = {"KEY_ID", "ACCOUNT", "NAME",    "STATE",     "ENV",
                                                            "TYPE",   "CREATED", "EXPIRES", "LAST USED", "UNUSUAL"};
    struct list list = {0};
    struct page page = {0};
    if (!read_list(cli, &list.request) || !page_read(cli, &page))
        return CLI_MISUSED;
    bool shows_unusual = list.request.unusual || list.request.with_unusual;
    table_begin(&list.table, heads, shows_unusual ? COLUMNS_WITH_UNUSUAL : COLUMNS_USUALLY);
    int status = page_run(cli, &page, "No such keys.", show_keys, &list);
    table_end(&list.table);
    return status;
}

static const struct flag list_flags[] = {
    {"account", "ID", false, "of this account only"},
    {"state", "STATE", false, "active, rolling, disabled, expired or revoked"},
    {"env", "test|live", false, "of this environment only"},
    {"older-than", "TIME", false, "made longer ago than 90d, or before 2027-01-31T12:00:00Z"},
    {"expires-within", "TIME", false, "whose expiry is less than 30d away, or before 2027-01-31T12:00:00Z"},
    {"not-rolled-since", "TIME", false, "with a secret older than 90d, or than 2027-01-31T12:00:00Z"},
    {"never-used", NULL, false, "those that were never used"},
    {"unusual", NULL, false, "those whose running hour stands out from their own past, and why"},
    {"with-unusual", NULL, false, "show that of every key, and with --json what is usual; at most 100 keys at once"},
    {PAGE_SIZE_FLAG},
    {PAGE_TOKEN_FLAG},
    {PAGE_ALL_FLAG},
    {0},
};

const struct command command_list = {
    .words = "list",
    .operands = "",
    .summary = "list keys",
    .flags = list_flags,
    .notes = "Filters that are given must all hold. Keys that want attention:\n"
             "  postern list --state active --not-rolled-since 90d\n"
             "  postern list --state active --expires-within 30d",
    .run = run_list,
};

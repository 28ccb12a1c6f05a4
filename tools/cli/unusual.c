#include "unusual.h"

#include "page.h"
#include "table.h"

#include <stdio.h>

enum { EXAMINED_MAX = 250 };

static int add(const struct postern_key *key, enum postern_unusual unusual, char *text, size_t room)
{
    const struct postern_activity *activity = key->activity;
    switch (unusual) {
    case POSTERN_UNUSUAL_VOLUME:
        return snprintf(text, room, "%llu calls (usual %llu)", (unsigned long long)activity->calls,
                        (unsigned long long)activity->usual_calls);
    case POSTERN_UNUSUAL_REFUSALS:
        return snprintf(text, room, "%llu refusals (usual %llu)", (unsigned long long)activity->refusals,
                        (unsigned long long)activity->usual_refusals);
    case POSTERN_UNUSUAL_NEW_ADDRESS:
        return snprintf(text, room, "a new address");
    case POSTERN_UNUSUAL_UNSPECIFIED:
        break;
    }
    return snprintf(text, room, "%s", postern_unusual_name(unusual)); // of a newer posternd
}

const char *unusual_text(const struct postern_key *key, char text[UNUSUAL_TEXT_SIZE])
{
    size_t size = 0;
    text[0] = '\0';
    for (size_t i = 0; i < key->unusual_count && key->activity != NULL && size < UNUSUAL_TEXT_SIZE; i++) {
        size += (size_t)snprintf(text + size, UNUSUAL_TEXT_SIZE - size, "%s", i > 0 ? ", " : "");
        if (size < UNUSUAL_TEXT_SIZE)
            size += (size_t)add(key, key->unusual[i], text + size, UNUSUAL_TEXT_SIZE - size);
    }
    return text;
}

static void add_rows(struct table *table, const struct postern_list_reply *reply)
{
    uint64_t now = reply->base.server_time_ms;
    char why[UNUSUAL_TEXT_SIZE], when[OUTPUT_TIME_SIZE];
    for (size_t i = 0; i < reply->key_count; i++) {
        const struct postern_key *key = &reply->keys[i];
        bool has_address = key->last_used_address[0] != '\0';
        table_add(table, "%s", key->key_id);
        table_add(table, "%s", key->account);
        table_add(table, "%s", key->name);
        table_add(table, "%s%s%s", output_when(key->last_used_at_ms, now, "never", when), has_address ? " from " : "",
                  key->last_used_address);
        table_add(table, "%s", unusual_text(key, why));
    }
}

struct unusual {
    struct postern_list_request request;
    struct table table;
};

static int show_keys(struct cli *cli, struct page *page, void *context)
{
    struct unusual *unusual = context;
    struct postern_list_reply *reply = NULL;
    unusual->request.page_token = page->token;
    unusual->request.page_token_size = page->token_size;
    if (postern_list(cli->client, &unusual->request, &reply, &cli->error) != POSTERN_OK)
        return call_failed(cli);
    add_rows(&unusual->table, reply);
    if (cli->json)
        output_json_entries(reply, "keys");
    else
        table_print(&unusual->table);
    page_shown(cli, page, reply->key_count, reply->next_page_token, reply->next_page_token_size);
    postern_reply_free(reply);
    return CLI_DONE;
}

int unusual_run(struct cli *cli, const char *account, uint64_t at_ms)
{
    static const char *const heads[] = {"KEY_ID", "ACCOUNT", "NAME", "LAST USED", "UNUSUAL"};
    struct unusual unusual = {
        .request = {.account = account, .unusual = true, .unusual_at_ms = at_ms, .page_size = EXAMINED_MAX}};
    struct page page = {.all = true};
    table_begin(&unusual.table, heads, sizeof heads / sizeof heads[0]);
    int status = page_run(cli, &page, "Nothing is unusual in that hour.", show_keys, &unusual);
    table_end(&unusual.table);
    return status;
}

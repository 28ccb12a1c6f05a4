// Prints a list page by page, as the pages come, and goes on while there are more and the command line wants them.
#include "list.h"

#include "json.h"

#include <string.h>

const struct flag list_flags[] = {{PAGE_SIZE_FLAG}, {PAGE_TOKEN_FLAG}, {PAGE_ALL_FLAG}, {0}};

static struct list_position read_position(struct cli *cli, const struct list *list)
{
    const char *token = argument_text(cli, "page-token");
    uint64_t size = value_number(cli, "page-size", 1, 500);
    struct list_position at = {.size = size > 0 ? (uint32_t)size : list->gapless_page_size};
    if (token != NULL) {
        uint8_t *bytes = cli_keep(cli, strlen(token) + 1, 1);
        at.token = bytes;
        if (!value_base64(token, bytes, strlen(token), &at.token_size))
            misuse(cli, "--page-token \"%s\" is not the \"next_page_token\" of an earlier page", token);
    }
    return at;
}

void list_move_on(struct cli *cli, struct list_position *at, const struct list_page *page)
{
    uint8_t *token = cli_keep(cli, page->next_page_token_size + 1, 1);
    if (page->next_page_token_size > 0)
        memcpy(token, page->next_page_token, page->next_page_token_size);
    at->token = token;
    at->token_size = page->next_page_token_size;
    postern_reply_free(page->reply);
}

const void *list_entry(const struct list *list, const struct list_page *page, size_t n)
{
    return (const char *)page->entries + n * list->entry_size;
}

static void show_page(const struct cli *cli, const struct list *list, const struct list_page *page, struct table *table)
{
    const uint64_t now_ms = page->reply->server_time_ms;
    for (size_t n = 0; n < page->count; n++) {
        if (list->schema != NULL)
            schema_add_row(table, list->schema, list_entry(list, page, n), now_ms);
        else
            list->add_row(table, list_entry(list, page, n), now_ms);
    }
    if (cli->json && list->json_lines && page->count > 0)
        json_print_entries(page->reply, list->name);
    else if (call_in_words(cli, page->reply))
        table_print(table);
}

void list_run(struct cli *cli, const struct list *list, const void *filter)
{
    struct list_position at = read_position(cli, list);
    size_t shown = 0;
    bool all = list->gapless_page_size > 0 || argument_has(cli, "all");
    if (!cli_good(cli))
        return;
    struct table *table = list->schema != NULL ? schema_table_new(list->schema, list->columns) : table_new(list->heads);
    do {
        struct list_page page;
        if (!call_done(cli, list->ask(cli, &at, filter, &page)))
            break;
        bool is_last = page.next_page_token_size == 0;
        if (page.count > 0 || list->gapless_page_size == 0 || (is_last && shown == 0))
            show_page(cli, list, &page, table);
        shown += page.count;
        list_move_on(cli, &at, &page);
    } while (at.token_size > 0 && (all || (shown == 0 && !cli->json)));
    table_free(table);
    if (cli->json || !cli_good(cli))
        return;
    if (shown == 0)
        fprintf(stderr, "%s\n", list->none);
    else if (at.token_size > 0)
        fprintf(stderr, "There are more; all of them: postern %s --all\n", cli->command->words);
}

enum postern_status list_seek(struct cli *cli, const struct list *list, struct list_page *page, size_t *index)
{
    const char *what = list->schema->name;
    struct list_position at = {.size = 500};
    do {
        enum postern_status status = list->ask(cli, &at, NULL, page);
        if (status != POSTERN_OK)
            return status;
        for (*index = 0; *index < page->count; ++*index)
            if (strcmp(*(const char *const *)list_entry(list, page, *index), cli->operands[0]) == 0)
                return POSTERN_OK;
        list_move_on(cli, &at, page);
    } while (at.token_size > 0);
    cli->error = (struct postern_error){.status = POSTERN_NOT_FOUND};
    snprintf(cli->error.message, sizeof cli->error.message, "there is no %s \"%.100s\"; see them: postern %s list",
             what, cli->operands[0], what);
    return POSTERN_NOT_FOUND;
}

void list_find(struct cli *cli, const struct list *list)
{
    struct list_page page;
    size_t index;
    if (!call_done(cli, list_seek(cli, list, &page, &index)))
        return;
    if (cli->json)
        json_print_entry(page.reply, list->name, index, list->schema->name);
    else
        schema_print_line(list->schema, list_entry(list, &page, index));
    postern_reply_free(page.reply);
}

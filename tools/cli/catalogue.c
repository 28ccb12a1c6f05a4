#include "catalogue.h"

#include <stdio.h>
#include <string.h>

const struct flag catalogue_list_flags[] = {{PAGE_SIZE_FLAG}, {PAGE_TOKEN_FLAG}, {PAGE_ALL_FLAG}, {0}};

static int ask(struct cli *cli, const struct catalogue *catalogue, const struct page *page,
               struct catalogue_page *answer)
{
    return catalogue->ask(cli, page, answer) == POSTERN_OK ? CLI_DONE : call_failed(cli);
}

static void end(struct cli *cli, struct page *page, const struct catalogue_page *answer)
{
    page_shown(cli, page, answer->count, answer->next_page_token, answer->next_page_token_size);
    postern_reply_free(answer->reply);
}

static const void *entry_at(const struct catalogue *catalogue, const struct catalogue_page *answer, size_t n)
{
    return (const char *)answer->entries + n * catalogue->entry_size;
}

// ------------------------------------------------------------------------------------------------------------- list

struct listing {
    const struct catalogue *catalogue;
    struct table table;
};

static int show_page(struct cli *cli, struct page *page, void *context)
{
    struct listing *listing = context;
    const struct catalogue *catalogue = listing->catalogue;
    struct catalogue_page answer;
    int status = ask(cli, catalogue, page, &answer);
    if (status != CLI_DONE)
        return status;
    for (size_t n = 0; n < answer.count; n++)
        catalogue->add_row(&listing->table, entry_at(catalogue, &answer, n), answer.reply->server_time_ms);
    if (cli->json)
        output_json(answer.reply, NULL, NULL);
    else
        table_print(&listing->table);
    end(cli, page, &answer);
    return CLI_DONE;
}

int catalogue_list(struct cli *cli, const struct catalogue *catalogue)
{
    struct listing listing = {.catalogue = catalogue};
    struct page page = {0};
    if (!page_read(cli, &page))
        return CLI_MISUSED;
    table_begin(&listing.table, catalogue->heads, catalogue->columns);
    int status = page_run(cli, &page, catalogue->none, show_page, &listing);
    table_end(&listing.table);
    return status;
}

// -------------------------------------------------------------------------------------------------------------- get

static int find_on_page(struct cli *cli, const struct catalogue *catalogue, struct page *page, bool *found)
{
    struct catalogue_page answer;
    int status = ask(cli, catalogue, page, &answer);
    if (status != CLI_DONE)
        return status;
    for (size_t n = 0; n < answer.count; n++) {
        const void *entry = entry_at(catalogue, &answer, n);
        if (strcmp(*(const char *const *)entry, cli->operands[0]) != 0)
            continue;
        *found = true;
        if (cli->json)
            output_json_entry(answer.reply, catalogue->list, n, catalogue->entry);
        else
            catalogue->print(entry);
    }
    end(cli, page, &answer);
    return CLI_DONE;
}

int catalogue_get(struct cli *cli, const struct catalogue *catalogue)
{
    struct page page = {.size = 500};
    bool found = false;
    int status = call_open(cli);
    if (status == CLI_DONE)
        status = find_on_page(cli, catalogue, &page, &found);
    while (status == CLI_DONE && !found && page.token_size > 0)
        status = find_on_page(cli, catalogue, &page, &found);
    if (status != CLI_DONE || found)
        return status;
    cli->error = (struct postern_error){.status = POSTERN_NOT_FOUND};
    snprintf(cli->error.message, sizeof cli->error.message, "there is no %s \"%.100s\"; see them: postern %s list",
             catalogue->entry, cli->operands[0], catalogue->entry);
    return call_failed(cli);
}

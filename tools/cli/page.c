#include "page.h"

#include <stdio.h>
#include <string.h>

bool page_read(struct cli *cli, struct page *page)
{
    const char *token = argument_text(cli, "page-token");
    uint64_t size = 0;
    page->all = argument_has(cli, "all");
    if (token != NULL && !value_base64(cli, token, &page->token, &page->token_size)) {
        misuse(cli, "--page-token \"%s\" is not what next_page_token said", token);
        return false;
    }
    if (!value_number(cli, "page-size", 500, &size))
        return false;
    page->size = (uint32_t)size;
    return true;
}

void page_shown(struct cli *cli, struct page *page, size_t count, const uint8_t *next, size_t next_size)
{
    uint8_t *token = cli_keep(cli, next_size + 1, 1);
    if (next_size > 0)
        memcpy(token, next, next_size);
    page->token = token;
    page->token_size = next_size;
    page->shown += count;
}

int page_run(struct cli *cli, struct page *page, const char *none,
             int (*show)(struct cli *cli, struct page *page, void *context), void *context)
{
    int status = call_open(cli);
    if (status == CLI_DONE)
        status = show(cli, page, context);
    while (status == CLI_DONE && page->token_size > 0 && (page->all || (page->shown == 0 && !cli->json)))
        status = show(cli, page, context);
    if (status != CLI_DONE || cli->json)
        return status;
    if (page->shown == 0)
        fprintf(stderr, "%s\n", none);
    else if (page->token_size > 0)
        fprintf(stderr, "There are more; all of them: postern %s --all\n", cli->command->words);
    return CLI_DONE;
}

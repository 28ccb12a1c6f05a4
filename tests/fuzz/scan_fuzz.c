// Streams that are scanned for tokens: what is found does not depend on the pieces in which the bytes come.
#include <stdlib.h>
#include <string.h>

#include "scan/search.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    size_t count;
    uint64_t lines;
    size_t sizes;
};

static void note(void *context, const struct scan_token *token)
{
    struct seen *seen = context;
    seen->count++;
    seen->lines += token->line;
    seen->sizes += strlen(token->text);
    if (token->line == 0 || strlen(token->key_id) != SCAN_KEY_ID_SIZE || strlen(token->text) > SCAN_TOKEN_MAX)
        abort();
}

static struct seen search_in_pieces(struct scan_search *search, const uint8_t *data, size_t size, size_t piece)
{
    struct seen seen = {0};
    scan_search_begin(search, note, &seen);
    for (size_t at = 0; at < size; at += piece)
        scan_search_feed(search, data + at, size - at < piece ? size - at : piece);
    scan_search_finish(search);
    return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scan_search *search = malloc(sizeof *search);
    if (search == NULL)
        return 0;
    size_t piece = size > 0 ? 1 + data[0] : 1;
    struct seen whole = search_in_pieces(search, data, size, size > 0 ? size : 1);
    struct seen parts = search_in_pieces(search, data, size, piece);
    if (whole.count != parts.count || whole.lines != parts.lines || whole.sizes != parts.sizes)
        abort();
    free(search);
    return 0;
}

// Limits as text: what libpostern accepts and the daemon completes has a canonical text, which means the same.
#include <stdlib.h>

#include "support/limit_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_text(const char *bytes)
{
    struct limit limit, again;
    struct status_failure failure;
    char text[LIMIT_TEXT_MAX + 1];
    if (limit_text_read(bytes, &limit, &failure) != STATUS_OK)
        return;
    size_t length = limit_format(&limit, text);
    if (length > LIMIT_TEXT_MAX || strlen(text) != length || limit_text_read(text, &again, &failure) != STATUS_OK)
        abort();
    if (!slice_equal(limit.resource, again.resource) || limit.unlimited != again.unlimited ||
        limit.amount != again.amount || limit.burst != again.burst || limit.window_s != again.window_s ||
        limit.period != again.period || limit.algorithm != again.algorithm)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1); // so that ASan sees a byte too many
    if (text == NULL)
        abort();
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    try_text(text);
    free(text);
    return 0;
}

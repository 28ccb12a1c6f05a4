// Limits as text: what is accepted is complete, and its canonical text means the same.
#include <stdlib.h>
#include <string.h>

#include "limit/limit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct limit limit, again;
    struct status_failure failure;
    char text[LIMIT_TEXT_MAX + 1];
    if (limit_parse(slice_make(data, size), &limit, &failure) != STATUS_OK)
        return 0;
    size_t length = limit_format(&limit, text);
    if (length > LIMIT_TEXT_MAX || limit_parse(slice_make(text, length), &again, &failure) != STATUS_OK)
        abort();
    if (!slice_equal(limit.resource, again.resource) || limit.unlimited != again.unlimited ||
        limit.amount != again.amount || limit.burst != again.burst || limit.window_s != again.window_s ||
        limit.period != again.period || limit.algorithm != again.algorithm)
        abort();
    return 0;
}

// Limits from their text, for tests and benchmarks: the daemon itself never reads one. The text is read by libpostern,
// and the limit completed as the daemon does it.
#ifndef SUPPORT_LIMIT_TEXT_H
#define SUPPORT_LIMIT_TEXT_H

#include <string.h>

#include "limit/limit.h"
#include "postern/postern.h"

// The resource points into `text`. Errors: INVALID_ARGUMENT, as postern_limit_parse and limit_complete.
STATUS_MUST_CHECK static inline enum status limit_text_read(const char *text, struct limit *out,
                                                            struct status_failure *failure)
{
    struct postern_limit parsed;
    struct postern_error error;
    if (postern_limit_parse(text, &parsed, &error) != POSTERN_OK)
        return status_fail(failure, STATUS_INVALID_ARGUMENT, "limit", "%s", error.message);
    *out =
        (struct limit){.resource = slice_make((const uint8_t *)text, strlen(parsed.resource)),
                       .algorithm = (enum limit_algorithm)parsed.algorithm, // the numbers of the wire, as the period's
                       .amount = parsed.amount,
                       .window_s = parsed.window_s,
                       .period = (enum limit_period)parsed.period,
                       .burst = parsed.burst,
                       .unlimited = parsed.unlimited,
                       .shadow = parsed.shadow};
    return limit_complete(out, failure);
}

#endif

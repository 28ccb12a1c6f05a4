// Meters and reasons in words.
#include "cli.h"

#include <stdio.h>
#include <string.h>

static void print_meter(const struct postern_meter *meter)
{
    if (meter->unlimited) {
        printf("%s: unlimited\n", meter->resource);
        return;
    }
    struct postern_limit limit = {
        .algorithm = meter->algorithm, .amount = meter->limit, .window_s = meter->window_s, .period = meter->period};
    char text[POSTERN_LIMIT_TEXT_MAX + 1], at[OUTPUT_TIME_SIZE];
    postern_limit_format(&limit, text);
    printf("%s %s: %llu left", meter->resource, text + 1, (unsigned long long)meter->remaining); // after its "="
    if (meter->remaining < meter->limit && meter->reset_at_ms > 0)
        printf(", full again at %s", output_time(meter->reset_at_ms + 999, "", at));
    printf("%s\n", meter->subject == POSTERN_SUBJECT_KEY ? " (this key's own limit)" : "");
}

void output_meters(const struct postern_meter *meters, size_t count)
{
    for (size_t i = 0; i < count; i++)
        print_meter(&meters[i]);
}

void output_retry(uint64_t retry_after_ms)
{
    uint64_t tenths = retry_after_ms / 100 + (retry_after_ms % 100 != 0); // upwards: not a moment too early
    printf("retry in %llu.%llu s\n", (unsigned long long)(tenths / 10), (unsigned long long)(tenths % 10));
}

const char *reason_sentence(enum postern_reason reason)
{
    switch (reason) {
    case POSTERN_REASON_UNSPECIFIED:
    case POSTERN_REASON_ALLOWED:
        return "";
    case POSTERN_REASON_MISSING_API_KEY:
        return "no token was given";
    case POSTERN_REASON_INVALID_API_KEY:
        return "not a token of this installation; check that it was copied whole";
    case POSTERN_REASON_REVOKED_API_KEY:
        return "the key was revoked, which is final; create another one";
    case POSTERN_REASON_EXPIRED_API_KEY:
        return "the key has expired, which is final; create another one";
    case POSTERN_REASON_DISABLED_API_KEY:
        return "the key is switched off; enable it to use it again";
    case POSTERN_REASON_ACCOUNT_SUSPENDED:
        return "the account is suspended";
    case POSTERN_REASON_WRONG_ACCOUNT:
        return "the key does not belong to the account that was asked for";
    case POSTERN_REASON_WRONG_ENVIRONMENT:
        return "the key is of the other environment";
    case POSTERN_REASON_SECRET_KEY_REQUIRED:
        return "a public key, where a secret one is needed";
    case POSTERN_REASON_ADDRESS_NOT_ALLOWED:
        return "the address is missing or not in the key's list; give it with --address";
    case POSTERN_REASON_INSUFFICIENT_SCOPE:
        return "the key lacks a scope";
    case POSTERN_REASON_RATE_LIMITED:
        return "a limit is reached";
    case POSTERN_REASON_COST_EXCEEDS_LIMIT:
        return "the cost is larger than the whole limit, so it will never fit; ask for less at once";
    }
    return "";
}

#include "decide.h"

#include <string.h>

// What it means and what to do.
static const char *sentence_of(enum postern_reason reason)
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

void decide_print_verdict(bool allowed, enum postern_reason reason)
{
    const char *sentence = sentence_of(reason);
    if (allowed)
        printf("ALLOWED");
    else
        printf("%s%s%s", postern_reason_name(reason), sentence[0] != '\0' ? ": " : "", sentence);
}

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

void decide_print_meters(const struct postern_meter *meters, size_t count)
{
    for (size_t i = 0; i < count; i++)
        print_meter(&meters[i]);
}

void decide_print_retry(uint64_t retry_after_ms)
{
    uint64_t tenths = retry_after_ms / 100 + (retry_after_ms % 100 != 0); // upwards: not a moment too early
    printf("retry in %llu.%llu s\n", (unsigned long long)(tenths / 10), (unsigned long long)(tenths % 10));
}

const char *decide_id_text(bool has_id, const uint8_t id[POSTERN_ID_SIZE], char text[DECIDE_ID_SIZE])
{
    text[0] = '\0';
    for (size_t i = 0; has_id && i < POSTERN_ID_SIZE; i++)
        snprintf(text + 2 * i, 3, "%02x", id[i]);
    return text;
}

const uint8_t *decide_id_flag(struct cli *cli, const char *name)
{
    const char *text = argument_text(cli, name);
    if (text == NULL)
        return NULL;
    uint8_t *id = cli_keep(cli, POSTERN_ID_SIZE, 1);
    if (strcmp(text, "new") == 0 && strcmp(name, "refund") != 0)
        call_done(cli, postern_id_make(id, &cli->error));
    else if (!value_hex(text, id, POSTERN_ID_SIZE))
        misuse(cli, "--%s \"%s\" is not the id of a charge: 32 digits 0-9 a-f, as ratecheck and verify show it", name,
               text);
    return id;
}

// Decisions of Verify and RateCheck in words: for each reason what it means and what to do, and the meters.
#include "decision.h"

#include <string.h>

// What a refusal means and what to do.
static const char *const sentences[] = {
    [POSTERN_REASON_MISSING_API_KEY] = "no token was given",
    [POSTERN_REASON_INVALID_API_KEY] = "not a token of this installation; check that it was copied whole",
    [POSTERN_REASON_REVOKED_API_KEY] = "the key was revoked, which is final; create another one",
    [POSTERN_REASON_EXPIRED_API_KEY] = "the key has expired, which is final; create another one",
    [POSTERN_REASON_DISABLED_API_KEY] =
        "the key is switched off; who administers it switches it on with: postern enable KEY_ID",
    [POSTERN_REASON_NOT_YET_VALID_API_KEY] =
        "the key does not work yet: wait; who administers it lets it work at once with: postern update KEY_ID "
        "--no-not-before",
    [POSTERN_REASON_ACCOUNT_SUSPENDED] =
        "the account is suspended; operators let it work again with: postern account resume ID",
    [POSTERN_REASON_WRONG_ACCOUNT] =
        "the key does not belong to the account that was asked for; name its own one with --account, or none",
    [POSTERN_REASON_WRONG_ENVIRONMENT] =
        "the key is of the other environment; use a key of this one (postern create --env), or ask without --env",
    [POSTERN_REASON_SECRET_KEY_REQUIRED] =
        "a public key, where a secret one is needed; use a secret key, or ask without --secret-only",
    [POSTERN_REASON_ADDRESS_NOT_ALLOWED] = "the address is not in the key's list, or was not given (--address); who "
                                           "administers the key adds it with: postern update KEY_ID --add-address "
                                           "NETWORK",
    [POSTERN_REASON_INSUFFICIENT_SCOPE] =
        "the key lacks a scope; who administers it gives it one with: postern update KEY_ID --add-scope SCOPE",
    [POSTERN_REASON_RATE_LIMITED] = "a limit is reached",
    [POSTERN_REASON_COST_EXCEEDS_LIMIT] =
        "the cost is larger than a whole limit, or than a bucket's burst, so it will never fit; ask for less at once",
};

// What stands before the value of a detail.
static const struct {
    const char *key, *words;
} details[] = {{"hint", "the token"}, {"not_before", "it works from"}, {"expired_at", "it expired at"}};

static const char *sentence_of(enum postern_reason reason)
{
    bool known = (size_t)reason < sizeof sentences / sizeof sentences[0] && sentences[reason] != NULL;
    return known ? sentences[reason] : "";
}

void decision_print_verdict(bool allowed, enum postern_reason reason, const struct postern_reply_base *base)
{
    const char *sentence = sentence_of(reason);
    if (allowed)
        printf("ALLOWED");
    else
        printf("%s%s%s", postern_reason_name(reason), sentence[0] != '\0' ? ": " : "", sentence);
    for (size_t i = 0; i < base->detail_count; i++)
        for (size_t n = 0; n < sizeof details / sizeof details[0]; n++)
            if (strcmp(base->details[i].key, details[n].key) == 0)
                printf(" (%s %s)", details[n].words, base->details[i].value);
}

void decision_print_meters(const struct postern_meter *meters, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct postern_meter *meter = &meters[i];
        struct postern_limit limit = {.algorithm = meter->algorithm,
                                      .amount = meter->limit,
                                      .window_s = meter->window_s,
                                      .period = meter->period,
                                      .burst = meter->burst,
                                      .shadow = meter->shadow};
        uint64_t full = meter->burst > 0 ? meter->burst : meter->limit;
        char text[POSTERN_LIMIT_TEXT_MAX + 1], at[OUTPUT_TIME_SIZE];
        if (meter->unlimited) {
            printf("%s: unlimited\n", meter->resource);
            continue;
        }
        postern_limit_format(&limit, text);
        printf("%s %s: %llu left", meter->resource, text + 1, (unsigned long long)meter->remaining); // after its "="
        if (meter->remaining < full && meter->reset_at_ms > 0)
            printf(", full again at %s", output_time(meter->reset_at_ms + 999, "", at));
        printf("%s%s\n", meter->subject == POSTERN_SUBJECT_KEY ? " (this key's own limit)" : "",
               meter->would_refuse ? "; would have refused this call" : "");
    }
}

void decision_print_retry(uint64_t retry_after_ms)
{
    char span[OUTPUT_TIME_SIZE];
    if (retry_after_ms == 0)
        puts("it does not come back by itself: raise the limit, or give charges back");
    else
        printf("retry in %s\n", output_span(retry_after_ms, span));
}

const char *decision_id_text(bool has_id, const uint8_t id[POSTERN_ID_SIZE], char text[DECISION_ID_SIZE])
{
    text[0] = '\0';
    for (size_t i = 0; has_id && i < POSTERN_ID_SIZE; i++)
        snprintf(text + 2 * i, 3, "%02x", id[i]);
    return text;
}

const uint8_t *decision_id_flag(struct cli *cli, const char *name)
{
    const char *text = argument_text(cli, name);
    if (text == NULL)
        return NULL;
    uint8_t *id = cli_keep(cli, POSTERN_ID_SIZE, 1);
    if (strcmp(text, "new") == 0 && strcmp(name, "charge-id") == 0)
        call_done(cli, postern_id_make(id, &cli->error));
    else if (!value_hex(text, id, POSTERN_ID_SIZE))
        misuse(cli, "--%s \"%s\" is not the id of a charge: 32 digits 0-9 a-f, as ratecheck and verify show it", name,
               text);
    return id;
}

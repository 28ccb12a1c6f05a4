// Compares what posternd says with what it acknowledged, while the workers go on.
//
//   crash_check setup URL           a tier without bounds and the account that crash_worker uses
//   crash_check keys URL LEDGER...  every acknowledged key verifies, every acknowledged revocation refuses
//   crash_check names URL           no two keys of the account have the same name: a repeated change is one change
#include "postern/postern.h"
#include "support/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 600000, MAX_KEYS = 1000000, NAMES_MAX = 200000, BAD_MAX = 5 };

static bool say(const char *what, const struct postern_error *error)
{
    fprintf(stderr, "crash_check: %s: %s: %s\n", what, postern_status_name(error->status), error->message);
    return false;
}

static bool set_up(struct postern *client)
{
    struct postern_limit limit = {.resource = "requests", .unlimited = true};
    struct postern_put_tier_request tier = {.tier = "crash", .limits = &limit, .limit_count = 1, .is_default = true};
    struct postern_put_account_request account = {.account = "crash", .max_keys = MAX_KEYS};
    struct postern_put_tier_reply *tier_reply = NULL;
    struct postern_put_account_reply *account_reply = NULL;
    struct postern_error error;
    bool good = true;

    if (postern_put_tier(client, &tier, &tier_reply, &error) != POSTERN_OK)
        good = say("tier", &error);
    else if (postern_put_account(client, &account, &account_reply, &error) != POSTERN_OK)
        good = say("account", &error);
    postern_reply_free(tier_reply);
    postern_reply_free(account_reply);
    return good;
}

// Of up to POSTERN_BATCH_MAX keys, in one round trip.
static bool ask_reasons(struct postern *client, const struct ledger_key *keys, size_t count, enum postern_reason *out)
{
    struct postern_verify_request calls[POSTERN_BATCH_MAX] = {0};
    struct postern_verify_batch_request ask = {.calls = calls, .call_count = count};
    struct postern_verify_batch_reply *reply = NULL;
    struct postern_error error;
    bool good = true;
    size_t i;

    for (i = 0; i < count; i++)
        calls[i] = (struct postern_verify_request){.api_key = keys[i].token, .peek = true};
    if (postern_verify_batch(client, &ask, &reply, &error) != POSTERN_OK)
        return say("verify", &error);
    for (i = 0; i < count && good; i++) {
        good = reply->statuses[i].status == POSTERN_OK;
        if (!good)
            fprintf(stderr, "crash_check: key %s: %s\n", keys[i].id, reply->statuses[i].message);
        out[i] = reply->replies[i].reason;
    }
    postern_reply_free(reply);
    return good;
}

// A key may have been revoked since its ledger was read: then the ledger says by now that it was asked for.
static bool asked_by_now(const char *path, size_t n)
{
    struct ledger ledger;
    bool asked;

    if (!ledger_read(path, &ledger))
        return false;
    asked = n < ledger.count && ledger.keys[n].revoking;
    ledger_wipe(&ledger);
    return asked;
}

static bool check_key(const char *path, size_t n, const struct ledger_key *key, enum postern_reason reason)
{
    if (key->revoked ? reason == POSTERN_REASON_REVOKED_API_KEY : reason == POSTERN_REASON_ALLOWED)
        return true;
    if (reason == POSTERN_REASON_REVOKED_API_KEY && (key->revoking || asked_by_now(path, n)))
        return true;
    fprintf(stderr, "crash_check: %s: key %zu (%s) was %s, but Verify says %s\n", path, n, key->id,
            key->revoked ? "revoked" : "created", postern_reason_name(reason));
    return false;
}

static bool check_ledger(struct postern *client, const char *path)
{
    enum postern_reason reasons[POSTERN_BATCH_MAX];
    struct ledger ledger;
    size_t n, i, count, bad = 0;

    if (!ledger_read(path, &ledger)) {
        fprintf(stderr, "crash_check: %s cannot be read\n", path);
        return false;
    }
    for (n = 0; n < ledger.count && bad < BAD_MAX; n += count) {
        count = ledger.count - n < POSTERN_BATCH_MAX ? ledger.count - n : POSTERN_BATCH_MAX;
        if (!ask_reasons(client, &ledger.keys[n], count, reasons))
            bad = BAD_MAX;
        for (i = 0; i < count && bad < BAD_MAX; i++)
            bad += !check_key(path, n + i, &ledger.keys[n + i], reasons[i]);
    }
    printf("%s: %zu keys\n", path, ledger.count);
    ledger_wipe(&ledger);
    return bad == 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

// Appends a page's names; sets the next page's token in `ask`. Returns false at the end or when something failed.
static bool next_page(struct postern *client, struct postern_list_request *ask, char **names, size_t *count, bool *good)
{
    static uint8_t token[1024];
    struct postern_list_reply *reply = NULL;
    struct postern_error error;
    size_t i;

    *good = postern_list(client, ask, &reply, &error) == POSTERN_OK || say("list", &error);
    if (!*good)
        return false;
    for (i = 0; i < reply->key_count && *count < NAMES_MAX; i++)
        names[(*count)++] = strdup(reply->keys[i].name);
    ask->page_token_size = reply->next_page_token_size <= sizeof(token) ? reply->next_page_token_size : 0;
    if (ask->page_token_size > 0)
        memcpy(token, reply->next_page_token, ask->page_token_size);
    ask->page_token = token;
    postern_reply_free(reply);
    return ask->page_token_size > 0;
}

static bool check_names(struct postern *client)
{
    struct postern_list_request ask = {.account = "crash", .page_size = 500};
    char **names = calloc(NAMES_MAX, sizeof(*names));
    size_t count = 0, i;
    bool good = names != NULL;

    while (good && next_page(client, &ask, names, &count, &good))
        ;
    if (good)
        qsort(names, count, sizeof(*names), compare_names);
    for (i = 1; good && i < count; i++) {
        if (strcmp(names[i - 1], names[i]) == 0 && strcmp(names[i], "default") != 0) {
            fprintf(stderr, "crash_check: two keys have the name %s\n", names[i]);
            good = false;
        }
    }
    printf("%zu keys in the list\n", count);
    for (i = 0; i < count; i++)
        free(names[i]);
    free(names);
    return good && count > 0;
}

int main(int argc, char **argv)
{
    struct postern_options options = {.url = argc > 2 ? argv[2] : NULL, .timeout_ms = TIMEOUT_MS};
    struct postern *client = NULL;
    struct postern_error error;
    bool good = argc > 2;
    int i;

    if (!good || postern_open(&options, &client, &error) != POSTERN_OK) {
        fputs("usage: crash_check setup|keys|names URL [LEDGER]...\n", stderr);
        return 2;
    }
    if (strcmp(argv[1], "setup") == 0)
        good = set_up(client);
    else if (strcmp(argv[1], "names") == 0)
        good = check_names(client);
    else
        for (i = 3; i < argc; i++)
            good = check_ledger(client, argv[i]) && good;
    postern_close(client);
    return good ? 0 : 1;
}

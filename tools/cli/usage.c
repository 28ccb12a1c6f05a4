// usage: how often a key or an account was answered what.
#include "command.h"
#include "table.h"

#include <stdio.h>
#include <string.h>

enum { BY_HOUR_S = 3600, BY_DAY_S = 86400, COUNTERS_SIZE = 512 };

// "RATE_LIMITED 3, REVOKED_API_KEY 1", but for `left_out`; cut where the room ends.
static const char *counters(const struct postern_counter *list, size_t count, const char *left_out,
                            char text[COUNTERS_SIZE])
{
    size_t size = 0;
    text[0] = '\0';
    for (size_t i = 0; i < count && size < COUNTERS_SIZE; i++) {
        if (strcmp(list[i].name, left_out) == 0)
            continue;
        size += (size_t)snprintf(text + size, COUNTERS_SIZE - size, "%s%s %llu", size > 0 ? ", " : "", list[i].name,
                                 (unsigned long long)list[i].value);
    }
    return size > 0 ? text : "-";
}

static void add_row(struct table *table, const struct postern_usage_bucket *bucket)
{
    char text[COUNTERS_SIZE], at[OUTPUT_TIME_SIZE];
    unsigned long long calls = 0, allowed = 0;
    for (size_t i = 0; i < bucket->reason_count; i++) {
        calls += bucket->reasons[i].value;
        allowed += strcmp(bucket->reasons[i].name, "ALLOWED") == 0 ? bucket->reasons[i].value : 0;
    }
    table_add(table, "%s", output_time(bucket->start_ms, "", at));
    table_add(table, "%llu", calls);
    table_add(table, "%llu", allowed);
    table_add(table, "%s", counters(bucket->reasons, bucket->reason_count, "ALLOWED", text));
    table_add(table, "%s", counters(bucket->costs, bucket->cost_count, "", text));
}

static void print_usage(const struct postern_get_usage_reply *reply)
{
    static const char *const heads[] = {"FROM", "CALLS", "ALLOWED", "REFUSED", "ADMITTED"};
    struct table table = {0};
    if (reply->bucket_count == 0) {
        fprintf(stderr, "No calls in that time.\n");
        return;
    }
    table_begin(&table, heads, sizeof heads / sizeof heads[0]);
    for (size_t i = 0; i < reply->bucket_count; i++)
        add_row(&table, &reply->buckets[i]);
    table_print(&table);
    table_end(&table);
}

static bool read_by(const struct cli *cli, uint32_t *bucket_s)
{
    const char *by = argument_text(cli, "by");
    bool is_hour = by == NULL || strcmp(by, "hour") == 0;
    *bucket_s = is_hour ? BY_HOUR_S : BY_DAY_S;
    if (is_hour || strcmp(by, "day") == 0)
        return true;
    misuse(cli, "--by: \"%s\": write hour or day", by);
    return false;
}

static bool read_usage(struct cli *cli, struct postern_get_usage_request *request)
{
    request->account = argument_text(cli, "account");
    request->key_id = argument_text(cli, "key");
    if (request->account != NULL && request->key_id != NULL) {
        misuse(cli, "--account and --key: give one of them");
        return false;
    }
    return read_by(cli, &request->bucket_s) && value_moment_flag(cli, "from", true, &request->from_ms) &&
           value_moment_flag(cli, "to", true, &request->to_ms);
}

static int run_usage(struct cli *cli)
{
    struct postern_get_usage_request request = {0};
    struct postern_get_usage_reply *reply = NULL;
    if (!read_usage(cli, &request))
        return CLI_MISUSED;
    int status = call_open(cli);
    if (status != CLI_DONE)
        return status;
    if (postern_get_usage(cli->client, &request, &reply, &cli->error) != POSTERN_OK)
        return call_failed(cli);
    if (cli->json)
        output_json(reply, NULL, NULL);
    else
        print_usage(reply);
    postern_reply_free(reply);
    return CLI_DONE;
}

static const struct flag usage_flags[] = {
    {"account", "ID", false, "of all keys of this account, and of calls for the account itself"},
    {"key", "KEY_ID", false, "of this key"},
    {"from", "TIME", false, "7d (ago), 2027-01-31T12:00:00Z or Unix milliseconds (default all that is kept)"},
    {"to", "TIME", false, "up to then (default now)"},
    {"by", "hour|day", false, "what is added up (default hour)"},
    {0},
};

const struct command command_usage = {
    .words = "usage",
    .operands = "",
    .summary = "show how often a key or an account was allowed or refused",
    .flags = usage_flags,
    .notes = "Hours and days without a call are left out; peeks do not count. Without --account and --key it is the\n"
             "account of the credential.\n"
             "  postern usage --account acme --from 7d --by day",
    .run = run_usage,
};

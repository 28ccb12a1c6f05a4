// usage: shows how often a key or an account was answered what, as a table or a chart, and which keys have an unusual
// hour.
#include "list.h"
#include "plot.h"
#include "terminal.h"

#include <string.h>

#define PLOT_HOURS_MS (UINT64_C(48) * 3600 * 1000)      // what a chart shows by the hour
#define PLOT_DAYS_MS  (UINT64_C(60) * 24 * 3600 * 1000) // and by the day

// Writes "RATE_LIMITED 3, REVOKED_API_KEY 1", without `left_out`.
static const char *counters_text(const struct postern_counter *list, size_t count, const char *left_out,
                                 char text[OUTPUT_LIST_SIZE])
{
    text[0] = '\0';
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].name, left_out) != 0)
            output_append(text, ", ", "%s %llu", list[i].name, (unsigned long long)list[i].value);
    return text[0] != '\0' ? text : "-";
}

static struct plot_point point_of(const struct postern_usage_bucket *bucket)
{
    struct plot_point point = {.start_ms = bucket->start_ms};
    for (size_t i = 0; i < bucket->reason_count; i++) {
        bool is_allowed = strcmp(bucket->reasons[i].name, "ALLOWED") == 0;
        *(is_allowed ? &point.allowed : &point.refused) += bucket->reasons[i].value;
    }
    return point;
}

static void print_usage(const struct postern_get_usage_reply *reply)
{
    char reasons[OUTPUT_LIST_SIZE], costs[OUTPUT_LIST_SIZE], at[OUTPUT_TIME_SIZE];
    uint64_t would_refuse = 0;
    if (reply->bucket_count == 0)
        fprintf(stderr, "No calls in that time.\n");
    struct table *table = table_new("FROM\tCALLS\tALLOWED\t+REFUSED\t+ADMITTED");
    for (size_t i = 0; i < reply->bucket_count; i++) {
        const struct postern_usage_bucket *bucket = &reply->buckets[i];
        struct plot_point sums = point_of(bucket);
        table_add(table, "%s\t%llu\t%llu\t%s\t%s", output_time(bucket->start_ms, "", at),
                  (unsigned long long)(sums.allowed + sums.refused), (unsigned long long)sums.allowed,
                  counters_text(bucket->reasons, bucket->reason_count, "ALLOWED", reasons),
                  counters_text(bucket->costs, bucket->cost_count, "", costs));
        would_refuse += bucket->would_refuse;
    }
    table_print(table);
    table_free(table);
    if (would_refuse > 0)
        printf("Shadow limits would have refused %llu of these calls.\n", (unsigned long long)would_refuse);
}

// Lets the chart show whole buckets, whose days begin where those of the answer do.
static void fit_to_buckets(struct plot *plot, const struct postern_get_usage_request *request,
                           const struct postern_get_usage_reply *reply)
{
    uint64_t step_ms = (uint64_t)plot->bucket_s * 1000;
    uint64_t phase_ms = reply->bucket_count > 0 ? reply->buckets[0].start_ms % step_ms : 0;
    uint64_t now_ms = reply->base.server_time_ms;
    uint64_t to_ms = request->to_ms != 0 && request->to_ms < now_ms ? request->to_ms : now_ms;
    uint64_t from_ms = request->from_ms < to_ms ? request->from_ms : to_ms - 1;
    plot->from_ms = from_ms - (from_ms + step_ms - phase_ms) % step_ms;
    plot->to_ms = to_ms + (step_ms - (to_ms + step_ms - phase_ms) % step_ms) % step_ms;
    uint64_t last_ms = reply->bucket_count > 0 ? reply->buckets[reply->bucket_count - 1].start_ms : 0;
    if (last_ms + step_ms / 2 >= plot->to_ms) // a day that begins early, since the clock was put forward
        plot->to_ms += step_ms;
}

static void print_plot(struct cli *cli, const struct postern_get_usage_request *request,
                       const struct postern_get_usage_reply *reply)
{
    const char *account = request->account != NULL ? request->account : "the credential's account";
    size_t columns, lines;
    table_room(&columns, &lines);
    struct plot_point *points = cli_keep(cli, reply->bucket_count + 1, sizeof *points);
    struct plot plot = {.title = request->key_id != NULL ? request->key_id : account,
                        .points = points,
                        .count = reply->bucket_count,
                        .bucket_s = request->bucket_s,
                        .width = columns,
                        .utf8 = terminal_is_utf8()};
    for (size_t i = 0; i < reply->bucket_count; i++)
        points[i] = point_of(&reply->buckets[i]);
    fit_to_buckets(&plot, request, reply);
    plot_print(&plot, stdout);
}

static uint64_t life_flag(struct cli *cli)
{
    const char *text = argument_text(cli, "life"), *end = text;
    uint64_t life = 0;
    if (text == NULL)
        return 0;
    if (!value_digits(text, &life, &end) || *end != '\0' || life == 0)
        misuse(cli, "--life \"%s\" is no SEQ of a change: see postern audit --account ID", text);
    if (!argument_has(cli, "account"))
        misuse(cli, "--life goes with --account ID: it tells the accounts apart that had this id");
    return life;
}

static struct postern_get_usage_request read_usage(struct cli *cli)
{
    const char *by = argument_text(cli, "by");
    bool by_day = by != NULL && strcmp(by, "day") == 0, is_plot = argument_has(cli, "plot");
    struct postern_get_usage_request request = {.account = argument_text(cli, "account"),
                                                .key_id = argument_text(cli, "key"),
                                                .bucket_s = by_day ? PLOT_DAY_S : PLOT_HOUR_S,
                                                .from_ms = moment_flag(cli, "from", true),
                                                .to_ms = moment_flag(cli, "to", true),
                                                .life = life_flag(cli)};
    if (request.account != NULL && request.key_id != NULL)
        misuse(cli, "--account and --key: give one of them");
    if (argument_has(cli, "at"))
        misuse(cli, "--at goes with --unusual; for the others there are --from and --to");
    if (is_plot && cli->json)
        misuse(cli, "--plot is for people, --json for machines: give one of them");
    if (by != NULL && !by_day && strcmp(by, "hour") != 0)
        misuse(cli, "--by: \"%s\": write hour or day", by);
    if (request.from_ms == 0 && is_plot && cli_good(cli)) {
        uint64_t now_ms = call_server_time_ms(cli), span_ms = by_day ? PLOT_DAYS_MS : PLOT_HOURS_MS;
        request.from_ms = now_ms > span_ms ? now_ms - span_ms : 1;
    }
    return request;
}

static void show_unusual(struct cli *cli)
{
    static const char *const others[] = {"key", "from", "to", "by", "plot", "life"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (argument_has(cli, others[i]))
            misuse(cli, "--unusual looks at one hour of every key; --%s does not go with it", others[i]);
    list_unusual(cli, argument_text(cli, "account"), moment_flag(cli, "at", true));
}

// Only a caller with a credential has an account of its own: another one is told to name an account or a key.
static enum postern_status ask_usage(struct cli *cli, const struct postern_get_usage_request *request,
                                     struct postern_get_usage_reply **reply)
{
    enum postern_status status = postern_get_usage(cli->client, request, reply, &cli->error);
    if (status == POSTERN_INVALID_ARGUMENT && strcmp(cli->error.field, "get_usage.subject") == 0) {
        snprintf(cli->error.message, sizeof cli->error.message, "say whose: --account ID, or --key KEY_ID");
        if (!cli->json)
            cli->error.field[0] = '\0';
    }
    return status;
}

static void show_usage(struct cli *cli)
{
    const struct postern_get_usage_request request = read_usage(cli);
    struct postern_get_usage_reply *reply = NULL;
    if (!cli_good(cli) || !call_done(cli, ask_usage(cli, &request, &reply)))
        return;
    if (argument_has(cli, "plot"))
        print_plot(cli, &request, reply);
    else if (call_in_words(cli, reply))
        print_usage(reply);
    postern_reply_free(reply);
}

static void run_usage(struct cli *cli)
{
    (argument_has(cli, "unusual") ? show_unusual : show_usage)(cli);
}

static const struct flag usage_flags[] = {
    {"account", "ID", "of all keys of this account, and of calls for the account itself"},
    {"key", "KEY_ID", "of this key, also of a deleted one"},
    {"life", "SEQ", "with --account: of a former account of this id, made by this change (see audit); for operators"},
    {"from", "TIME", "7d (ago), 2027-01-31, 2027-01-31T12:00:00Z or Unix milliseconds (default all)"},
    {"to", "TIME", "up to then (default now)"},
    {"by", "hour|day", "what is added up (default hour)"},
    {"plot", NULL, "draw a chart; without --from of the last 48 hours, or 60 days"},
    {"unusual", NULL, "the keys whose running hour stands out from their own past, and why"},
    {"at", "TIME", "with --unusual: another hour, 1h (ago) or 2027-01-31T12:00:00Z"},
    {0},
};

const struct command usage_commands[] = {
    {"usage", "", "show how often a key or an account was allowed or refused", usage_flags, run_usage,
     .help = "Hours and days without a call are left out; peeks do not count. Without --account and --key it is the\n"
             "account of the credential; --unusual then looks at all keys that the caller may list.\n"
             "  postern usage --account acme --from 7d --by day\n"
             "  postern usage --account acme --plot\n"
             "  postern usage --account acme --life 17\n"
             "  postern usage --unusual --at 1h"},
    {0},
};

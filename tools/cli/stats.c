// health and stats: say whether posternd is serving, what it has done since it started, and what it holds now.
#include "cli.h"
#include "table.h"

#include <string.h>

enum { TOP_DEFAULT = 5, TOP_MAX = 256, SIZE_TEXT = 32 };

// Writes "1.2 MiB".
static const char *size_text(uint64_t bytes, char text[SIZE_TEXT])
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    double size = (double)bytes;
    size_t unit = 0;
    for (; size >= 1024 && unit + 1 < sizeof units / sizeof units[0]; unit++)
        size /= 1024;
    snprintf(text, SIZE_TEXT, "%.*f %s", unit > 0 ? 1 : 0, size, units[unit]);
    return text;
}

static unsigned long long number(uint64_t value)
{
    return value;
}

// Returns the end of a word of so many things.
static const char *s(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static void print_decisions(const struct postern_stats_reply *reply)
{
    const char *lead = ": ";
    double share = reply->decisions > 0 ? 100.0 * (double)reply->refusals / (double)reply->decisions : 0;
    printf("decisions   %llu, refused %llu (%.1f %%)", number(reply->decisions), number(reply->refusals), share);
    for (size_t i = 0; i < reply->counter_count; i++) {
        if (strcmp(reply->counters[i].name, "ALLOWED") == 0)
            continue;
        printf("%s%s %llu", lead, reply->counters[i].name, number(reply->counters[i].value));
        lead = ", ";
    }
    putchar('\n');
}

static void print_limits(const struct postern_meter_stats *meters)
{
    char size[SIZE_TEXT];
    printf("limits      asked %llu time%s, of which %llu waited for the disk; %llu record%s written\n",
           number(meters->decisions), s(meters->decisions), number(meters->waits), number(meters->records),
           s(meters->records));
    printf("meters      %llu in memory, %s", number(meters->meters), size_text(meters->bytes, size));
    if (meters->custom_meters > 0)
        printf("; %llu of custom subjects on disk, of %llu caller%s", number(meters->custom_meters),
               number(meters->custom_callers), s(meters->custom_callers));
    putchar('\n');
}

static void print_usage(const struct postern_usage_stats *usage)
{
    printf("usage       %llu of %llu tallies in memory, %llu not on disk yet, %llu written, %llu removed by age\n",
           number(usage->entries), number(usage->entries_max), number(usage->waiting), number(usage->written),
           number(usage->removed));
    if (usage->overflow > 0)
        printf("            missing counts: %llu, as more keys were busy at once than memory has room for\n",
               number(usage->overflow));
    if (usage->would_refuse > 0)
        printf("            %llu call%s would have been refused by shadow limits\n", number(usage->would_refuse),
               s(usage->would_refuse));
    if (usage->damaged > 0)
        printf("            damaged records: %llu\n", number(usage->damaged));
}

// Prints the connections and, if anything did, what went wrong on them.
static void print_connections(const struct postern_connection_stats *stats)
{
    char size[SIZE_TEXT];
    const struct {
        uint64_t count;
        const char *thing, *what;
    } troubles[] = {
        {stats->overloaded, "call", " refused as OVERLOADED"},
        {stats->expired, "call", " too late before being begun"},
        {stats->refused, "connection", " came when all were taken"},
        {stats->accept_failures, "connection", " had to wait for descriptors or memory"},
        {stats->closed_no_greeting, "connection", " closed without a greeting of ours"},
        {stats->closed_bad_frame, "connection", " closed for a bad or too large frame"},
        {stats->closed_half_frame, "connection", " closed in the middle of a frame"},
        {stats->closed_stuck, "connection", " closed for reading no replies"},
        {stats->closed_no_memory, "connection", " closed for want of memory"},
        {stats->displaced, "idle connection", " closed to make room"},
        {stats->tls_failures, "failure", " of TLS"},
    };
    printf("connections %llu open, %llu call%s in flight, %s of buffers; %llu accepted, %llu request%s\n",
           number(stats->connections), number(stats->calls_in_flight), s(stats->calls_in_flight),
           size_text(stats->memory_bytes, size), number(stats->accepted), number(stats->requests), s(stats->requests));
    for (size_t i = 0; i < sizeof troubles / sizeof troubles[0]; i++)
        if (troubles[i].count > 0)
            printf("            %llu %s%s%s\n", number(troubles[i].count), troubles[i].thing, s(troubles[i].count),
                   troubles[i].what);
}

static void print_stores(const struct postern_stats_reply *reply)
{
    for (size_t i = 0; i < reply->store_count; i++) {
        const struct postern_store_stats *store = &reply->stores[i];
        char used[SIZE_TEXT], size[SIZE_TEXT];
        printf("store       %s: %s of %s, %llu commit%s of %llu job%s, the last one %s\n", store->name,
               size_text(store->used_bytes, used), size_text(store->size_bytes, size), number(store->commits),
               s(store->commits), number(store->jobs), s(store->jobs), store->last_commit);
    }
}

static void print_table(const struct postern_busy *busiest, size_t count, bool keys)
{
    struct table *table =
        table_new(keys ? "BUSIEST KEY\t+ACCOUNT\t+NAME\tCALLS\tREFUSED" : "BUSIEST ACCOUNT\tCALLS\tREFUSED");
    for (size_t i = 0; i < count; i++)
        table_add(table, "%s%s%s%s%s\t%llu\t%llu", busiest[i].key_id, keys ? "\t" : "",
                  busiest[i].account[0] != '\0' ? busiest[i].account : "(unknown)", keys ? "\t" : "",
                  busiest[i].key_name, number(busiest[i].calls), number(busiest[i].refusals));
    table_print(table);
    table_free(table);
}

static void print_busiest(const struct postern_stats_reply *reply)
{
    char at[OUTPUT_TIME_SIZE];
    if (reply->account_count == 0)
        return;
    putchar('\n');
    print_table(reply->accounts, reply->account_count, false);
    if (reply->key_count > 0)
        putchar('\n');
    print_table(reply->keys, reply->key_count, true);
    printf("\nCalls since %s, of those with one in the last two minutes.\n", output_time(reply->hour_start_ms, "", at));
}

// Prints "3 h 2 min ahead of the wall clock".
static void print_clock(int64_t ahead_ms)
{
    char span[OUTPUT_TIME_SIZE];
    uint64_t apart_ms = ahead_ms < 0 ? -(uint64_t)ahead_ms : (uint64_t)ahead_ms;
    printf("%s %s the wall clock", output_span(apart_ms, span), ahead_ms < 0 ? "behind" : "ahead of");
}

static void print_stats(const struct postern_stats_reply *reply)
{
    uint64_t now = reply->base.server_time_ms;
    char when[OUTPUT_TIME_SIZE];
    printf("posternd    %s, started %s\n", reply->version, output_when(now - reply->uptime_ms, now, "now", when));
    print_decisions(reply);
    print_limits(&reply->meters);
    print_usage(&reply->usage);
    print_connections(&reply->connections);
    print_stores(reply);
    printf("clock       ");
    print_clock(reply->clock_ahead_ms);
    printf(", which jumped %u time%s\n", reply->clock_jumps, s(reply->clock_jumps));
    print_busiest(reply);
}

static void run_stats(struct cli *cli)
{
    struct postern_stats_reply *reply = NULL;
    uint64_t top = value_number(cli, "top", 0, TOP_MAX);
    const bool metrics = argument_has(cli, "prometheus");
    const struct postern_stats_request request = {.top = argument_has(cli, "top") ? (uint32_t)top
                                                         : metrics                ? 0
                                                                                  : TOP_DEFAULT,
                                                  .metrics = metrics};
    if (cli_good(cli) && call_done(cli, postern_stats(cli->client, &request, &reply, &cli->error)) &&
        call_in_words(cli, reply)) {
        for (size_t i = 0; i < reply->metrics_count; i++)
            puts(reply->metrics[i]);
        if (!metrics)
            print_stats(reply);
    }
    postern_reply_free(reply);
}

static void print_health(const struct postern_health_reply *reply)
{
    char up[OUTPUT_TIME_SIZE];
    printf("%s", reply->serving ? "serving" : "not serving");
    if (reply->version[0] != '\0')
        printf(", version %s, up %s, store %s", reply->version, output_span(reply->uptime_ms, up), reply->store);
    if (reply->clock_ahead_ms > 1000) {
        printf(", clock ");
        print_clock(reply->clock_ahead_ms);
    }
    if (reply->clock_jumps > 0)
        printf(", the wall clock jumped %u time%s", reply->clock_jumps, s(reply->clock_jumps));
    putchar('\n');
}

static void run_health(struct cli *cli)
{
    struct postern_health_reply *reply = NULL;
    if (!call_done(cli, postern_health(cli->client, NULL, &reply, &cli->error)))
        return;
    if (call_in_words(cli, reply))
        print_health(reply);
    cli->status = reply->serving ? CLI_DONE : CLI_FAILED;
    postern_reply_free(reply);
}

static const struct flag stats_flags[] = {
    {"top", "N", "name so many of the busiest accounts and keys, at most 256 (default 5)"},
    {"prometheus", NULL, "print all figures in the text format of Prometheus"},
    {0},
};

const struct command stats_commands[] = {
    {"health", "", "ask whether posternd is serving", NULL, run_health, .help = NULL},
    {"stats", "", "show what posternd has done since it started, and what it holds", stats_flags, run_stats,
     .help = "For operators. Peeks are no decisions here. To watch it live: postern top"},
    {0},
};

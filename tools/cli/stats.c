// stats: what posternd has done since it started, and what it holds now.
#include "command.h"
#include "table.h"

#include <stdio.h>
#include <string.h>

enum { TOP_DEFAULT = 5, TOP_MAX = 256, SIZE_TEXT = 32 };

// "1.2 MiB".
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
    printf("limits      asked %llu times, of which %llu waited for the disk; %llu records written\n",
           number(meters->decisions), number(meters->waits), number(meters->records));
    printf("meters      %llu in memory, %s", number(meters->meters), size_text(meters->bytes, size));
    if (meters->custom_meters > 0)
        printf("; %llu of custom subjects on disk", number(meters->custom_meters));
    putchar('\n');
}

static void print_usage(const struct postern_usage_stats *usage)
{
    printf("usage       %llu of %llu tallies in memory, %llu not on disk yet, %llu written, %llu removed by age\n",
           number(usage->entries), number(usage->entries_max), number(usage->waiting), number(usage->written),
           number(usage->removed));
    if (usage->overflow > 0)
        printf("            %llu counts are missing: more keys were busy at once than memory has room for\n",
               number(usage->overflow));
    if (usage->damaged > 0)
        printf("            %llu records were damaged\n", number(usage->damaged));
}

// What went wrong on connections, as far as anything did.
static void print_trouble(const struct postern_connection_stats *stats)
{
    const struct {
        uint64_t count;
        const char *what;
    } troubles[] = {
        {stats->overloaded, "calls refused as OVERLOADED"},
        {stats->expired, "calls too late before they were begun"},
        {stats->refused, "connections came when all were taken"},
        {stats->accept_failures, "connections had to wait for descriptors or memory"},
        {stats->closed_no_greeting, "connections closed without a greeting of ours"},
        {stats->closed_bad_frame, "closed for a bad or too large frame"},
        {stats->closed_half_frame, "closed in the middle of a frame"},
        {stats->closed_stuck, "closed because they read no replies"},
        {stats->closed_no_memory, "closed for want of memory"},
        {stats->tls_failures, "failures of TLS"},
    };
    for (size_t i = 0; i < sizeof troubles / sizeof troubles[0]; i++)
        if (troubles[i].count > 0)
            printf("            %llu %s\n", number(troubles[i].count), troubles[i].what);
}

static void print_connections(const struct postern_connection_stats *stats)
{
    char size[SIZE_TEXT];
    printf("connections %llu open, %llu calls in flight, %s of buffers; %llu accepted, %llu requests\n",
           number(stats->connections), number(stats->calls_in_flight), size_text(stats->memory_bytes, size),
           number(stats->accepted), number(stats->requests));
    print_trouble(stats);
}

static void print_stores(const struct postern_stats_reply *reply)
{
    for (size_t i = 0; i < reply->store_count; i++) {
        const struct postern_store_stats *store = &reply->stores[i];
        char used[SIZE_TEXT], size[SIZE_TEXT];
        printf("store       %s: %s of %s, %llu commits of %llu jobs, the last one %s\n", store->name,
               size_text(store->used_bytes, used), size_text(store->size_bytes, size), number(store->commits),
               number(store->jobs), store->last_commit);
    }
}

static void add_counts(struct table *table, const struct postern_busy *busy)
{
    table_add(table, "%llu", number(busy->calls));
    table_add(table, "%llu", number(busy->refusals));
}

static const char *account_of(const struct postern_busy *busy)
{
    return busy->account[0] != '\0' ? busy->account : "(unknown)";
}

static void print_accounts(const struct postern_busy *busiest, size_t count)
{
    static const char *const heads[] = {"BUSIEST ACCOUNT", "CALLS", "REFUSED"};
    struct table table = {0};
    table_begin(&table, heads, sizeof heads / sizeof heads[0]);
    for (size_t i = 0; i < count; i++) {
        table_add(&table, "%s", account_of(&busiest[i]));
        add_counts(&table, &busiest[i]);
    }
    table_print(&table);
    table_end(&table);
}

static void print_keys(const struct postern_busy *busiest, size_t count)
{
    static const char *const heads[] = {"BUSIEST KEY", "ACCOUNT", "NAME", "CALLS", "REFUSED"};
    struct table table = {0};
    table_begin(&table, heads, sizeof heads / sizeof heads[0]);
    for (size_t i = 0; i < count; i++) {
        table_add(&table, "%s", busiest[i].key_id);
        table_add(&table, "%s", account_of(&busiest[i]));
        table_add(&table, "%s", busiest[i].key_name);
        add_counts(&table, &busiest[i]);
    }
    table_print(&table);
    table_end(&table);
}

static void print_busiest(const struct postern_stats_reply *reply)
{
    char at[OUTPUT_TIME_SIZE];
    if (reply->account_count == 0)
        return;
    putchar('\n');
    print_accounts(reply->accounts, reply->account_count);
    if (reply->key_count > 0)
        putchar('\n');
    print_keys(reply->keys, reply->key_count);
    printf("\nCalls since %s, of those with one in the last two minutes.\n", output_time(reply->hour_start_ms, "", at));
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
    printf("clock       %lld ms ahead of the wall clock, which jumped %u times\n", (long long)reply->clock_ahead_ms,
           reply->clock_jumps);
    print_busiest(reply);
}

static bool read_top(const struct cli *cli, uint32_t *top)
{
    uint64_t wanted = TOP_DEFAULT;
    bool good = argument_text(cli, "top") == NULL || value_number(cli, "top", TOP_MAX, &wanted);
    *top = (uint32_t)wanted;
    return good;
}

static int run_stats(struct cli *cli)
{
    struct postern_stats_request request = {0};
    struct postern_stats_reply *reply = NULL;
    if (!read_top(cli, &request.top))
        return CLI_MISUSED;
    int status = call_open(cli);
    if (status != CLI_DONE)
        return status;
    if (postern_stats(cli->client, &request, &reply, &cli->error) != POSTERN_OK)
        return call_failed(cli);
    if (cli->json)
        output_json(reply, NULL, NULL);
    else
        print_stats(reply);
    postern_reply_free(reply);
    return CLI_DONE;
}

static const struct flag stats_flags[] = {
    {"top", "N", false, "name so many of the busiest accounts and keys, at most 256 (default 5)"},
    {0},
};

const struct command command_stats = {
    .words = "stats",
    .operands = "",
    .summary = "show what posternd has done since it started, and what it holds",
    .flags = stats_flags,
    .notes = "For operators. Peeks are no decisions here. To watch it live: postern top",
    .run = run_stats,
};

// top: shows who is busiest, again and again.
#include "top_rank.h"

#include "cli.h"
#include "json.h"
#include "table.h"
#include "terminal.h"

#include <errno.h>
#include <string.h>

enum {
    INTERVAL_MS_DEFAULT = 1000,
    INTERVAL_MS_MIN = 100,
    INTERVAL_MS_MAX = 24 * 3600 * 1000,
    ROWS_DEFAULT = 20,
    LINES_OF_HEAD = 4, // three of words, the table's head
    LINES_BELOW = 1,
    LIVE_TIMEOUT_MS = 2000
};

struct top {
    struct cli *cli;
    enum top_kind kind;
    uint64_t interval_ms;
    uint64_t count; // of refreshes, 0 = no end
    size_t rows;    // 0 = what fits
    bool live;      // redraws in place
    struct postern_stats_reply *before;
    struct postern_stats_reply *now;
    struct terminal_watch watch;
};

// The name is cut where the terminal ends: a row that took two lines would push the head out.
static void print_table(const struct top *top, const struct top_view *view, size_t rows)
{
    bool keys = top->kind == TOP_KEYS;
    char rate[32];
    struct table *table = table_new(keys ? "KEY\t-ACCOUNT\t-NAME\t>CALLS/S\t>CALLS\t>REFUSED\t>SHARE"
                                         : "-ACCOUNT\t>CALLS/S\t>CALLS\t>REFUSED\t>SHARE");
    for (size_t i = 0; i < view->count && i < rows; i++) {
        const struct top_row *row = &view->rows[i];
        const struct postern_busy *busy = row->busy;
        snprintf(rate, sizeof rate, row->has_rate ? "%.1f" : "-", row->calls_per_s);
        table_add(table, "%s%s%s%s%s\t%s\t%llu\t%llu\t%.1f %%", busy->key_id, keys ? "\t" : "",
                  busy->account[0] != '\0' ? busy->account : "(unknown)", keys ? "\t" : "", busy->key_name, rate,
                  (unsigned long long)busy->calls, (unsigned long long)busy->refusals, top_share(busy));
    }
    table_print(table);
    table_free(table);
}

static void print_head(const struct top *top, const struct top_view *view)
{
    char at[OUTPUT_TIME_SIZE], hour[OUTPUT_TIME_SIZE], when[OUTPUT_TIME_SIZE];
    uint64_t now = top->now->base.server_time_ms;
    double share = view->calls_per_s > 0 ? 100.0 * view->refusals_per_s / view->calls_per_s : 0;
    printf("%s  posternd %.32s, started %s\n", output_time(now, "", at), top->now->version,
           output_when(now - top->now->uptime_ms, now, "now", when));
    output_time(top->now->hour_start_ms, "", hour);
    if (view->has_rates)
        printf("%.1f calls/s, %.1f refused/s (%.1f %%); hour of %s\n", view->calls_per_s, view->refusals_per_s, share,
               hour);
    else
        printf("hour of %s\n", hour);
    puts(top->live ? "q quit  a accounts  k keys" : "");
}

static void draw(const struct top *top, const struct top_view *view)
{
    size_t columns, lines, rows = top->rows > 0 ? top->rows : ROWS_DEFAULT;
    table_room(&columns, &lines);
    if (top->live) {
        size_t fits = lines > LINES_OF_HEAD + LINES_BELOW ? lines - LINES_OF_HEAD - LINES_BELOW : 1;
        rows = top->rows > 0 && top->rows < fits ? top->rows : fits;
        fputs("\033[?7l\033[H\033[J", stdout); // cut what is too long; to the upper left; clear what follows
    }
    print_head(top, view);
    print_table(top, view, rows);
    if (view->count == 0)
        puts("Nobody called in the last two minutes.");
    if (top->live)
        fputs("\033[?7h", stdout);
    else if (top->count != 1)
        putchar('\n');
}

static json_t *rate_of(bool known, double per_s)
{
    return known ? json_real(per_s) : json_null();
}

static json_t *row_of(const struct top_row *row, enum top_kind kind)
{
    const struct postern_busy *busy = row->busy;
    json_t *object = json_pack("{s:s, s:o, s:I, s:I, s:f}", "account", busy->account, "calls_per_s",
                               rate_of(row->has_rate, row->calls_per_s), "calls", (json_int_t)busy->calls, "refusals",
                               (json_int_t)busy->refusals, "refused_percent", top_share(busy));
    if (kind == TOP_KEYS) {
        json_object_set_new(object, "key_id", json_string(busy->key_id));
        json_object_set_new(object, "key_name", json_string(busy->key_name));
    }
    return object;
}

static void print_json(const struct top *top, const struct top_view *view)
{
    json_t *list = json_array();
    for (size_t i = 0; i < view->count && (top->rows == 0 || i < top->rows); i++)
        json_array_append_new(list, row_of(&view->rows[i], top->kind));
    json_print(json_pack("{s:I, s:o, s:o, s:o, s:I, s:o}", "time_ms", (json_int_t)top->now->base.server_time_ms,
                         "interval_ms", view->has_rates ? json_integer((json_int_t)view->interval_ms) : json_null(),
                         "calls_per_s", rate_of(view->has_rates, view->calls_per_s), "refusals_per_s",
                         rate_of(view->has_rates, view->refusals_per_s), "hour_start_ms",
                         (json_int_t)top->now->hour_start_ms, top->kind == TOP_KEYS ? "keys" : "accounts", list));
}

static void show(const struct top *top)
{
    struct top_view view;
    top_rank(top->now, top->before, top->kind, &view);
    if (top->cli->json)
        print_json(top, &view);
    else
        draw(top, &view);
    fflush(stdout);
}

// Asks for Stats and shows the answer. Waits for a restart of posternd on a terminal; tells a script at once.
static bool refresh(struct top *top)
{
    struct postern_stats_request request = {.top = TOP_ROWS_MAX};
    struct postern_stats_reply *reply = NULL;
    struct cli *cli = top->cli;
    if (top->live && !argument_has(cli, "timeout"))
        request.call.timeout_ms = LIVE_TIMEOUT_MS;
    enum postern_status status = postern_stats(cli->client, &request, &reply, &cli->error);
    if (top->live && (status == POSTERN_UNAVAILABLE || status == POSTERN_DEADLINE_EXCEEDED)) {
        printf("\033[H\033[2Kno answer: %.60s; trying again", cli->error.message);
        fflush(stdout);
        return true;
    }
    if (!call_done(cli, status))
        return false;
    postern_reply_free(top->before);
    top->before = top->now;
    top->now = reply;
    show(top);
    return true;
}

// Waits until the next refresh is due, and looks for keys and signals at least once. False: it is told to quit.
static bool wait_for_next(struct top *top, uint64_t due_ms)
{
    uint64_t now_ms = terminal_clock_ms();
    do {
        char key;
        int left_ms = due_ms > now_ms ? (int)(due_ms - now_ms) : 0;
        enum terminal_event event = terminal_watch_wait(&top->watch, left_ms, &key);
        if (event == TERMINAL_QUIT)
            return false;
        if (key == 'k' || key == 'a')
            top->kind = key == 'k' ? TOP_KEYS : TOP_ACCOUNTS;
        if (event != TERMINAL_TIME && top->live && top->now != NULL)
            show(top);
        now_ms = terminal_clock_ms();
    } while (now_ms < due_ms);
    return true;
}

static void watch(struct top *top)
{
    uint64_t due_ms = terminal_clock_ms();
    if (top->live)
        fputs("\033[2J", stdout);
    for (uint64_t done = 1; refresh(top) && done != top->count && ferror(stdout) == 0; done++) {
        uint64_t now_ms = terminal_clock_ms();
        due_ms = due_ms + top->interval_ms > now_ms ? due_ms + top->interval_ms : now_ms;
        if (!wait_for_next(top, due_ms))
            return;
    }
}

static struct top read_top(struct cli *cli)
{
    const char *interval = argument_text(cli, "interval");
    bool once = argument_has(cli, "once");
    struct top top = {.cli = cli,
                      .kind = argument_has(cli, "keys") ? TOP_KEYS : TOP_ACCOUNTS,
                      .interval_ms = INTERVAL_MS_DEFAULT,
                      .count = once ? 1 : value_number(cli, "count", 1, UINT32_MAX),
                      .rows = (size_t)value_number(cli, "rows", 1, TOP_ROWS_MAX)};
    if (interval != NULL && (!value_span(interval, &top.interval_ms) || top.interval_ms < INTERVAL_MS_MIN ||
                             top.interval_ms > INTERVAL_MS_MAX))
        misuse(cli, "--interval \"%s\" is no time from 100ms to 24h: write 500ms, 1s or 1min", interval);
    if (once && argument_has(cli, "count"))
        misuse(cli, "--once is --count 1: give one of them");
    top.live = !cli->json && top.count != 1 && terminal_is_live();
    return top;
}

static void run_top(struct cli *cli)
{
    struct top top = read_top(cli);
    if (!cli_good(cli))
        return;
    if (terminal_watch_begin(&top.watch, top.live)) {
        watch(&top);
    } else {
        fprintf(stderr, "postern top: cannot wait for signals: %s\n", strerror(errno));
        cli->status = CLI_FAILED;
    }
    terminal_watch_end(&top.watch);
    postern_reply_free(top.before);
    postern_reply_free(top.now);
}

static const struct flag top_flags[] = {
    {"keys", NULL, "by key; otherwise by account"},
    {"interval", "TIME", "how long from one look to the next, e.g. 500ms, 5s (default 1s)"},
    {"count", "N", "stop after so many looks (default: never)"},
    {"once", NULL, "look once, for scripts; there are no calls per second then"},
    {"rows", "N", "show so many at most (default: what fits, 20 where there is no terminal)"},
    {0},
};

const struct command top_commands[] = {
    {"top", "", "watch the busiest accounts or keys", top_flags, run_top,
     .help = "For operators. CALLS/S is since the look before, the others are of the running hour; SHARE is how much "
             "of the\n"
             "calls was refused. Peeks do not count. On a terminal: q quits, a shows accounts, k keys. Elsewhere, one "
             "table\n"
             "after the other; with --json one object on a line for each look."},
    {0},
};

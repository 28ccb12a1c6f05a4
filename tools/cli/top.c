// top: who is busiest, as it goes on.
#include "top_rank.h"

#include "command.h"
#include "table.h"
#include "terminal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    INTERVAL_MS_DEFAULT = 1000,
    INTERVAL_MS_MIN = 100,
    INTERVAL_MS_MAX = 24 * 3600 * 1000,
    ROWS_DEFAULT = 20,
    LINES_OF_HEAD = 4, // three of words, the table's head
    LINES_BELOW = 1,
    NUMBERS_WIDTH = 43, // of the columns beside the names, gaps included
    NAME_MIN = 12,
    NAME_SIZE = 512,
    LINE_SIZE = 256,
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

// --- for people

// Cut between characters.
static void cut(char *text, size_t width)
{
    size_t shown = 0;
    for (; *text != '\0'; text++) {
        bool begins = ((unsigned char)*text & 0xC0) != 0x80;
        if (begins && shown++ == width)
            break;
    }
    *text = '\0';
}

static void add_name(struct table *table, const struct postern_busy *busy, enum top_kind kind, size_t width)
{
    char name[NAME_SIZE];
    const char *account = busy->account[0] != '\0' ? busy->account : "(unknown)";
    if (kind == TOP_KEYS)
        snprintf(name, sizeof name, "%s  %s  %s", busy->key_id, account, busy->key_name);
    else
        snprintf(name, sizeof name, "%s", account);
    cut(name, width);
    table_add(table, "%s", name);
}

static void add_row(struct table *table, const struct top_row *row)
{
    if (row->has_rate)
        table_add(table, "%9.1f", row->calls_per_s);
    else
        table_add(table, "%9s", "-");
    table_add(table, "%10llu", (unsigned long long)row->busy->calls);
    table_add(table, "%9llu", (unsigned long long)row->busy->refusals);
    table_add(table, "%5.1f %%", top_share(row->busy));
}

static void print_table(const struct top *top, const struct top_view *view, size_t rows)
{
    static const char *const of_accounts[] = {"ACCOUNT", "  CALLS/S", "     CALLS", "  REFUSED", "  SHARE"};
    static const char *const of_keys[] = {"KEY, ACCOUNT, NAME", "  CALLS/S", "     CALLS", "  REFUSED", "  SHARE"};
    struct table table = {0};
    size_t columns = terminal_size().columns;
    size_t width = columns > NUMBERS_WIDTH + NAME_MIN ? columns - NUMBERS_WIDTH : NAME_MIN;
    table_begin(&table, top->kind == TOP_KEYS ? of_keys : of_accounts, 5);
    for (size_t i = 0; i < view->count && i < rows; i++) {
        add_name(&table, view->rows[i].busy, top->kind, width);
        add_row(&table, &view->rows[i]);
    }
    table_print(&table);
    table_end(&table);
}

// On a terminal a line that is too long would take two.
static void print_line(const struct top *top, char line[LINE_SIZE])
{
    if (top->live)
        cut(line, terminal_size().columns);
    puts(line);
}

static void print_head(const struct top *top, const struct top_view *view)
{
    char line[LINE_SIZE], at[OUTPUT_TIME_SIZE], hour[OUTPUT_TIME_SIZE], when[OUTPUT_TIME_SIZE];
    uint64_t now = top->now->base.server_time_ms;
    double share = view->calls_per_s > 0 ? 100.0 * view->refusals_per_s / view->calls_per_s : 0;
    snprintf(line, sizeof line, "%s  posternd %.32s, started %s", output_time(now, "", at), top->now->version,
             output_when(now - top->now->uptime_ms, now, "now", when));
    print_line(top, line);
    output_time(top->now->hour_start_ms, "", hour);
    if (view->has_rates)
        snprintf(line, sizeof line, "%.1f calls/s, %.1f refused/s (%.1f %%); hour of %s", view->calls_per_s,
                 view->refusals_per_s, share, hour);
    else
        snprintf(line, sizeof line, "hour of %s", hour);
    print_line(top, line);
    puts(top->live ? "q quit  a accounts  k keys" : "");
}

// Everything in one write, so that the screen does not flicker.
static void draw(const struct top *top, const struct top_view *view)
{
    size_t lines = terminal_size().lines;
    size_t fits = lines > LINES_OF_HEAD + LINES_BELOW ? lines - LINES_OF_HEAD - LINES_BELOW : 1;
    size_t rows = top->rows > 0 ? top->rows : ROWS_DEFAULT;
    if (top->live) {
        fputs("\033[H\033[J", stdout); // to the upper left; clear what follows
        rows = top->rows > 0 && top->rows < fits ? top->rows : fits;
    }
    print_head(top, view);
    print_table(top, view, rows);
    if (view->count == 0)
        puts("Nobody called in the last two minutes.");
    if (!top->live && top->count != 1)
        putchar('\n');
}

static void show(const struct top *top)
{
    struct top_view view;
    top_rank(top->now, top->before, top->kind, &view);
    if (top->cli->json)
        top_json(top->now, &view, top->kind, top->rows > 0 ? top->rows : TOP_ROWS_MAX);
    else
        draw(top, &view);
    fflush(stdout);
}

// --- asking

// On a terminal a restart of posternd is waited for; a script is told at once.
static int refresh(struct top *top)
{
    struct postern_stats_request request = {.top = TOP_ROWS_MAX};
    struct postern_stats_reply *reply = NULL;
    struct cli *cli = top->cli;
    if (top->live && !argument_has(cli, "timeout"))
        request.call.timeout_ms = LIVE_TIMEOUT_MS;
    enum postern_status status = postern_stats(cli->client, &request, &reply, &cli->error);
    if (status == POSTERN_OK) {
        postern_reply_free(top->before);
        top->before = top->now;
        top->now = reply;
        show(top);
        return CLI_DONE;
    }
    bool passing = status == POSTERN_UNAVAILABLE || status == POSTERN_DEADLINE_EXCEEDED;
    if (!top->live || !passing)
        return call_failed(cli);
    printf("\033[H\033[2Kno answer: %.60s; trying again", cli->error.message);
    fflush(stdout);
    return CLI_DONE;
}

static uint64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void press(struct top *top, char key)
{
    if (key == 'k')
        top->kind = TOP_KEYS;
    if (key == 'a')
        top->kind = TOP_ACCOUNTS;
    if (top->live && top->now != NULL)
        show(top);
}

// Until it is time for the next refresh. False: that is enough.
static bool rest(struct top *top, uint64_t due_ms)
{
    for (;;) {
        char key;
        uint64_t now_ms = monotonic_ms();
        int left_ms = due_ms > now_ms ? (int)(due_ms - now_ms) : 0;
        switch (terminal_watch_wait(&top->watch, left_ms, &key)) {
        case TERMINAL_QUIT:
            return false;
        case TERMINAL_REDRAW:
        case TERMINAL_KEY:
            press(top, key);
            break;
        case TERMINAL_TIME:
            if (monotonic_ms() >= due_ms)
                return true;
        }
    }
}

static int watch(struct top *top)
{
    uint64_t due_ms = monotonic_ms();
    int status = CLI_DONE;
    if (top->live)
        fputs("\033[2J", stdout);
    for (uint64_t done = 1;; done++) {
        status = refresh(top);
        if (status != CLI_DONE || done == top->count || ferror(stdout) != 0)
            return status;
        uint64_t now_ms = monotonic_ms();
        due_ms = due_ms + top->interval_ms > now_ms ? due_ms + top->interval_ms : now_ms;
        if (!rest(top, due_ms))
            return status;
    }
}

// --- what is asked

static bool read_interval(struct top *top)
{
    const char *text = argument_text(top->cli, "interval");
    top->interval_ms = INTERVAL_MS_DEFAULT;
    if (text == NULL)
        return true;
    if (value_span(text, &top->interval_ms) && top->interval_ms >= INTERVAL_MS_MIN &&
        top->interval_ms <= INTERVAL_MS_MAX)
        return true;
    misuse(top->cli, "--interval \"%s\" is no time from 100ms to 24h: write 500ms, 1s or 1min", text);
    return false;
}

static bool read_top(struct top *top)
{
    struct cli *cli = top->cli;
    uint64_t rows = 0;
    if (!read_interval(top) || !value_number(cli, "count", UINT32_MAX, &top->count) ||
        !value_number(cli, "rows", TOP_ROWS_MAX, &rows))
        return false;
    if (argument_has(cli, "once") && argument_has(cli, "count")) {
        misuse(cli, "--once is --count 1: give one of them");
        return false;
    }
    top->count = argument_has(cli, "once") ? 1 : top->count;
    top->rows = (size_t)rows;
    top->kind = argument_has(cli, "keys") ? TOP_KEYS : TOP_ACCOUNTS;
    top->live = !cli->json && top->count != 1 && terminal_is_live();
    return true;
}

static int run_top(struct cli *cli)
{
    struct top top = {.cli = cli};
    if (!read_top(&top))
        return CLI_MISUSED;
    if (!terminal_watch_begin(&top.watch, top.live)) {
        fprintf(stderr, "postern top: cannot wait for signals: %s\n", strerror(errno));
        return CLI_FAILED;
    }
    int status = call_open(cli);
    if (status == CLI_DONE)
        status = watch(&top);
    terminal_watch_end(&top.watch);
    postern_reply_free(top.before);
    postern_reply_free(top.now);
    return status;
}

static const struct flag top_flags[] = {
    {"keys", NULL, false, "by key; otherwise by account"},
    {"interval", "TIME", false, "how long from one look to the next, e.g. 500ms, 5s (default 1s)"},
    {"count", "N", false, "stop after so many looks (default: never)"},
    {"once", NULL, false, "look once, for scripts; there are no calls per second then"},
    {"rows", "N", false, "show so many at most (default: what fits, 20 where there is no terminal)"},
    {0},
};

const struct command command_top = {
    .words = "top",
    .operands = "",
    .summary = "watch the busiest accounts or keys",
    .flags = top_flags,
    .notes = "For operators. CALLS/S is since the look before, the others are of the running hour; SHARE is how much "
             "of the\n"
             "calls was refused. Peeks do not count. On a terminal: q quits, a shows accounts, k keys. Elsewhere, one "
             "table\n"
             "after the other; with --json one object on a line for each look.",
    .run = run_top,
};

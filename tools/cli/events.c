// events: prints changes, coming expiries and unusual activity as JSON lines. Changes come from a call that waits on
// the server; between two of those calls the command looks now and then for the others.
#include "event_keys.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

enum {
    INTERVAL_MS_DEFAULT = 60 * 1000,
    INTERVAL_MS_MIN = 1000,
    INTERVAL_MS_MAX = 24 * 3600 * 1000,
    PAGE_SIZE = 100,
    RETRY_MS = 1000,
    LINES_SIZE = 64 * 1024 // so that a line leaves as one piece
};

#define SEQ_NOW UINT64_MAX // the newest change, before its number is known

// How the reader reads.
struct reading {
    struct events events;
    bool follows;
    uint64_t interval_ms;
    uint64_t look_ms;   // when the next look at keys is due
    uint64_t looked_ms; // when the last one for expiries was
    bool was_answered;  // once: a posternd that does not answer now is only away
    bool complained;
};

// ----------------------------------------------------------------------------------------------------------- changes

static bool sets_expiry(const struct postern_change *change)
{
    for (size_t i = 0; i < change->after_count; i++)
        if (strcmp(change->after[i].key, "expires_at_ms") == 0)
            return true;
    return false;
}

// A change has a line for each record that it touched. A page ends between two changes.
static void print_changes(struct events *events, const struct postern_list_changes_reply *reply)
{
    struct event_position *at = &events->at;
    json_t *root = json_reply(reply), *changes = json_object_get(root, "changes");
    size_t part = 0;
    for (size_t i = 0; i < reply->change_count; i++) {
        const struct postern_change *change = &reply->changes[i];
        bool is_last = i + 1 == reply->change_count || change[1].seq != change->seq;
        bool is_printed = at->parts > part && at->seq == change->seq;
        part++;
        if (!is_printed) {
            at->seq = change->seq;
            at->parts = is_last ? 0 : part;
            if (sets_expiry(change))
                events->expiry_set_ms = change->time_ms;
            event_print(at, "change", change->time_ms, json_array_get(changes, i));
        }
        if (is_last)
            part = 0;
    }
    json_decref(root);
}

// Goes on to the next page, and frees the reply of this one. False: this was the last page.
static bool turn_page(struct events *events, struct postern_list_changes_request *request,
                      uint8_t token[EVENTS_PAGE_TOKEN_MAX], struct postern_list_changes_reply *reply)
{
    size_t size = reply->next_page_token_size < EVENTS_PAGE_TOKEN_MAX ? reply->next_page_token_size : 0;
    bool is_past = events->at.seq == SEQ_NOW || reply->base.seq >= events->at.seq;
    if (size > 0)
        memcpy(token, reply->next_page_token, size);
    request->page_token = token;
    request->page_token_size = size;
    events->now_ms = reply->base.server_time_ms;
    if (size == 0 && is_past) {
        events->at.seq = reply->base.seq;
        events->at.parts = 0;
    }
    postern_reply_free(reply);
    return size > 0;
}

// A reader that begins behind a change, and not at a whole position, hears of what has come due since the next one.
static void begin_expiries(struct event_position *at, const struct postern_list_changes_reply *reply)
{
    uint64_t now_ms = reply->base.server_time_ms;
    if (!at->has_times)
        at->expiry_ms = reply->change_count > 0 ? reply->changes[0].time_ms - 1 : now_ms;
    at->has_times = true;
}

// Prints the changes behind the position. When there is none it waits for one, at most so long.
static enum postern_status read_changes(struct events *events, uint32_t wait_ms)
{
    uint8_t token[EVENTS_PAGE_TOKEN_MAX];
    struct postern_list_changes_reply *reply = NULL;
    struct postern_list_changes_request request = {.account = events->account,
                                                   .page_size = PAGE_SIZE,
                                                   .after_seq = events->at.seq - (events->at.parts > 0),
                                                   .wait_ms = wait_ms};
    do {
        enum postern_status status = postern_list_changes(events->cli->client, &request, &reply, &events->cli->error);
        if (status != POSTERN_OK)
            return status;
        begin_expiries(&events->at, reply);
        print_changes(events, reply);
    } while (turn_page(events, &request, token, reply));
    return POSTERN_OK;
}

// ----------------------------------------------------------------------------------------------------------- reading

// An expiry that was set may be close already, and is looked at soon.
static uint64_t next_look_ms(const struct reading *reading)
{
    uint64_t soon_ms = reading->looked_ms + INTERVAL_MS_MIN;
    bool is_news = reading->events.expiry_set_ms > reading->events.at.expiry_ms;
    return is_news && soon_ms < reading->look_ms ? soon_ms : reading->look_ms;
}

static enum postern_status look(struct reading *reading)
{
    struct events *events = &reading->events;
    enum postern_status status = event_keys_print_expiring(events);
    if (status != POSTERN_OK)
        return status;
    reading->looked_ms = events->now_ms;
    if (events->now_ms < reading->look_ms)
        return POSTERN_OK;
    status = event_keys_print_unusual(events);
    if (status == POSTERN_OK)
        reading->look_ms = events->now_ms + reading->interval_ms;
    return status;
}

static enum postern_status read_once(struct reading *reading)
{
    struct events *events = &reading->events;
    uint64_t look_ms = next_look_ms(reading), wait_ms = look_ms > events->now_ms ? look_ms - events->now_ms : 0;
    enum postern_status status =
        read_changes(events, wait_ms < POSTERN_WAIT_MS_MAX ? (uint32_t)wait_ms : POSTERN_WAIT_MS_MAX);
    return status == POSTERN_OK && events->now_ms >= next_look_ms(reading) ? look(reading) : status;
}

// A reader that follows waits while posternd restarts or has too much to do. Says so once.
static bool may_go_on(struct reading *reading, enum postern_status status)
{
    struct cli *cli = reading->events.cli;
    bool passes = status == POSTERN_UNAVAILABLE || status == POSTERN_DEADLINE_EXCEEDED ||
                  (status == POSTERN_RESOURCE_EXHAUSTED && cli->error.retry_after_ms > 0);
    if (!reading->follows || !reading->was_answered || !passes)
        return call_done(cli, status);
    char text[OUTPUT_LIST_SIZE];
    if (!reading->complained)
        fprintf(stderr, "%s: %s: %s; trying again\n", cli->name, postern_status_name(status),
                wording_of(cli, &cli->error, text));
    reading->complained = true;
    poll(NULL, 0, RETRY_MS);
    return true;
}

// Nobody reads any more: the other end of the pipe is closed.
static bool is_unread(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO};
    return ferror(stdout) != 0 || (poll(&out, 1, 0) == 1 && (out.revents & (POLLERR | POLLNVAL)) != 0);
}

static void read_on(struct reading *reading)
{
    do {
        enum postern_status status = read_once(reading);
        if (status != POSTERN_OK && !may_go_on(reading, status))
            return;
        if (status == POSTERN_OK) {
            reading->was_answered = true;
            reading->complained = false;
        }
    } while (reading->follows && !is_unread());
}

static struct reading read_options(struct cli *cli)
{
    const char *interval = argument_text(cli, "interval"), *after = argument_text(cli, "after");
    struct reading reading = {.events = {.cli = cli, .account = argument_text(cli, "account")},
                              .follows = argument_has(cli, "follow"),
                              .interval_ms = INTERVAL_MS_DEFAULT};
    struct event_position *at = &reading.events.at;
    at->has_times = after == NULL;
    if (after != NULL && strcmp(after, "now") == 0)
        at->seq = SEQ_NOW;
    else if (after != NULL && !event_position_parse(after, at))
        misuse(cli, "--after \"%s\" is not what \"position\" of a line said: give that, the seq of a change, or now",
               after);
    if (interval != NULL && (!value_span(interval, &reading.interval_ms) || reading.interval_ms < INTERVAL_MS_MIN ||
                             reading.interval_ms > INTERVAL_MS_MAX))
        misuse(cli, "--interval \"%s\" is no time from 1s to 24h: write 10s, 1min or 1h", interval);
    if (interval != NULL && !reading.follows)
        misuse(cli, "--interval goes with --follow; without it there is one look");
    return reading;
}

static void run_events(struct cli *cli)
{
    struct reading reading = read_options(cli);
    setvbuf(stdout, NULL, _IOFBF, LINES_SIZE);
    if (cli_good(cli))
        read_on(&reading);
    event_position_wipe(&reading.events.at);
}

static const struct flag events_flags[] = {
    {"follow", NULL, "go on, and print what happens as soon as it does"},
    {"after", "TEXT",
     "go on behind the line whose `position` this is, or the change of this seq; now: with what comes"},
    {"account", "ID", "of this account only"},
    {"interval", "TIME", "how often to look for coming expiries and unusual activity (default 1min)"},
    {0},
};

const struct command events_commands[] = {
    {"events", "", "print changes, coming expiries and unusual activity as JSON lines", events_flags, run_events,
     .help =
         "Each line has `event` (change, expiry or unusual), `time`, `seq` and `position`. A change has what audit\n"
         "shows; of a key that expires there are lines 30, 7 and 1 days before, and one at once when a change\n"
         "(create, update, roll, import) sets an expiry that is closer already: for the nearest of these days\n"
         "that has passed. What is unusual is as in usage --unusual, once in an hour for each key. A reader that\n"
         "is started again with the `position` of the last line that it has dealt with misses nothing and gets\n"
         "nothing twice. As a webhook:\n"
         "  postern events --follow --after \"$(cat position || echo now)\" | while read -r event; do\n"
         "      printf %s \"$event\" | curl -fsS --retry 5 --data-binary @- \"$HOOK\" || exit 1\n"
         "      printf %s \"$event\" | jq -r .position >position.new && mv position.new position\n"
         "  done"},
    {0},
};

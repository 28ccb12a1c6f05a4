// Looks through the lists of keys for what has come due or become unusual, and prints each such event once.
//
// A notice of an expiry is due so many days before it, or when the expiry was set, if it is closer than that already.
// Either moment is in the key's record, so all readers find the same notices in the same order: by their moments, then
// by key. One that has printed those up to some moment goes on with the later ones, and prints each once, over restarts
// too. It goes no further than posternd can tell that no earlier one comes any more: a change that is not on disk yet
// has its moment already. Unusual activity has no such moment: the position says which flags of which keys were printed
// in the running hour.
#include "event_keys.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE_SIZE = 500, UNUSUAL_PAGE_SIZE = 250, HOURS_BACK = 24 };

#define HOUR_MS (UINT64_C(3600) * 1000)
#define DAY_MS  (24 * HOUR_MS)

// Does something with one key of a list; `object` is the same key as JSON.
struct visit {
    void (*key)(struct visit *visit, const struct postern_key *key, json_t *object);
    struct events *events;
    void *context;     // of `key`
    uint64_t until_ms; // the first page that was read has all changes up to this moment; 0: none was read
};

static void note_complete(struct visit *visit, uint64_t complete_until_ms)
{
    uint64_t now_ms = visit->events->now_ms;
    bool is_earlier = complete_until_ms != 0 && complete_until_ms < now_ms; // an older posternd does not say it
    if (visit->until_ms == 0)
        visit->until_ms = is_earlier ? complete_until_ms : now_ms;
}

static enum postern_status visit_keys(struct visit *visit, struct postern_list_request *request)
{
    uint8_t token[EVENTS_PAGE_TOKEN_MAX];
    struct cli *cli = visit->events->cli;
    request->account = visit->events->account;
    do {
        struct postern_list_reply *reply = NULL;
        enum postern_status status = postern_list(cli->client, request, &reply, &cli->error);
        if (status == POSTERN_NOT_FOUND && request->account != NULL) { // it is deleted, or not made yet
            note_complete(visit, 0);
            return POSTERN_OK;
        }
        if (status != POSTERN_OK)
            return status;
        note_complete(visit, reply->complete_until_ms);
        json_t *root = json_reply(reply), *keys = json_object_get(root, "keys");
        for (size_t i = 0; i < reply->key_count; i++)
            visit->key(visit, &reply->keys[i], json_array_get(keys, i));
        json_decref(root);
        size_t size = reply->next_page_token_size < sizeof token ? reply->next_page_token_size : 0;
        if (size > 0)
            memcpy(token, reply->next_page_token, size);
        request->page_token = token;
        request->page_token_size = size;
        postern_reply_free(reply);
    } while (request->page_token_size > 0);
    return POSTERN_OK;
}

// Makes an object that has these members of another one.
static json_t *pick_members(json_t *object, const char *const *names)
{
    json_t *picked = json_object();
    for (; *names != NULL; names++)
        json_object_set(picked, *names, json_object_get(object, *names));
    return picked;
}

// ---------------------------------------------------------------------------------------------------- coming expiries

static const uint64_t days_before[] = {1, 7, 30};

enum { THRESHOLDS = sizeof days_before / sizeof days_before[0] };

struct notice {
    uint64_t time_ms;
    char key[EVENT_KEY_SIZE + 1];
    json_t *members;
};

struct notices {
    struct visit visit;
    uint64_t days; // before the expiry
    struct notice *items;
    size_t count, room;
};

static void add_notice(struct notices *notices, uint64_t days, uint64_t time_ms, const char *key, json_t *object)
{
    static const char *const names[] = {"account",         "key_id",           "name", "expires_at_ms", "state",
                                        "last_used_at_ms", "successor_key_id", NULL};
    const struct visit *visit = &notices->visit;
    if (time_ms > visit->until_ms || event_position_has_expiry(&visit->events->at, time_ms, key))
        return;
    if (notices->count == notices->room) {
        notices->room = notices->room > 0 ? 2 * notices->room : 16;
        notices->items = pool_need(reallocarray(notices->items, notices->room, sizeof *notices->items));
    }
    struct notice *notice = &notices->items[notices->count++];
    *notice = (struct notice){.time_ms = time_ms, .members = pick_members(object, names)};
    snprintf(notice->key, sizeof notice->key, "%s", key);
    json_object_set_new(notice->members, "days", json_integer((json_int_t)days));
}

static uint64_t set_at_ms(const struct postern_key *key)
{
    return key->expiry_set_at_ms != 0 ? key->expiry_set_at_ms : key->created_at_ms;
}

// A moment that lay ahead when the expiry was set.
static void visit_due(struct visit *visit, const struct postern_key *key, json_t *object)
{
    struct notices *notices = visit->context;
    uint64_t span_ms = notices->days * DAY_MS;
    if (key->state != POSTERN_KEY_STATE_REVOKED && key->expires_at_ms > set_at_ms(key) + span_ms)
        add_notice(notices, notices->days, key->expires_at_ms - span_ms, event_key(key->key_id), object);
}

// An expiry that was closer than that when it was set: of the moments that had passed, the nearest.
static void visit_set(struct visit *visit, const struct postern_key *key, json_t *object)
{
    uint64_t time_ms = set_at_ms(key);
    size_t i = 0;
    if (key->state == POSTERN_KEY_STATE_REVOKED || key->expires_at_ms <= time_ms)
        return;
    while (i < THRESHOLDS && key->expires_at_ms - time_ms > days_before[i] * DAY_MS)
        i++;
    if (i < THRESHOLDS)
        add_notice(visit->context, days_before[i], time_ms, event_key(key->key_id), object);
}

// A reader that begins hears of keys that have not expired yet; one that goes on hears of all that has become due
// meanwhile.
static enum postern_status collect_due(struct notices *notices, uint64_t days)
{
    const struct events *events = notices->visit.events;
    uint64_t span_ms = days * DAY_MS, from_ms = events->at.expiry_ms;
    struct postern_list_request request = {.page_size = PAGE_SIZE,
                                           .expires_after_ms = from_ms > 0 ? from_ms + span_ms : events->now_ms + 1,
                                           .expires_before_ms = events->now_ms + span_ms + 1};
    notices->days = days;
    notices->visit.key = visit_due;
    return visit_keys(&notices->visit, &request);
}

static enum postern_status collect_set(struct notices *notices)
{
    const struct events *events = notices->visit.events;
    uint64_t from_ms = events->at.expiry_ms;
    struct postern_list_request request = {.page_size = PAGE_SIZE,
                                           .expiry_set_after_ms = from_ms,
                                           .expires_after_ms = (from_ms > 0 ? from_ms : events->now_ms) + 1,
                                           .expires_before_ms =
                                               events->now_ms + days_before[THRESHOLDS - 1] * DAY_MS + 1};
    notices->visit.key = visit_set;
    return visit_keys(&notices->visit, &request);
}

static int compare_notices(const void *one, const void *other)
{
    const struct notice *a = one, *b = other;
    if (a->time_ms != b->time_ms)
        return a->time_ms < b->time_ms ? -1 : 1;
    return strcmp(a->key, b->key);
}

static void print_notices(struct events *events, const struct notices *notices)
{
    for (size_t i = 0; i < notices->count; i++) {
        const struct notice *notice = &notices->items[i];
        events->at.expiry_ms = notice->time_ms;
        memcpy(events->at.expiry_key, notice->key, sizeof notice->key);
        event_print(&events->at, "expiry", notice->time_ms, notice->members);
    }
    events->at.expiry_ms = notices->visit.until_ms;
    events->at.expiry_key[0] = '\0';
}

enum postern_status event_keys_print_expiring(struct events *events)
{
    struct notices notices = {.visit = {.events = events}};
    notices.visit.context = &notices;
    if (events->at.expiry_ms >= events->now_ms)
        return POSTERN_OK;
    enum postern_status status = collect_set(&notices);
    for (size_t i = 0; i < THRESHOLDS && status == POSTERN_OK; i++)
        status = collect_due(&notices, days_before[i]);
    if (notices.count > 0)
        qsort(notices.items, notices.count, sizeof *notices.items, compare_notices);
    if (status == POSTERN_OK && notices.visit.until_ms > events->at.expiry_ms)
        print_notices(events, &notices);
    for (size_t i = 0; i < notices.count; i++)
        json_decref(notices.items[i].members);
    free(notices.items);
    return status;
}

// --------------------------------------------------------------------------------------------------- unusual activity

static unsigned flags_of(const struct postern_key *key)
{
    unsigned flags = 0;
    for (size_t i = 0; i < key->unusual_count; i++)
        if ((unsigned)key->unusual[i] >= 1 && (unsigned)key->unusual[i] <= EVENT_FLAGS)
            flags |= 1U << ((unsigned)key->unusual[i] - 1);
    return flags;
}

static void visit_unusual(struct visit *visit, const struct postern_key *key, json_t *object)
{
    static const char *const names[] = {"account",           "key_id", "name", "activity", "last_used_at_ms",
                                        "last_used_address", NULL};
    struct events *events = visit->events;
    unsigned news = event_position_see(&events->at, key->key_id, flags_of(key));
    if (news == 0)
        return;
    json_t *unusual = json_array(), *members = pick_members(object, names);
    for (unsigned flag = 1; flag <= EVENT_FLAGS; flag++)
        if ((news & 1U << (flag - 1)) != 0)
            json_array_append_new(unusual, json_string(postern_unusual_name((enum postern_unusual)flag)));
    json_object_set_new(members, "unusual", unusual);
    event_print(&events->at, "unusual", events->now_ms, members);
    json_decref(members);
}

// Looks once more at the whole hour that was not finished at the last look, then at those after it.
enum postern_status event_keys_print_unusual(struct events *events)
{
    struct visit visit = {.key = visit_unusual, .events = events};
    uint64_t now_ms = events->now_ms - events->now_ms % HOUR_MS, first_ms = events->at.hour_ms;
    if (first_ms == 0 || first_ms > now_ms)
        event_position_turn(&events->at, now_ms);
    else if (now_ms - first_ms > HOURS_BACK * HOUR_MS)
        event_position_turn(&events->at, now_ms - HOURS_BACK * HOUR_MS);
    for (;;) {
        struct postern_list_request request = {
            .page_size = UNUSUAL_PAGE_SIZE, .unusual = true, .unusual_at_ms = events->at.hour_ms};
        enum postern_status status = visit_keys(&visit, &request);
        if (status != POSTERN_OK || events->at.hour_ms >= now_ms)
            return status;
        event_position_turn(&events->at, events->at.hour_ms + HOUR_MS);
    }
}

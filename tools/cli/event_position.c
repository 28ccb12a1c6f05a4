// Reads and writes the text of a position, and remembers the keys whose activity was printed.
#include "event_position.h"

#include "cli.h"

#include <stdlib.h>
#include <string.h>

// ---------------------------------------------------------------------------------------------------------- reading

static bool take_key(const char **text, char key[EVENT_KEY_SIZE + 1])
{
    if (strspn(*text, value_base62_alphabet) < EVENT_KEY_SIZE)
        return false;
    memcpy(key, *text, EVENT_KEY_SIZE);
    key[EVENT_KEY_SIZE] = '\0';
    *text += EVENT_KEY_SIZE;
    return true;
}

static bool take_mark(const char **text, char mark)
{
    if (**text != mark)
        return false;
    ++*text;
    return true;
}

static bool take_seen(const char **text, struct event_position *position)
{
    char key[EVENT_KEY_SIZE + 1];
    while (take_mark(text, '+')) {
        if (!take_key(text, key) || **text < '1' || **text >= '0' + (1 << EVENT_FLAGS))
            return false;
        event_position_see(position, key, (unsigned)(**text - '0'));
        ++*text;
    }
    return true;
}

static bool take_times(const char **text, struct event_position *position)
{
    if (!value_digits(*text, &position->expiry_ms, text))
        return false;
    if (take_mark(text, '.') && !take_key(text, position->expiry_key))
        return false;
    position->has_times = true;
    return take_mark(text, '/') && value_digits(*text, &position->hour_ms, text) && take_seen(text, position);
}

bool event_position_parse(const char *text, struct event_position *position)
{
    *position = (struct event_position){0};
    bool good = value_digits(text, &position->seq, &text);
    if (good && take_mark(&text, '.'))
        good = value_digits(text, &position->parts, &text) && position->seq > 0;
    if (good && take_mark(&text, '/'))
        good = take_times(&text, position);
    if (good && *text == '\0')
        return true;
    event_position_wipe(position);
    return false;
}

// ---------------------------------------------------------------------------------------------------------- writing

void event_position_format(const struct event_position *position, char text[EVENT_POSITION_SIZE])
{
    size_t told = position->seen_count < EVENT_SEEN_TOLD ? position->seen_count : EVENT_SEEN_TOLD;
    size_t size = (size_t)snprintf(text, EVENT_POSITION_SIZE, "%llu", (unsigned long long)position->seq);
    if (position->parts > 0)
        size += (size_t)snprintf(text + size, EVENT_POSITION_SIZE - size, ".%llu", (unsigned long long)position->parts);
    size += (size_t)snprintf(text + size, EVENT_POSITION_SIZE - size, "/%llu%s%s/%llu",
                             (unsigned long long)position->expiry_ms, position->expiry_key[0] != '\0' ? "." : "",
                             position->expiry_key, (unsigned long long)position->hour_ms);
    for (size_t i = position->seen_count - told; i < position->seen_count; i++)
        size += (size_t)snprintf(text + size, EVENT_POSITION_SIZE - size, "+%s%u", position->seen[i].key,
                                 position->seen[i].flags);
}

_Static_assert(4 * 21 + EVENT_KEY_SIZE + EVENT_SEEN_TOLD * (EVENT_KEY_SIZE + 2) < EVENT_POSITION_SIZE,
               "it always fits");

void event_print(const struct event_position *position, const char *event, uint64_t time_ms, json_t *members)
{
    char at[OUTPUT_TIME_SIZE], text[EVENT_POSITION_SIZE];
    json_t *line = json_pack("{s:s, s:s, s:I}", "event", event, "time", output_time(time_ms, "", at), "time_ms",
                             (json_int_t)time_ms);
    json_object_update(line, members);
    if (json_object_get(line, "seq") == NULL)
        json_object_set_new(line, "seq", json_integer((json_int_t)position->seq));
    event_position_format(position, text);
    json_object_set_new(line, "position", json_string(text));
    json_print(line);
    fflush(stdout);
}

bool event_position_has_expiry(const struct event_position *position, uint64_t time_ms, const char *key)
{
    bool is_all = position->expiry_key[0] == '\0';
    return time_ms < position->expiry_ms ||
           (time_ms == position->expiry_ms && (is_all || strcmp(key, position->expiry_key) <= 0));
}

// ------------------------------------------------------------------------------------------------------------- seen

const char *event_key(const char *key_id)
{
    return strncmp(key_id, "key_", 4) == 0 && strlen(key_id) == 4 + EVENT_KEY_SIZE ? key_id + 4 : "";
}

static struct event_seen *find(const struct event_position *position, const char *key)
{
    for (size_t i = 0; i < position->seen_count; i++)
        if (strcmp(position->seen[i].key, key) == 0)
            return &position->seen[i];
    return NULL;
}

static struct event_seen *add(struct event_position *position, const char *key)
{
    if (position->seen_count == position->seen_room) {
        position->seen_room = position->seen_room > 0 ? 2 * position->seen_room : 16;
        position->seen = pool_need(reallocarray(position->seen, position->seen_room, sizeof *position->seen));
    }
    struct event_seen *seen = &position->seen[position->seen_count++];
    *seen = (struct event_seen){.flags = 0};
    memcpy(seen->key, key, EVENT_KEY_SIZE);
    return seen;
}

unsigned event_position_see(struct event_position *position, const char *key_id, unsigned flags)
{
    const char *key = strlen(key_id) == EVENT_KEY_SIZE ? key_id : event_key(key_id);
    if (key[0] == '\0' || flags == 0)
        return 0;
    struct event_seen *seen = find(position, key);
    if (seen == NULL)
        seen = add(position, key);
    unsigned news = flags & ~seen->flags;
    seen->flags |= flags;
    return news;
}

void event_position_turn(struct event_position *position, uint64_t hour_ms)
{
    position->hour_ms = hour_ms;
    position->seen_count = 0;
}

void event_position_wipe(struct event_position *position)
{
    free(position->seen);
    *position = (struct event_position){0};
}

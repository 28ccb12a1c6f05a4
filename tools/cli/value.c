// Text of the command line into numbers and structs.
#define _XOPEN_SOURCE 700
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MOMENT_MS_MAX UINT64_C(253402300799999) // the end of the year 9999

// Reads digits; what follows them is left in *rest. False: there are none, or too many.
static bool read_digits(const char *text, uint64_t *number, const char **rest)
{
    const char *at = text;
    *number = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (*number > (UINT64_MAX - digit) / 10)
            return false;
        *number = *number * 10 + digit;
    }
    *rest = at;
    return at != text;
}

bool value_number(const struct cli *cli, const char *name, uint64_t max, uint64_t *number)
{
    const char *text = argument_text(cli, name), *rest;
    *number = 0;
    if (text == NULL || (read_digits(text, number, &rest) && *rest == '\0' && *number <= max))
        return true;
    misuse(cli, "--%s \"%s\" is not a whole number up to %llu", name, text, (unsigned long long)max);
    return false;
}

// ------------------------------------------------------------------------------------------------------------ words

struct word {
    const char *text;
    int number;
};

static const struct word environments[] = {{"test", POSTERN_ENVIRONMENT_TEST}, {"live", POSTERN_ENVIRONMENT_LIVE}, {0}};
static const struct word key_types[] = {{"secret", POSTERN_KEY_TYPE_SECRET}, {"public", POSTERN_KEY_TYPE_PUBLIC}, {0}};
static const struct word key_states[] = {
    {"active", POSTERN_KEY_STATE_ACTIVE},     {"rolling", POSTERN_KEY_STATE_ROLLING},
    {"disabled", POSTERN_KEY_STATE_DISABLED}, {"expired", POSTERN_KEY_STATE_EXPIRED},
    {"revoked", POSTERN_KEY_STATE_REVOKED},   {0}};

static bool find_word(const struct word *words, const char *text, int *number)
{
    for (const struct word *word = words; word->text != NULL; word++)
        if (strcmp(word->text, text) == 0) {
            *number = word->number;
            return true;
        }
    return false;
}

static bool read_word(const struct cli *cli, const struct word *words, const char *what, const char *text, int *number)
{
    char all[128] = "";
    if (find_word(words, text, number))
        return true;
    for (const struct word *word = words; word->text != NULL; word++) {
        size_t size = strlen(all);
        snprintf(all + size, sizeof all - size, "%s%s", size > 0 ? ", " : "", word->text);
    }
    misuse(cli, "\"%s\" is no %s; there are: %s", text, what, all);
    return false;
}

bool value_environment_word(const char *text, enum postern_environment *environment)
{
    int number = POSTERN_ENVIRONMENT_UNSPECIFIED;
    bool known = find_word(environments, text, &number);
    *environment = (enum postern_environment)number;
    return known;
}

bool value_key_type_word(const char *text, enum postern_key_type *type)
{
    int number = POSTERN_KEY_TYPE_UNSPECIFIED;
    bool known = find_word(key_types, text, &number);
    *type = (enum postern_key_type)number;
    return known;
}

bool value_environment(const struct cli *cli, const char *text, enum postern_environment *environment)
{
    int number = POSTERN_ENVIRONMENT_UNSPECIFIED;
    bool known = read_word(cli, environments, "environment", text, &number);
    *environment = (enum postern_environment)number;
    return known;
}

bool value_environment_flag(const struct cli *cli, enum postern_environment *environment)
{
    const char *text = argument_text(cli, "env");
    *environment = POSTERN_ENVIRONMENT_UNSPECIFIED;
    return text == NULL || value_environment(cli, text, environment);
}

bool value_key_type_flag(const struct cli *cli, enum postern_key_type *type)
{
    const char *text = argument_text(cli, "type");
    int number = POSTERN_KEY_TYPE_UNSPECIFIED;
    bool known = text == NULL || read_word(cli, key_types, "type of key", text, &number);
    *type = (enum postern_key_type)number;
    return known;
}

bool value_key_state_flag(const struct cli *cli, enum postern_key_state *state)
{
    const char *text = argument_text(cli, "state");
    int number = POSTERN_KEY_STATE_UNSPECIFIED;
    bool known = text == NULL || read_word(cli, key_states, "state of a key", text, &number);
    *state = (enum postern_key_state)number;
    return known;
}

// ------------------------------------------------------------------------------------------------------------- time

bool value_span(const char *text, uint64_t *span_ms)
{
    static const struct {
        const char *word;
        uint64_t ms;
    } units[] = {{"ms", 1},         {"s", 1000},       {"sec", 1000},      {"second", 1000},  {"m", 60000},
                 {"min", 60000},    {"minute", 60000}, {"h", 3600000},     {"hour", 3600000}, {"d", 86400000},
                 {"day", 86400000}, {"w", 604800000},  {"week", 604800000}};
    const char *unit;
    if (!read_digits(text, span_ms, &unit))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(unit, units[i].word) == 0 && *span_ms <= MOMENT_MS_MAX / units[i].ms) {
            *span_ms *= units[i].ms;
            return true;
        }
    return false;
}

// RFC 3339: 2027-01-31T12:00:00Z, 2027-01-31T12:00:00.5+02:00. Fractions are cut to milliseconds.
static bool read_rfc3339(const char *text, uint64_t *moment_ms)
{
    struct tm tm = {0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (rest == NULL || strlen(text) < 20 || text[4] != '-' || text[10] != 'T')
        return false;
    uint64_t fraction_ms = 0;
    if (*rest == '.') {
        uint64_t weight = 100;
        for (rest++; *rest >= '0' && *rest <= '9'; rest++, weight /= 10)
            fraction_ms += weight * (uint64_t)(*rest - '0');
    }
    long offset_s = 0;
    int hours, minutes, used = 0;
    if (sscanf(rest + (*rest != '\0'), "%2d:%2d%n", &hours, &minutes, &used) == 2 && used == 5 &&
        (*rest == '+' || *rest == '-') && rest[6] == '\0' && hours >= 0 && hours < 24 && minutes >= 0 && minutes < 60)
        offset_s = (*rest == '+' ? 1L : -1L) * (hours * 3600L + minutes * 60L);
    else if (strcmp(rest, "Z") != 0)
        return false;
    long long seconds = (long long)timegm(&tm) - offset_s;
    if (seconds < 0 || (uint64_t)seconds > MOMENT_MS_MAX / 1000)
        return false;
    *moment_ms = (uint64_t)seconds * 1000 + fraction_ms;
    return true;
}

static uint64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

// Unix milliseconds of this century have twelve digits or more; fewer would be seconds by mistake.
static bool read_unix_ms(const char *text, uint64_t *moment_ms)
{
    const char *rest;
    return strlen(text) >= 12 && read_digits(text, moment_ms, &rest) && *rest == '\0' && *moment_ms <= MOMENT_MS_MAX;
}

bool value_moment(const char *text, bool past, uint64_t *moment_ms)
{
    uint64_t span = 0;
    *moment_ms = 0;
    if (read_unix_ms(text, moment_ms) || read_rfc3339(text, moment_ms))
        return true;
    if (!value_span(text, &span))
        return false;
    uint64_t now = wall_ms();
    *moment_ms = past ? (now > span ? now - span : 1) : now + span;
    return *moment_ms <= MOMENT_MS_MAX;
}

bool value_moment_flag(const struct cli *cli, const char *name, bool past, uint64_t *moment_ms)
{
    const char *text = argument_text(cli, name);
    *moment_ms = 0;
    if (text == NULL || value_moment(text, past, moment_ms))
        return true;
    misuse(cli, "--%s \"%s\" is no time: give a span (90d, 12h), RFC 3339 (2027-01-31T12:00:00Z) or Unix milliseconds",
           name, text);
    return false;
}

// ------------------------------------------------------------------------------------------------------------ lists

bool value_limits_flag(struct cli *cli, const struct postern_limit **limits, size_t *count)
{
    const char *const *texts = argument_all(cli, "limit", count);
    struct postern_limit *read = cli_keep(cli, *count + 1, sizeof *read);
    *limits = read;
    for (size_t i = 0; i < *count; i++)
        if (postern_limit_parse(texts[i], &read[i], &cli->error) != POSTERN_OK) {
            misuse(cli, "%s", cli->error.message);
            return false;
        }
    return true;
}

// "resource" or "resource=cost".
bool value_charges_flag(struct cli *cli, const struct postern_charge **charges, size_t *count)
{
    const char *const *texts = argument_all(cli, "charge", count);
    struct postern_charge *read = cli_keep(cli, *count + 1, sizeof *read);
    *charges = read;
    for (size_t i = 0; i < *count; i++) {
        size_t size = strcspn(texts[i], "=");
        char *resource = cli_keep(cli, size + 1, 1);
        memcpy(resource, texts[i], size);
        read[i] = (struct postern_charge){.resource = resource, .cost = 1};
        const char *rest = "";
        bool good = texts[i][size] == '\0' || read_digits(texts[i] + size + 1, &read[i].cost, &rest);
        if (!good || *rest != '\0' || size == 0 || read[i].cost == 0 || read[i].cost > POSTERN_AMOUNT_MAX) {
            misuse(cli, "--charge \"%s\" is not RESOURCE or RESOURCE=COST with a cost of 1 or more, e.g. productions=2",
                   texts[i]);
            return false;
        }
    }
    return true;
}

bool value_metadata_flag(struct cli *cli, const struct postern_entry **entries, size_t *count)
{
    const char *const *texts = argument_all(cli, "metadata", count);
    struct postern_entry *read = cli_keep(cli, *count + 1, sizeof *read);
    *entries = read;
    for (size_t i = 0; i < *count; i++) {
        size_t size = strcspn(texts[i], "=");
        if (size == 0 || texts[i][size] == '\0') {
            misuse(cli, "--metadata \"%s\" is not KEY=VALUE", texts[i]);
            return false;
        }
        char *key = cli_keep(cli, size + 1, 1);
        memcpy(key, texts[i], size);
        read[i] = (struct postern_entry){.key = key, .value = texts[i] + size + 1};
    }
    return true;
}

// ------------------------------------------------------------------------------------------------------------ bytes

static int base64_digit(char c)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = c != '\0' ? strchr(alphabet, c) : NULL;
    return found != NULL ? (int)(found - alphabet) : -1;
}

bool value_base64(struct cli *cli, const char *text, const uint8_t **bytes, size_t *size)
{
    uint8_t *out = cli_keep(cli, strlen(text) + 1, 1);
    uint32_t group = 0;
    size_t digits = 0;
    *bytes = out;
    *size = 0;
    for (; base64_digit(*text) >= 0; text++) {
        group = group << 6 | (uint32_t)base64_digit(*text);
        if (++digits % 4 != 1)
            out[(*size)++] = (uint8_t)(group >> (6 - (digits - 1) % 4 * 2));
    }
    size_t padding = strspn(text, "=");
    return text[padding] == '\0' && (digits + padding) % 4 == 0 && padding < 3;
}

bool value_hex_id(const char *text, uint8_t id[POSTERN_ID_SIZE])
{
    if (strlen(text) != (size_t)2 * POSTERN_ID_SIZE || strspn(text, "0123456789abcdefABCDEF") != strlen(text))
        return false;
    for (size_t i = 0; i < POSTERN_ID_SIZE; i++) {
        const char pair[3] = {text[2 * i], text[2 * i + 1], '\0'};
        id[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return true;
}

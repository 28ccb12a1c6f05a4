// Reads text of the command line into numbers and structs.
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool value_digits(const char *text, uint64_t *number, const char **rest)
{
    char *end = NULL;
    errno = 0;
    *number = *text >= '0' && *text <= '9' ? strtoull(text, &end, 10) : 0; // no blanks, no sign
    *rest = end != NULL ? end : text;
    return end != NULL && errno == 0;
}

uint64_t value_number(struct cli *cli, const char *name, uint64_t least, uint64_t max)
{
    const char *text = argument_text(cli, name), *rest;
    uint64_t number = 0;
    if (text != NULL && (!value_digits(text, &number, &rest) || *rest != '\0' || number < least || number > max))
        misuse(cli, "--%s \"%s\" is not a whole number from %llu to %llu", name, text, (unsigned long long)least,
               (unsigned long long)max);
    return number;
}

uint64_t value_version(struct cli *cli)
{
    const char *text = argument_text(cli, "if-version");
    if (text != NULL && strcmp(text, "0") == 0)
        misuse(cli, "--if-version \"0\": versions begin with 1; leave the option out to change any version");
    return value_number(cli, "if-version", 1, UINT64_MAX);
}

// ------------------------------------------------------------------------------------------------------------ words

const struct words value_environments = {"environment",
                                         {[POSTERN_ENVIRONMENT_TEST] = "test", [POSTERN_ENVIRONMENT_LIVE] = "live"}};
const struct words value_key_types = {"type of key",
                                      {[POSTERN_KEY_TYPE_SECRET] = "secret", [POSTERN_KEY_TYPE_PUBLIC] = "public"}};
const struct words value_key_states = {"state of a key",
                                       {[POSTERN_KEY_STATE_ACTIVE] = "active",
                                        [POSTERN_KEY_STATE_ROLLING] = "rolling",
                                        [POSTERN_KEY_STATE_DISABLED] = "disabled",
                                        [POSTERN_KEY_STATE_EXPIRED] = "expired",
                                        [POSTERN_KEY_STATE_REVOKED] = "revoked",
                                        [POSTERN_KEY_STATE_PENDING] = "pending"}};

const char *value_word_text(const struct words *words, unsigned number)
{
    const char *text = number < sizeof words->texts / sizeof words->texts[0] ? words->texts[number] : NULL;
    return text != NULL ? text : "unknown";
}

unsigned value_word_find(const struct words *words, const char *text)
{
    unsigned number = 1;
    while (words->texts[number] != NULL && strcmp(words->texts[number], text) != 0)
        number++;
    return words->texts[number] != NULL ? number : 0;
}

unsigned value_word(struct cli *cli, const struct words *words, const char *text)
{
    unsigned number = text != NULL ? value_word_find(words, text) : 0;
    if (text != NULL && number == 0) {
        char all[OUTPUT_LIST_SIZE] = "";
        for (size_t i = 1; words->texts[i] != NULL; i++)
            output_append(all, ", ", "%s", words->texts[i]);
        misuse(cli, "\"%s\" is no %s; there are: %s", text, words->what, all);
    }
    return number;
}

// ------------------------------------------------------------------------------------------------------------ lists

const struct postern_limit *value_limits(struct cli *cli, const char *name, size_t *count)
{
    const char *const *texts = argument_all(cli, name, count);
    struct postern_limit *limits = cli_keep(cli, *count + 1, sizeof *limits);
    for (size_t i = 0; i < *count; i++)
        if (postern_limit_parse(texts[i], &limits[i], &cli->error) != POSTERN_OK)
            misuse(cli, "%s", cli->error.message);
    return limits;
}

// Each one is "resource" or "resource=cost".
const struct postern_charge *value_charges(struct cli *cli, const char *option, uint64_t least, size_t *count)
{
    const char *const *texts = argument_all(cli, option, count);
    struct postern_charge *charges = cli_keep(cli, *count + 1, sizeof *charges);
    for (size_t i = 0; i < *count; i++) {
        size_t size = strcspn(texts[i], "=");
        const char *rest = "";
        charges[i] = (struct postern_charge){.resource = pool_text(&cli->pool, texts[i], size), .cost = 1};
        bool good = texts[i][size] == '\0' || value_digits(texts[i] + size + 1, &charges[i].cost, &rest);
        if (!good || *rest != '\0' || size == 0 || charges[i].cost < least || charges[i].cost > POSTERN_AMOUNT_MAX)
            misuse(cli, "--%s \"%s\" is not RESOURCE or RESOURCE=COST with a cost of %llu to %llu, e.g. productions=2",
                   option, texts[i], (unsigned long long)least, (unsigned long long)POSTERN_AMOUNT_MAX);
    }
    return charges;
}

const struct postern_entry *value_metadata(struct cli *cli, const char *name, size_t *count)
{
    const char *const *texts = argument_all(cli, name, count);
    struct postern_entry *entries = cli_keep(cli, *count + 1, sizeof *entries);
    for (size_t i = 0; i < *count; i++) {
        size_t size = strcspn(texts[i], "=");
        if (size == 0 || texts[i][size] == '\0')
            misuse(cli, "--%s \"%s\" is not KEY=VALUE", name, texts[i]);
        else
            entries[i] = (struct postern_entry){pool_text(&cli->pool, texts[i], size), texts[i] + size + 1};
    }
    return entries;
}

// ------------------------------------------------------------------------------------------------------------ bytes

const char value_base62_alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const char value_base64_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// Returns where the character stands among the digits, modulo `base`; -1: nowhere.
static int digit_of(const char *digits, int base, char c)
{
    const char *found = c != '\0' ? strchr(digits, c) : NULL;
    return found != NULL ? (int)(found - digits) % base : -1;
}

// Reads by RFC 4648, sections 4 and 5; what the last digit carries beyond a byte must be 0.
bool value_base64(const char *text, uint8_t *bytes, size_t room, size_t *size)
{
    uint32_t group = 0;
    size_t digits = 0;
    *size = 0;
    for (; *text != '\0' && *text != '='; text++) {
        int digit = digit_of(value_base64_alphabet, 64, *text == '-' ? '+' : *text == '_' ? '/' : *text);
        if (digit < 0 || *size == room)
            return false;
        group = group << 6 | (uint32_t)digit;
        if (++digits % 4 != 1)
            bytes[(*size)++] = (uint8_t)(group >> (6 - (digits - 1) % 4 * 2));
    }
    size_t padding = strlen(text), whole = (digits + 3) / 4 * 4;
    uint32_t left = digits % 4 == 2 ? group & 15 : digits % 4 == 3 ? group & 3 : 0;
    return digits % 4 != 1 && left == 0 && strspn(text, "=") == padding && (padding == 0 || digits + padding == whole);
}

bool value_hex(const char *text, uint8_t *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    if (strlen(text) != 2 * size)
        return false;
    for (size_t i = 0; i < size; i++) {
        int high = digit_of(digits, 16, text[2 * i]), low = digit_of(digits, 16, text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

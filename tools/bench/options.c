// The options of all benchmarks in one table, which the parser, the bounds and the help read.
#include "options.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { FLAG, NUMBER, SECONDS, TEXT };

struct option {
    const char *name;
    enum kind kind;
    size_t offset; // in struct options
    uint64_t min, max;
    const char *argument;
    const char *help;
};

static const struct option options[] = {
    {"seconds", SECONDS, offsetof(struct options, seconds), 0, 3600, "S", "how long one measurement lasts"},
    {"rounds", NUMBER, offsetof(struct options, rounds), 1, 64, "N", "how often everything is measured"},
    {"outstanding", NUMBER, offsetof(struct options, outstanding), 1, 256, "N",
     "calls in flight on the one connection"},
    {"algorithm", TEXT, offsetof(struct options, algorithm), 0, 0, "NAME",
     "of the limit: fixed_window, sliding_window or token_bucket"},
    {"keys", NUMBER, offsetof(struct options, keys), 100, 200000, "N", "keys in the store"},
    {"meters", NUMBER, offsetof(struct options, meters), 1000, 100000000, "N", "how many meters"},
    {"resident", NUMBER, offsetof(struct options, resident), 64, 100000000, "N", "how many of them memory may hold"},
    {"strict", FLAG, offsetof(struct options, strict), 0, 0, "", "every charge waits for the disk (default: relaxed)"},
    {"posternd", TEXT, offsetof(struct options, posternd), 0, 0, "PATH", "the daemon (default: beside this program)"},
    {"dir", TEXT, offsetof(struct options, dir), 0, 0, "PATH",
     "where the temporary data directory goes (default: $TMPDIR or /tmp)"},
    {"anywhere", FLAG, offsetof(struct options, anywhere), 0, 0, "",
     "let the kernel place them; default: both servers on one processor, the load on the others"},
    {"json", FLAG, offsetof(struct options, json), 0, 0, "", "one JSON object instead of a table"},
};

enum { OPTION_COUNT = sizeof options / sizeof options[0] };

static bool is_accepted(const struct command *command, const struct option *option)
{
    const size_t size = strlen(option->name);
    for (const char *at = command->accepts; *at != '\0'; at += strcspn(at, " ") + 1) {
        if (strcspn(at, " ") == size && strncmp(at, option->name, size) == 0)
            return true;
    }
    return false;
}

static const struct option *find(const struct command *command, const char *name, size_t size)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (strlen(options[i].name) == size && strncmp(options[i].name, name, size) == 0)
            return is_accepted(command, &options[i]) ? &options[i] : NULL;
    }
    return NULL;
}

static bool read_number(const struct option *option, const char *text, uint64_t *out)
{
    char *end = NULL;
    errno = 0;
    const unsigned long long value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value < option->min || value > option->max) {
        fprintf(stderr, "postern-bench: --%s %s: a number from %llu to %llu is wanted\n", option->name, text,
                (unsigned long long)option->min, (unsigned long long)option->max);
        return false;
    }
    *out = value;
    return true;
}

static bool read_seconds(const struct option *option, const char *text, double *out)
{
    char *end = NULL;
    const double value = strtod(text, &end);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || !(value > 0 && value <= (double)option->max)) {
        fprintf(stderr, "postern-bench: --%s %s: a number above 0 and up to %llu is wanted\n", option->name, text,
                (unsigned long long)option->max);
        return false;
    }
    *out = value;
    return true;
}

static bool set(const struct option *option, const char *value, struct options *out)
{
    char *member = (char *)out + option->offset;
    uint64_t number = 0;
    double seconds = 0;
    switch (option->kind) {
    case FLAG:
        memcpy(member, &(bool){true}, sizeof(bool));
        return true;
    case TEXT:
        memcpy(member, &value, sizeof value);
        return true;
    case NUMBER:
        if (!read_number(option, value, &number))
            return false;
        memcpy(member, &number, sizeof number);
        return true;
    case SECONDS:
        if (!read_seconds(option, value, &seconds))
            return false;
        memcpy(member, &seconds, sizeof seconds);
        return true;
    }
    return false;
}

bool options_parse(const struct command *command, int argc, char *const argv[], struct options *out)
{
    *out = command->defaults;
    for (int i = 0; i < argc; i++) {
        const char *name = strncmp(argv[i], "--", 2) == 0 ? argv[i] + 2 : "";
        const size_t size = strcspn(name, "=");
        const struct option *option = find(command, name, size);
        if (option == NULL || (option->kind == FLAG && name[size] == '=')) {
            fprintf(stderr, "postern-bench %s: %s is not an option of it; try postern-bench --help\n", command->name,
                    argv[i]);
            return false;
        }
        const char *value = name[size] == '=' ? name + size + 1 : "";
        if (option->kind != FLAG && name[size] == '\0') {
            if (++i == argc) {
                fprintf(stderr, "postern-bench %s: --%s wants %s after it\n", command->name, option->name,
                        option->argument);
                return false;
            }
            value = argv[i];
        }
        if (!set(option, value, out))
            return false;
    }
    return true;
}

void options_print(const struct command *command)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (!is_accepted(command, &options[i]))
            continue;
        char left[32];
        snprintf(left, sizeof left, "--%s %s", options[i].name, options[i].argument);
        printf("      %-18s %s", left, options[i].help);
        const char *member = (const char *)&command->defaults + options[i].offset;
        uint64_t number = 0;
        double seconds = 0;
        if (options[i].kind == NUMBER) {
            memcpy(&number, member, sizeof number);
            printf(" (%llu)", (unsigned long long)number);
        } else if (options[i].kind == SECONDS) {
            memcpy(&seconds, member, sizeof seconds);
            printf(" (%g)", seconds);
        }
        putchar('\n');
    }
}

// Reads the command line with glibc's argp.
//
// Long options may be shortened while it is clear which is meant, as everywhere with getopt; scripts should not. The
// help, the errors and the exits of argp are switched off: getopt's words would show a value, which may be a token.
#include "json.h"
#include "schema.h"
#include "similar.h"

#include <argp.h>
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

enum {
    LONG_ONLY = 256,  // keys from here on are no characters
    OPTIONS_MAX = 64, // of a command, with those of every command and the end
};

static const struct flag global_flags[] = {
    {"url", "URL", "where posternd listens (or POSTERN_URL)"},
    {"tls-ca", "FILE", "tls+tcp: who may have signed posternd's certificate (or POSTERN_TLS_CA)"},
    {"tls-cert", "FILE", "tls+tcp: our certificate (or POSTERN_TLS_CERT)"},
    {"tls-key", "FILE", "tls+tcp: the key of that (or POSTERN_TLS_KEY)"},
    {"tls-server-name", "NAME", "tls+tcp: whom that certificate is for (or POSTERN_TLS_SERVER_NAME)"},
    {"timeout", "TIME", "how long to wait for the answer, e.g. 500ms, 10s (or POSTERN_TIMEOUT; default 5s)"},
    {"json", NULL, "answer with one JSON object on a line"},
    {"help", NULL, "show the options of the command"},
    {"version", NULL, "show the version"},
    {0},
};

struct given {
    struct given *older;
    const char *name;
    const char *value; // NULL for an option that takes none
    // Where it is in the request: the field whose list it is in, NULL when that has all values of the option in their
    // order and nothing else; and its index.
    const char *list;
    size_t index;
    bool is_noted;
};

void *cli_keep(struct cli *cli, size_t count, size_t size_bytes)
{
    return pool_take(&cli->pool, count, size_bytes);
}

const char *cli_format(struct cli *cli, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t room = (size_t)vsnprintf(NULL, 0, format, arguments) + 1;
    va_end(arguments);
    char *text = cli_keep(cli, room, 1);
    va_start(arguments, format);
    vsnprintf(text, room, format, arguments);
    va_end(arguments);
    return text;
}

bool cli_good(const struct cli *cli)
{
    return cli->status == CLI_DONE;
}

bool misuse(struct cli *cli, const char *format, ...)
{
    struct postern_error error = {.status = POSTERN_INVALID_ARGUMENT};
    va_list arguments;
    if (!cli_good(cli))
        return false;
    cli->status = CLI_MISUSED;
    va_start(arguments, format);
    vsnprintf(error.message, sizeof error.message, format, arguments);
    va_end(arguments);
    if (cli->json)
        json_print_error(&error);
    else
        fprintf(stderr, "%s: %s\nHow to use it: postern help%s\n", cli->name, error.message,
                cli->name + strlen("postern"));
    return false;
}

struct entry_flags argument_entry_flags(struct cli *cli, const struct field *field)
{
    const struct flag *flag = &field->flag;
    bool has_keys = field->kind == FIELD_METADATA;
    if (!field_is_list(field) || flag->name == NULL)
        return (struct entry_flags){0};
    return (struct entry_flags){.add = {cli_format(cli, has_keys ? "set-%s" : "add-%s", flag->name), flag->value,
                                        "this one too; the others stay"},
                                .remove = {cli_format(cli, has_keys ? "unset-%s" : "remove-%s", flag->name),
                                           has_keys ? "KEY..." : flag->value, "take this one away; the others stay"}};
}

static struct argp_option option_of(const struct flag *flag, size_t at, int group)
{
    bool has_letter = strcmp(flag->name, "help") == 0 || strcmp(flag->name, "version") == 0;
    return (struct argp_option){.name = flag->name,
                                .key = has_letter ? flag->name[0] : LONG_ONLY + (int)at,
                                .arg = flag->value,
                                .doc = flag->help,
                                .group = group};
}

// Adds nothing for an option without a name.
static size_t add_flag(struct argp_option *options, size_t at, const struct flag *flag, int group)
{
    if (flag->name == NULL)
        return at;
    options[at] = option_of(flag, at, group);
    return at + 1;
}

static size_t add_flags(struct argp_option *options, size_t at, const struct flag *flags, int group)
{
    for (; flags != NULL && flags->name != NULL; flags++, at++)
        options[at] = option_of(flags, at, group);
    return at;
}

// Adds the options that set the fields of a command's record, or change them.
static size_t add_settings(struct cli *cli, struct argp_option *options, size_t at, const struct command *command)
{
    for (const struct field *field = command->schema->fields; field->kind != FIELD_END; field++) {
        struct flag flag = field->flag;
        if (command->updates && field->update_help != NULL)
            flag.help = field->update_help;
        if ((command->makes ? field->put.at : field->update.at) == 0)
            continue;
        at = add_flag(options, at, &flag, 0);
        if (!command->updates)
            continue;
        const struct entry_flags entry = argument_entry_flags(cli, field);
        const struct flag more[] = {entry.add, entry.remove, field->unset};
        for (size_t i = 0; i < sizeof more / sizeof more[0]; i++)
            at = add_flag(options, at, &more[i], 0);
    }
    return at;
}

// Collects the options of a command, then those of every command.
static const struct argp_option *options_of(struct cli *cli, const struct command *command)
{
    struct argp_option *options = cli_keep(cli, OPTIONS_MAX, sizeof *options);
    size_t at = 0;
    if (command != NULL && command->schema != NULL)
        at = add_settings(cli, options, at, command);
    at = add_flags(options, at, command != NULL ? command->flags : NULL, 0);
    options[at++] = (struct argp_option){.doc = "Options of every command:", .group = 1};
    at = add_flags(options, at, global_flags, 1);
    assert(at < OPTIONS_MAX); // zeroed, the last one ends them
    return options;
}

static const struct argp_option *find_known(struct cli *cli, const char *name)
{
    const struct argp_option *option = cli->options;
    while (option->doc != NULL && (option->name == NULL || strcmp(option->name, name) != 0))
        option++;
    return option->doc != NULL ? option : NULL;
}

bool argument_is_known(struct cli *cli, const char *name)
{
    return find_known(cli, name) != NULL;
}

static bool takes_many(const struct argp_option *option)
{
    return option->arg != NULL && strstr(option->arg, "...") != NULL;
}

bool argument_takes_many(struct cli *cli, const char *name)
{
    const struct argp_option *option = find_known(cli, name);
    return option != NULL && takes_many(option);
}

void arguments_help(struct cli *cli, const struct command *command, FILE *to)
{
    const struct argp argp = {.options = options_of(cli, command)};
    char name[] = "postern";
    argp_help(&argp, to, ARGP_HELP_LONG, name);
}

// An empty value is what a script's unset variable gives, and would be as if the option were not there: "list --account
// "$ACCOUNT"" would list the keys of all accounts.
static bool check_not_empty(struct cli *cli, const struct argp_option *option, const char *value)
{
    const struct field *field = cli->command != NULL && cli->command->updates ? cli->command->schema->fields : NULL;
    if (value == NULL || value[0] != '\0' || option->arg[0] == '[')
        return true;
    while (field != NULL && field->kind != FIELD_END &&
           (field->flag.name == NULL || strcmp(field->flag.name, option->name) != 0))
        field++;
    if (field != NULL && field->unset.name != NULL)
        return misuse(cli, "--%s has an empty value: --%s %s, or --%s to take it away", option->name, option->name,
                      option->arg, field->unset.name);
    return misuse(cli, "--%s has an empty value: --%s %s, or leave it out", option->name, option->name, option->arg);
}

static error_t note(struct cli *cli, const struct argp_option *option, const char *value)
{
    if (!check_not_empty(cli, option, value))
        return EINVAL;
    if (!takes_many(option) && argument_has(cli, option->name) &&
        !misuse(cli, "--%s is given more than once", option->name))
        return EINVAL;
    struct given *given = cli_keep(cli, 1, sizeof *given);
    *given = (struct given){.older = cli->given, .name = option->name, .value = value};
    cli->given = given;
    return 0;
}

// Says which options may have been meant: those that begin so, or else the one that is most like it.
static void say_no_option(struct cli *cli, const struct argp_option *options, const char *word)
{
    char begin_so[OUTPUT_LIST_SIZE] = "";
    struct similar similar = {0};
    const char *name = cli_format(cli, "%.*s", (int)strcspn(word, "="), word);
    for (const struct argp_option *option = options; option->doc != NULL; option++) {
        const char *full = option->name != NULL ? cli_format(cli, "--%s", option->name) : "";
        if (strlen(name) > 2 && strncmp(full, name, strlen(name)) == 0)
            output_append(begin_so, ", ", "%s", full);
        similar_offer(&similar, name, full);
    }
    if (begin_so[0] != '\0')
        misuse(cli, "there is no option %s, but several that begin so: %s", name, begin_so);
    else if (similar.best != NULL)
        misuse(cli, "there is no option %s; did you mean %s?", name, similar.best);
    else
        misuse(cli, "there is no option %s", name);
}

static void say_wrong(struct cli *cli, const struct argp_option *option, const char *word)
{
    const struct argp_option *options = option;
    int size = (int)strcspn(word, "=");
    while (option->doc != NULL && (option->name == NULL || strncmp(option->name, word + 2, (size_t)size - 2) != 0 ||
                                   option->name[size - 2] != '\0'))
        option++;
    if (option->doc == NULL)
        say_no_option(cli, options, word);
    else if (option->arg != NULL)
        misuse(cli, "--%s needs a value: --%s %s", option->name, option->name, option->arg);
    else
        misuse(cli, "--%s has no value", option->name);
}

static error_t on_argument(int key, char *text, struct argp_state *state)
{
    struct cli *cli = state->input;
    const struct argp_option *option = state->root_argp->options;
    switch (key) {
    case ARGP_KEY_INIT:
        cli->operands = cli_keep(cli, (size_t)state->argc, sizeof *cli->operands);
        return 0;
    case ARGP_KEY_ARG:
        cli->operands[cli->operand_count++] = text;
        return 0;
    case ARGP_KEY_ERROR: // within several letters behind one dash, getopt still stands at that word
        text = state->argv[state->next - 1];
        if (cli_good(cli))
            say_wrong(cli, option, text[0] == '-' && text[1] != '\0' ? text : state->argv[state->next]);
        return 0;
    default:
        while (option->key != key && option->doc != NULL)
            option++;
        return option->name != NULL ? note(cli, option, text) : ARGP_ERR_UNKNOWN;
    }
}

static bool parse(struct cli *cli, int argc, char **argv, unsigned flags, int *index)
{
    cli->options = options_of(cli, cli->command);
    const struct argp argp = {.options = cli->options, .parser = on_argument};
    const char *words = cli->command != NULL ? cli->command->words : "";
    cli->name = cli_format(cli, "postern%s%s", words[0] != '\0' ? " " : "", words);
    return argp_parse(&argp, argc, argv, flags | ARGP_NO_HELP | ARGP_NO_ERRS | ARGP_NO_EXIT, index, cli) == 0;
}

// What is wrong with a command line must be told as JSON before it is known whether --json is an option in it, or the
// value of another one.
static bool may_ask_for_json(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--json") == 0)
            return true;
    return false;
}

bool arguments_read_leading(struct cli *cli, int argc, char **argv, int *index)
{
    cli->json = may_ask_for_json(argc, argv);
    return parse(cli, argc, argv, ARGP_NO_ARGS, index);
}

bool arguments_read(struct cli *cli, int argc, char **argv)
{
    bool is_read = parse(cli, argc, argv, 0, NULL);
    if (is_read)
        cli->json = argument_has(cli, "json");
    return is_read;
}

static const struct given *find(const struct cli *cli, const char *name)
{
    const struct given *given = cli->given;
    while (given != NULL && strcmp(given->name, name) != 0)
        given = given->older;
    return given;
}

bool argument_has(const struct cli *cli, const char *name)
{
    return find(cli, name) != NULL;
}

const char *argument_text(const struct cli *cli, const char *name)
{
    const struct given *given = find(cli, name);
    return given != NULL ? given->value : NULL;
}

const char *const *argument_all(struct cli *cli, const char *name, size_t *count)
{
    size_t left = 0;
    for (const struct given *given = cli->given; given != NULL; given = given->older)
        left += strcmp(given->name, name) == 0;
    *count = left;
    const char **all = cli_keep(cli, left + 1, sizeof *all);
    for (const struct given *given = cli->given; given != NULL; given = given->older)
        if (strcmp(given->name, name) == 0)
            all[--left] = given->value;
    return all;
}

// Finds the n-th value of an option, from 0.
static struct given *find_value(const struct cli *cli, const char *name, size_t n)
{
    size_t count = 0;
    for (const struct given *given = cli->given; given != NULL; given = given->older)
        count += strcmp(given->name, name) == 0;
    for (struct given *given = cli->given; given != NULL; given = given->older)
        if (strcmp(given->name, name) == 0 && count-- == n + 1)
            return given;
    return NULL;
}

void argument_place(struct cli *cli, const char *name, size_t n, const char *list, size_t index)
{
    struct given *given = find_value(cli, name, n);
    if (given == NULL)
        return;
    given->list = list;
    given->index = index;
}

const char *argument_entry(const struct cli *cli, const char *name, const char *list, size_t index)
{
    const struct given *given = find_value(cli, name, 0);
    if (given != NULL && given->list == NULL)
        given = find_value(cli, name, index);
    else
        for (given = cli->given; given != NULL; given = given->older)
            if (strcmp(given->name, name) == 0 && strcmp(given->list, list) == 0 && given->index == index)
                break;
    return given != NULL ? given->value : NULL;
}

bool argument_note_first(struct cli *cli, const char *name)
{
    struct given *given = find_value(cli, name, 0);
    bool is_first = given != NULL && !given->is_noted;
    if (given != NULL)
        given->is_noted = true;
    return is_first;
}

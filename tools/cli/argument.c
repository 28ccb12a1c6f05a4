// What was given on the command line.
#include "cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct flag global_flags[] = {
    {"url", "URL", false, "where posternd listens (or POSTERN_URL)"},
    {"tls-ca", "FILE", false, "tls+tcp: who may have signed posternd's certificate (or POSTERN_TLS_CA)"},
    {"tls-cert", "FILE", false, "tls+tcp: our own certificate (or POSTERN_TLS_CERT)"},
    {"tls-key", "FILE", false, "tls+tcp: the key of that (or POSTERN_TLS_KEY)"},
    {"tls-server-name", "NAME", false, "tls+tcp: whom that certificate is for (or POSTERN_TLS_SERVER_NAME)"},
    {"timeout", "TIME", false, "how long to wait for the answer, e.g. 500ms, 10s (default 5s)"},
    {"json", NULL, false, "answer with one JSON object on a line"},
    {"help", NULL, false, "show the options of the command"},
    {"version", NULL, false, "show the version"},
    {0},
};

void *cli_keep(struct cli *cli, size_t count, size_t size_bytes)
{
    return pool_take(&cli->pool, count, size_bytes);
}

int misuse(const struct cli *cli, const char *format, ...)
{
    const char *words = cli->command != NULL ? cli->command->words : NULL;
    fprintf(stderr, "postern%s%s: ", words != NULL ? " " : "", words != NULL ? words : "");
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\nHow to use it: postern help%s%s\n", words != NULL ? " " : "", words != NULL ? words : "");
    return CLI_MISUSED;
}

static const struct flag *find_in(const struct flag *flags, const char *name, size_t size)
{
    for (const struct flag *flag = flags; flag->name != NULL; flag++)
        if (strlen(flag->name) == size && memcmp(flag->name, name, size) == 0)
            return flag;
    return NULL;
}

static const struct flag *find_flag(const struct cli *cli, const char *name, size_t size)
{
    const struct flag *flag = cli->command != NULL ? find_in(cli->command->flags, name, size) : NULL;
    return flag != NULL ? flag : find_in(global_flags, name, size);
}

static int note(struct cli *cli, const struct flag *flag, const char *value)
{
    if (!flag->many && argument_has(cli, flag->name))
        return misuse(cli, "--%s is given more than once", flag->name);
    cli->given[cli->given_count++] = (struct given){.flag = flag, .value = value};
    return CLI_DONE;
}

// Reads the flag at argv[*index], with its value.
static int read_flag(struct cli *cli, int argc, char **argv, int *index)
{
    const char *name = strcmp(argv[*index], "-h") == 0 ? "help" : argv[*index] + 2;
    size_t size = strcspn(name, "=");
    const struct flag *flag = find_flag(cli, name, size);
    if (flag == NULL)
        return misuse(cli, "there is no option --%.*s", (int)size, name);
    const char *value = name[size] == '=' ? name + size + 1 : NULL;
    if (flag->value == NULL)
        return value == NULL ? note(cli, flag, NULL) : misuse(cli, "--%s has no value", flag->name);
    if (value == NULL && *index + 1 < argc)
        value = argv[++*index];
    if (value == NULL)
        return misuse(cli, "--%s needs a value: --%s %s", flag->name, flag->name, flag->value);
    return note(cli, flag, value);
}

static bool is_flag(const char *word)
{
    return (strncmp(word, "--", 2) == 0 && word[2] != '\0') || strcmp(word, "-h") == 0;
}

int arguments_read_leading(struct cli *cli, int argc, char **argv, int *index)
{
    cli->given = cli_keep(cli, (size_t)argc, sizeof *cli->given);
    cli->operands = cli_keep(cli, (size_t)argc, sizeof *cli->operands);
    for (; *index < argc && is_flag(argv[*index]); ++*index) {
        int status = read_flag(cli, argc, argv, index);
        if (status != CLI_DONE)
            return status;
    }
    return CLI_DONE;
}

static int check_operands(const struct cli *cli)
{
    const struct command *command = cli->command;
    if (cli->operand_count > command->operands_max && token_is_likely(cli->operands[cli->operand_count - 1]))
        return token_refuse(cli);
    if (cli->operand_count > command->operands_max)
        return misuse(cli, "\"%s\" is one word too many", cli->operands[command->operands_max]);
    if (cli->operand_count < command->operands_min)
        return misuse(cli, "%s is missing", command->operands);
    return CLI_DONE;
}

int arguments_read(struct cli *cli, int argc, char **argv)
{
    bool flags_end = false;
    for (int i = 0; i < argc; i++) {
        int status = CLI_DONE;
        if (!flags_end && strcmp(argv[i], "--") == 0)
            flags_end = true;
        else if (!flags_end && is_flag(argv[i]))
            status = read_flag(cli, argc, argv, &i);
        else if (!flags_end && argv[i][0] == '-' && argv[i][1] != '\0')
            status = misuse(cli, "there is no option %s (options begin with two dashes)", argv[i]);
        else
            cli->operands[cli->operand_count++] = argv[i];
        if (status != CLI_DONE)
            return status;
    }
    return argument_has(cli, "help") ? CLI_DONE : check_operands(cli);
}

size_t argument_count(const struct cli *cli, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < cli->given_count; i++)
        count += strcmp(cli->given[i].flag->name, name) == 0;
    return count;
}

bool argument_has(const struct cli *cli, const char *name)
{
    return argument_count(cli, name) > 0;
}

const char *argument_text(const struct cli *cli, const char *name)
{
    for (size_t i = 0; i < cli->given_count; i++)
        if (strcmp(cli->given[i].flag->name, name) == 0)
            return cli->given[i].value;
    return NULL;
}

const char *const *argument_all(struct cli *cli, const char *name, size_t *count)
{
    *count = 0;
    const char **all = cli_keep(cli, argument_count(cli, name) + 1, sizeof *all);
    for (size_t i = 0; i < cli->given_count; i++)
        if (strcmp(cli->given[i].flag->name, name) == 0)
            all[(*count)++] = cli->given[i].value;
    return all;
}

// postern: administers posternd and asks it.
#include "cli.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ------------------------------------------------------------------------------------------------------------ help

static void print_flag(FILE *to, const struct flag *flag)
{
    char left[64];
    snprintf(left, sizeof left, "--%s%s%s", flag->name, flag->value != NULL ? " " : "",
             flag->value != NULL ? flag->value : "");
    if (strlen(left) > 26) { // its help begins below it
        fprintf(to, "  %s\n", left);
        left[0] = '\0';
    }
    fprintf(to, "  %-26s %s%s\n", left, flag->help, flag->many ? " (may be repeated)" : "");
}

static void print_flags(FILE *to, const char *title, const struct flag *flags)
{
    if (flags->name != NULL)
        fprintf(to, "\n%s\n", title);
    for (const struct flag *flag = flags; flag->name != NULL; flag++)
        print_flag(to, flag);
}

static void print_command_help(FILE *to, const struct command *command)
{
    fprintf(to, "Usage: postern %s%s%s [OPTION]...\n%c%s.\n", command->words, command->operands[0] != '\0' ? " " : "",
            command->operands, toupper((unsigned char)command->summary[0]), command->summary + 1);
    print_flags(to, "Options:", command->flags);
    print_flags(to, "Options of every command:", global_flags);
    if (command->notes != NULL)
        fprintf(to, "\n%s\n", command->notes);
}

static void print_help(FILE *to)
{
    fputs("Usage: postern COMMAND [OPTION]...\nAsks and administers posternd.\n\nCommands:\n", to);
    for (const struct command *const *command = commands; *command != NULL; command++)
        fprintf(to, "  %-20s %s\n", (*command)->words, (*command)->summary);
    fputs("  help [COMMAND]       show this, or the options of a command\n", to);
    print_flags(to, "Options of every command:", global_flags);
    fputs("\nEnvironment:\n"
          "  POSTERN_URL      where posternd listens, e.g. ipc:///run/postern/postern.sock\n"
          "  POSTERN_API_KEY  the caller's own credential; not needed over ipc for an operator's uid\n"
          "  POSTERN_TOKEN    the presented token of verify, when it does not come by standard input\n"
          "\nData goes to standard output, words to standard error. Exit status: 0 done or allowed, 1 refused or\n"
          "failed, 2 misused.\n",
          to);
}

// --------------------------------------------------------------------------------------------------------- dispatch

// How many words of the command stand at argv[index], 0 = it is another one.
static int words_matched(const struct command *command, int argc, char **argv, int index)
{
    const char *rest = command->words;
    int count = 0;
    while (*rest != '\0') {
        size_t size = strcspn(rest, " ");
        if (index + count >= argc || strlen(argv[index + count]) != size ||
            strncmp(argv[index + count], rest, size) != 0)
            return 0;
        count++;
        rest += size + (rest[size] == ' ');
    }
    return count;
}

static const struct command *find_command(int argc, char **argv, int *index)
{
    for (const struct command *const *command = commands; *command != NULL; command++) {
        int words = words_matched(*command, argc, argv, *index);
        *index += words;
        if (words > 0)
            return *command;
    }
    return NULL;
}

static bool is_of(const struct command *command, const char *first)
{
    size_t size = strlen(first);
    return strncmp(command->words, first, size) == 0 && command->words[size] == ' ';
}

// The commands that begin with this word; false when there are none.
static bool print_commands_of(FILE *to, const char *first)
{
    bool any = false;
    for (const struct command *const *command = commands; *command != NULL; command++) {
        if (!is_of(*command, first))
            continue;
        if (!any)
            fprintf(to, "Usage: postern %s COMMAND [OPTION]...\n\nCommands:\n", first);
        fprintf(to, "  %-20s %s\n", (*command)->words, (*command)->summary);
        any = true;
    }
    if (any)
        fprintf(to, "\nThe options of one: postern help %s COMMAND\n", first);
    return any;
}

// "postern tier" alone or with another second word, "postern teir".
static int unknown_command(int argc, char **argv, int index)
{
    const char *second = index + 1 < argc && argv[index + 1][0] != '-' ? argv[index + 1] : NULL;
    fprintf(stderr, "postern: there is no command \"%s%s%s\"\n", argv[index], second != NULL ? " " : "",
            second != NULL ? second : "");
    if (!print_commands_of(stderr, argv[index]))
        fputs("All commands: postern help\n", stderr);
    return CLI_MISUSED;
}

static int help(int argc, char **argv, int index)
{
    if (index >= argc || strcmp(argv[index], "--help") == 0) {
        print_help(stdout);
        return CLI_DONE;
    }
    int first = index;
    const struct command *command = find_command(argc, argv, &index);
    if (command != NULL)
        print_command_help(stdout, command);
    else if (first + 1 < argc || !print_commands_of(stdout, argv[first]))
        return unknown_command(argc, argv, first);
    return CLI_DONE;
}

// "postern tier --help"
static bool asks_for_help(int argc, char **argv, int index)
{
    return index + 2 == argc && strcmp(argv[index + 1], "--help") == 0;
}

static int run_command(struct cli *cli, int argc, char **argv, int index)
{
    cli->command = find_command(argc, argv, &index);
    if (cli->command == NULL)
        return asks_for_help(argc, argv, index) ? help(index + 1, argv, index) : unknown_command(argc, argv, index);
    int status = arguments_read(cli, argc - index, argv + index);
    if (status != CLI_DONE)
        return status;
    if (argument_has(cli, "help")) {
        print_command_help(stdout, cli->command);
        return CLI_DONE;
    }
    cli->json = argument_has(cli, "json");
    return cli->command->run(cli);
}

static int run(struct cli *cli, int argc, char **argv)
{
    int index = 1;
    int status = arguments_read_leading(cli, argc, argv, &index);
    if (status != CLI_DONE)
        return status;
    if (argument_has(cli, "version")) {
        puts("postern " POSTERN_VERSION);
        return CLI_DONE;
    }
    if (index < argc && strcmp(argv[index], "help") == 0)
        return help(argc, argv, index + 1);
    if (argument_has(cli, "help"))
        return help(argc, argv, index);
    if (index >= argc) {
        print_help(stderr);
        return CLI_MISUSED;
    }
    return run_command(cli, argc, argv, index);
}

// What could not be written was not delivered: a token above all.
static int finish_output(int status)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return status;
    fprintf(stderr, "postern: cannot write the answer: %s\n", strerror(errno));
    return CLI_FAILED;
}

int main(int argc, char **argv)
{
    struct cli cli = {0};
    int status = finish_output(run(&cli, argc, argv));
    postern_close(cli.client);
    pool_wipe(&cli.pool);
    return status;
}

// Finds the command that is meant among all commands and runs it, or prints the help.
#include "cli.h"
#include "doctor/doctor.h"
#include "import/import.h"
#include "scan/scan.h"
#include "similar.h"

#include <ctype.h>
#include <string.h>

static const struct command *const tables[] = {
    verify_commands,  ratecheck_commands, key_commands,   key_list_commands, import_commands,
    account_commands, catalogue_commands, usage_commands, audit_commands,    events_commands,
    scan_commands,    stats_commands,     top_commands,   doctor_commands,
};

// Returns the n-th of all commands; NULL: there are fewer.
static const struct command *command_at(size_t n)
{
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        for (const struct command *command = tables[i]; command->words != NULL; command++)
            if (n-- == 0)
                return command;
    return NULL;
}

// Finds a command by the one word or the two at argv[0].
static const struct command *find_command(int argc, char **argv, int *words)
{
    char two[64] = "";
    const struct command *command;
    if (argc > 1)
        snprintf(two, sizeof two, "%s %s", argv[0], argv[1]);
    for (size_t n = 0; argc > 0 && (command = command_at(n)) != NULL; n++) {
        *words = strcmp(command->words, argv[0]) == 0 ? 1 : strcmp(command->words, two) == 0 ? 2 : 0;
        if (*words > 0)
            return command;
    }
    return NULL;
}

// ------------------------------------------------------------------------------------------------------------ help

// Prints the commands that begin with the word `first`, or all for NULL. False when there is no such command.
static bool print_commands(FILE *to, const char *first)
{
    bool any = false;
    size_t size = first != NULL ? strlen(first) : 0;
    const struct command *command;
    for (size_t n = 0; (command = command_at(n)) != NULL; n++) {
        if (first != NULL && (strncmp(command->words, first, size) != 0 || command->words[size] != ' '))
            continue;
        if (!any)
            fprintf(to, "Usage: postern %s%sCOMMAND [OPTION...]\n\nCommands:\n", first != NULL ? first : "",
                    first != NULL ? " " : "");
        fprintf(to, "  %-20s %s\n", command->words, command->summary);
        any = true;
    }
    if (any && first != NULL)
        fprintf(to, "\nThe options of one: postern help %s COMMAND\n", first);
    return any;
}

static void print_help(struct cli *cli, FILE *to)
{
    print_commands(to, NULL);
    fputs("  help [COMMAND]       show this, or the options of a command\n\n", to);
    arguments_help(cli, NULL, to);
    fputs("\nEnvironment:\n"
          "  POSTERN_URL      where posternd listens, e.g. ipc:///run/postern/postern.sock\n"
          "  POSTERN_API_KEY  the caller's own credential; not needed over ipc for an operator's uid\n"
          "  POSTERN_TOKEN    the presented token of verify, when it does not come by standard input\n"
          "  POSTERN_TIMEOUT  how long to wait for an answer, where --timeout does not say it\n"
          "\nData goes to standard output, words to standard error. Exit status: 0 done or allowed, 1 refused or\n"
          "failed, 2 misused, 3 posternd could not be asked (UNAVAILABLE, DEADLINE_EXCEEDED).\n"
          "What cannot be undone is asked about first, at a terminal only; --yes does it without.\n",
          to);
}

static void print_command_help(struct cli *cli, const struct command *command)
{
    printf("Usage: postern %s%s%s [OPTION...]\n%c%s.\n\n", command->words, command->operands[0] != '\0' ? " " : "",
           command->operands, toupper((unsigned char)command->summary[0]), command->summary + 1);
    arguments_help(cli, command, stdout);
    if (command->help != NULL)
        printf("\n%s\n", command->help);
}

// Is this the first of the two words of some command?
static bool is_group(const char *first)
{
    size_t size = strlen(first);
    const struct command *command;
    for (size_t n = 0; (command = command_at(n)) != NULL; n++)
        if (strncmp(command->words, first, size) == 0 && command->words[size] == ' ')
            return true;
    return false;
}

// Returns the command that may have been meant by one word or two; NULL: none is like them.
static const char *find_similar(struct cli *cli, const char *first, const char *second)
{
    struct similar similar = {0};
    const char *two = cli_format(cli, "%s %s", first, second != NULL ? second : "");
    const struct command *command;
    for (size_t n = 0; (command = command_at(n)) != NULL; n++)
        similar_offer(&similar, strchr(command->words, ' ') != NULL ? two : first, command->words);
    for (size_t n = 0; (command = command_at(n)) != NULL && !is_group(first); n++)
        similar_offer(&similar, first, cli_format(cli, "%.*s", (int)strcspn(command->words, " "), command->words));
    similar_offer(&similar, first, "help");
    return similar.best;
}

// Says what is wrong with "postern tier" alone, or with another second word, or with "postern teir". Somebody may have
// pasted a token there, which is not shown.
static const char *word_unknown_command(struct cli *cli, const char *first, const char *second)
{
    if (token_is_likely(first) || (second != NULL && token_is_likely(second)))
        return "there is no such command";
    if (second == NULL && is_group(first))
        return cli_format(cli, "what about %s? Give one more word", first);
    const char *similar = find_similar(cli, first, second);
    return cli_format(cli, "there is no command \"%s%s%s\"%s%s%s", first, second != NULL ? " " : "",
                      second != NULL ? second : "", similar != NULL ? "; did you mean postern " : "",
                      similar != NULL ? similar : "", similar != NULL ? "?" : "");
}

static void say_unknown_command(struct cli *cli, int argc, char **argv)
{
    const char *text = word_unknown_command(cli, argv[0], argc > 1 && argv[1][0] != '-' ? argv[1] : NULL);
    if (cli->json) {
        misuse(cli, "%s", text);
        return;
    }
    fprintf(stderr, "postern: %s\n", text);
    if (!print_commands(stderr, argv[0]))
        fputs("All commands: postern help\n", stderr);
    cli->status = CLI_MISUSED;
}

// Shows what "help", "help tier" or "help tier put" asks for.
static void show_help(struct cli *cli, int argc, char **argv)
{
    int words;
    const struct command *command = find_command(argc, argv, &words);
    if (argc == 0 || strcmp(argv[0], "--help") == 0)
        print_help(cli, stdout);
    else if (command != NULL)
        print_command_help(cli, command);
    else if (argc > 1 || !print_commands(stdout, argv[0]))
        say_unknown_command(cli, argc, argv);
}

// --------------------------------------------------------------------------------------------------------- dispatch

static bool check_operands(struct cli *cli)
{
    const char *operands = cli->command->operands;
    size_t min = operands[0] != '\0' && operands[0] != '[', max = operands[0] != '\0';
    if (cli->operand_count < min)
        return misuse(cli, "%s is missing", operands);
    if (cli->operand_count <= max || strstr(operands, "...") != NULL)
        return true;
    if (token_is_likely(cli->operands[cli->operand_count - 1]))
        return token_refuse(cli);
    return misuse(cli, "\"%s\" is one word too many", cli->operands[max]);
}

static void print_version(void)
{
    puts("postern " POSTERN_VERSION);
}

static void run_command(struct cli *cli, int argc, char **argv)
{
    int words;
    cli->command = find_command(argc, argv, &words);
    if (cli->command == NULL && argc == 2 && strcmp(argv[1], "--help") == 0)
        show_help(cli, 1, argv);
    else if (cli->command == NULL)
        say_unknown_command(cli, argc, argv);
    else if (!arguments_read(cli, argc - words + 1, argv + words - 1))
        return;
    else if (argument_has(cli, "version"))
        print_version();
    else if (argument_has(cli, "help"))
        print_command_help(cli, cli->command);
    else if (check_operands(cli) && call_open(cli))
        cli->command->run(cli);
}

void command_run(struct cli *cli, int argc, char **argv)
{
    int index;
    if (!arguments_read_leading(cli, argc, argv, &index))
        return;
    argc -= index;
    argv += index;
    if (argument_has(cli, "version")) {
        print_version();
    } else if (argument_has(cli, "help")) {
        show_help(cli, argc, argv);
    } else if (argc == 0 && cli->json) {
        misuse(cli, "a command is missing; see postern help");
    } else if (argc == 0) {
        print_help(cli, stderr);
        cli->status = CLI_MISUSED;
    } else if (strcmp(argv[0], "help") == 0) {
        show_help(cli, argc - 1, argv + 1);
    } else {
        run_command(cli, argc, argv);
    }
}

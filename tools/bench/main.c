// postern-bench: measures what this build does on this machine, and prints what it measured.
#include <stdio.h>
#include <string.h>

#include "crowd.h"
#include "echo.h"
#include "guard.h"
#include "options.h"

static const struct command commands[] = {
    {"compare",
     "posternd and libpostern beside a bare nng REQ/REP pair and Redis with a Lua check, taking turns",
     "seconds rounds posternd dir json ",
     {.seconds = 1, .rounds = 5},
     bench_compare},
    {"verify",
     "Verify calls per second over ipc, beside a bare nng echo server",
     "seconds rounds outstanding algorithm anywhere posternd dir json ",
     {.seconds = 5, .rounds = 5, .outstanding = 64, .algorithm = "fixed_window"},
     bench_verify},
    {"start",
     "Create calls per second, then time from exec to the first answered Health, and memory",
     "keys rounds posternd dir json ",
     {.keys = 100000, .rounds = 5},
     bench_start},
    {"limit",
     "one limit decision in process, and the memory of a meter",
     "meters json ",
     {.meters = 1000000},
     bench_limit},
    {"custom",
     "a million identifiers that page to disk: RateCheck's custom subjects, in process",
     "meters resident strict dir json ",
     {.meters = 1000000, .resident = 200000},
     bench_custom},
    {"writes",
     "what reservation writes and how often a call waits for it, with commits of 0.3 and 5 ms",
     "json ",
     {.json = false},
     bench_writes},
    {"store", "jobs per second through the group-commit writer", "seconds dir json ", {.seconds = 2}, bench_store},
};

enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static void print_usage(void)
{
    printf("usage: postern-bench COMMAND [options]\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        printf("  %-7s %s\n", commands[i].name, commands[i].help);
        options_print(&commands[i]);
    }
    printf("\nExit status: 0 measured, 1 could not measure or a call failed, 2 misused. Whether a target was reached "
           "is in the output.\n");
}

int main(int argc, char *argv[])
{
    if (argc > 1 && strcmp(argv[1], ECHO_COMMAND) == 0)
        return echo_serve(argc - 2, argv + 2);
    if (argc > 1 && strcmp(argv[1], CROWD_COMMAND) == 0)
        return crowd_serve(argc - 2, argv + 2);
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)) {
        print_usage();
        return 0;
    }
    for (size_t i = 0; argc > 1 && i < COMMAND_COUNT; i++) {
        struct options options;
        if (strcmp(argv[1], commands[i].name) == 0)
            return options_parse(&commands[i], argc - 2, argv + 2, &options) ? guard_run(&commands[i], &options) : 2;
    }
    fprintf(stderr, "postern-bench: %s; try postern-bench --help\n",
            argc > 1 ? "no such benchmark" : "which benchmark?");
    return 2;
}

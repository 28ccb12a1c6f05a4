// What the command line asks for, and the benchmarks that can be asked.
//
// Threads: read-only after options_parse.
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct options {
    bool json;
    const char *posternd;  // program; NULL = beside this one
    bool anywhere;         // verify: the kernel may place servers and load as it likes
    const char *dir;       // where the temporary directory goes, NULL = $TMPDIR or /tmp; in a benchmark: that directory
    const char *algorithm; // verify: that of the limit
    double seconds;
    uint64_t rounds;
    uint64_t outstanding;
    uint64_t keys;
    uint64_t meters;
    uint64_t resident;
    bool strict;
};

// A benchmark: 0 = measured, whatever the figures are; 1 = could not measure, the cause is on stderr.
struct command {
    const char *name;
    const char *help;
    const char *accepts; // names of its options, each followed by a blank
    struct options defaults;
    int (*run)(const struct options *options);
};

// Reads what follows the command's name. False: the error was printed on stderr.
bool options_parse(const struct command *command, int argc, char *const argv[], struct options *out);
// The command's options with their defaults, on stdout.
void options_print(const struct command *command);

int bench_compare(const struct options *options);
int bench_verify(const struct options *options);
int bench_start(const struct options *options);
int bench_limit(const struct options *options);
int bench_custom(const struct options *options);
int bench_writes(const struct options *options);
int bench_store(const struct options *options);

#endif

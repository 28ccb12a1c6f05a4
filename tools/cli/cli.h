// The command line program: one command of a table, one call of libpostern, one answer.
//
// Data goes to stdout, words to stderr. Exit status: 0 done or allowed, 1 refused or failed, 2 misused.
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "pool.h"
#include "postern/postern.h"

enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_MISUSED = 2 };

// One option of a command.
struct flag {
    const char *name;  // without the dashes; NULL ends a table
    const char *value; // what to call its value; NULL: it has none
    bool many;         // may be given more than once
    const char *help;
};

struct given {
    const struct flag *flag;
    const char *value; // NULL for a flag without
};

struct cli;

// One command. To add one: write its flags and its function, and put it into the table of command.c.
struct command {
    const char *words;    // "tier put"
    const char *operands; // "NAME", "[-]"; "" for none
    size_t operands_min;
    size_t operands_max;
    const char *summary;
    const struct flag *flags;
    const char *notes; // more help, may be NULL
    int (*run)(struct cli *cli);
};

extern const struct command *const commands[]; // ends with NULL
extern const struct flag global_flags[];

#define IF_VERSION_FLAG "if-version", "N", false, "only if its version is N still (else ABORTED)"

// What the command line said, and what came of it.
struct cli {
    const struct command *command;
    struct given *given;
    size_t given_count;
    const char **operands;
    size_t operand_count;
    bool json;
    struct postern *client;
    struct postern_error error;
    struct pool pool;
};

// Memory that lives as long as the program; as pool_take.
void *cli_keep(struct cli *cli, size_t count, size_t size_bytes);

// --- arguments: what was given (argument.c)

// Reads argv after the command's words into cli. CLI_MISUSED: said so on stderr.
int arguments_read(struct cli *cli, int argc, char **argv);
// Reads the global flags before the command; moves *index to the first word that is none.
int arguments_read_leading(struct cli *cli, int argc, char **argv, int *index);
bool argument_has(const struct cli *cli, const char *name);
const char *argument_text(const struct cli *cli, const char *name); // NULL: not given
size_t argument_count(const struct cli *cli, const char *name);
// All values of a flag, in their order.
const char *const *argument_all(struct cli *cli, const char *name, size_t *count);
// Says what was wrong and where to read more; CLI_MISUSED.
int misuse(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

// --- values: text into numbers and structs (value.c). False: said so on stderr, as a misuse.

bool value_number(const struct cli *cli, const char *name, uint64_t max, uint64_t *number); // not given: 0
bool value_environment(const struct cli *cli, const char *text, enum postern_environment *environment);
// As people write them; false, without a word: it is none.
bool value_environment_word(const char *text, enum postern_environment *environment);
bool value_key_type_word(const char *text, enum postern_key_type *type);
bool value_environment_flag(const struct cli *cli, enum postern_environment *environment);
bool value_key_type_flag(const struct cli *cli, enum postern_key_type *type);
bool value_key_state_flag(const struct cli *cli, enum postern_key_state *state);
// 90d, 12h, 500ms.
bool value_span(const char *text, uint64_t *span_ms);
// A moment: a span from now (or, for `past`, before now), RFC 3339, or Unix milliseconds. False, without a word: none.
bool value_moment(const char *text, bool past, uint64_t *moment_ms);
bool value_moment_flag(const struct cli *cli, const char *name, bool past, uint64_t *moment_ms);
bool value_limits_flag(struct cli *cli, const struct postern_limit **limits, size_t *count);
bool value_charges_flag(struct cli *cli, const struct postern_charge **charges, size_t *count);
bool value_metadata_flag(struct cli *cli, const struct postern_entry **entries, size_t *count);
bool value_base64(struct cli *cli, const char *text, const uint8_t **bytes, size_t *size);
bool value_hex_id(const char *text, uint8_t id[POSTERN_ID_SIZE]);

// --- the presented token (token.c)

// From stdin when `from_stdin`, else from POSTERN_TOKEN. NULL: said so on stderr, as a misuse.
const char *token_read(struct cli *cli, bool from_stdin);
// Is the text more likely a token than what belongs on a command line?
bool token_is_likely(const char *text);
int token_refuse(const struct cli *cli); // why not on the command line; CLI_MISUSED
// The first operand as a key id; NULL: said so on stderr, as a misuse.
const char *operand_key_id(const struct cli *cli);

// --- the call (call.c)

// Connects. CLI_DONE, or the exit status after having said why.
int call_open(struct cli *cli);
// Says why a call failed (cli->error), and returns CLI_FAILED.
int call_failed(const struct cli *cli);

// --- JSON (json.c)

// The whole answer as one JSON object on a line, with up to one more member.
void output_json(const void *reply, const char *more_name, const char *more_text);
// Of an answer with a list: its entries, each as one object on a line.
void output_json_entries(const void *reply, const char *list);
// Of an answer with a list: one entry, as {"name": entry}.
void output_json_entry(const void *reply, const char *list, size_t index, const char *name);
void output_json_error(const struct postern_error *error);
// Of each call of a batch its answer with one more member, or why it failed, each as one object on a line.
void output_json_batch(const struct postern_verify_batch_reply *reply, const char *more_name,
                       const char *const *more_texts);

// --- output (output.c, meter.c)

// "2026-01-31T12:00:00Z", or `none` for 0. The buffer has room for OUTPUT_TIME_SIZE bytes.
enum { OUTPUT_TIME_SIZE = 32 };
const char *output_time(uint64_t moment_ms, const char *none, char buffer[OUTPUT_TIME_SIZE]);
// "in 3 days", "5 min ago", or `none` for 0.
const char *output_when(uint64_t moment_ms, uint64_t now_ms, const char *none, char buffer[OUTPUT_TIME_SIZE]);
// The name in lower case.
const char *output_lower(const char *name, char *buffer, size_t room);
void output_limits(const struct postern_limit *limits, size_t count); // "a=1/min, b=2/day"
void output_texts(const char *const *texts, size_t count);            // "a, b"
void output_key(const struct postern_key *key, uint64_t now_ms);      // a line per field that is set
void output_account(const struct postern_account *account);           // likewise
void output_meters(const struct postern_meter *meters, size_t count);
void output_retry(uint64_t retry_after_ms);
const char *reason_sentence(enum postern_reason reason); // what it means and what to do

#endif

// The command line program: one command of a table, one call of libpostern, one answer.
//
// Data goes to stdout, words to stderr. Exit status: 0 done or allowed, 1 refused or failed, 2 misused, 3 posternd
// could not be asked. A function that prints what went wrong also sets cli->status, and returns false or NULL.
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "pool.h"
#include "postern/postern.h"

#include <stdio.h>

enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_MISUSED = 2, CLI_NOT_ASKED = 3 };
enum { OUTPUT_TIME_SIZE = 32, OUTPUT_LIST_SIZE = 8192 }; // of texts (output.c)

struct cli;
struct schema; // schema.h
struct field;  // of a schema

// One option of a command.
struct flag {
    const char *name;  // without the dashes; NULL ends a table
    const char *value; // what to call its value, with "..." if it may be given more than once; NULL: it takes no value
    const char *help;
};

// The options that change single entries of a list.
struct entry_flags {
    struct flag add, remove; // "add-scope", "remove-scope"
};

#define IF_VERSION_FLAG "if-version", "N", "only if its version is N still (else ABORTED)"

// Notes of a command with --limit. The whole of it stands under `tier put`.
#define LIMIT_HELP                                                                                                     \
    "A limit is RESOURCE=AMOUNT/WINDOW[:ALGORITHM[,burst=N]][:shadow] or RESOURCE=unlimited: requests=60/min,\n"       \
    "exports=5/week, credits=1000/total, requests=300/min:token_bucket,burst=50, requests=9/min:shadow. WINDOW: a\n"   \
    "number and s, min, h, d or w; or day, week, month, year, total. What they mean, and time zones: postern help\n"   \
    "tier put\n"

// One command: a row in the table of its file.
struct command {
    const char *words;    // "tier put"
    const char *operands; // "NAME", "[-]" (may be left out), "PATH..." (one or more); "" for none
    const char *summary;
    const struct flag *flags; // NULL: none
    void (*run)(struct cli *cli);
    const char *help;            // more help, may be NULL
    const struct schema *schema; // of the record that it makes or changes, whose options come before `flags`
    bool makes;                  // it makes a new key
    bool updates;                // it changes a record that is there
    bool on;                     // it switches something on; false: off
    const char *token_way;       // how to give it a token (after "postern "); NULL: as verify takes one
};

// What the command line said, and what came of it.
struct cli {
    const struct command *command; // NULL before it is known
    const char *name;              // "postern tier put"
    const void *options;           // that it has (argument.c)
    struct given *given;           // options, newest first
    const char **operands;
    size_t operand_count;
    bool json;
    int status; // the exit status
    struct postern *client;
    struct postern_error error;
    uint64_t server_time_ms; // 0: it was not asked for
    struct pool pool;
};

// Takes memory that lives as long as the program, as pool_take does.
void *cli_keep(struct cli *cli, size_t count, size_t size_bytes);
// Formats a text into such memory.
const char *cli_format(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
// False once something went wrong.
bool cli_good(const struct cli *cli);
// Prints what is wrong with the command line and where to read more, with --json as an error; only the first time.
// Returns false.
bool misuse(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

// --- arguments: what was given (argument.c)

// Reads the options before the command's first word; *index becomes that word's index in argv. Also finds out whether
// errors are to be JSON.
// Errors: false after printing what is wrong with an option.
bool arguments_read_leading(struct cli *cli, int argc, char **argv, int *index);
// Reads the options and operands behind argv[0], the last of the command's words.
// Errors: false as above.
bool arguments_read(struct cli *cli, int argc, char **argv);
// Prints the options of a command, or for NULL those that every command has.
void arguments_help(struct cli *cli, const struct command *command, FILE *to);
bool argument_has(const struct cli *cli, const char *name);
bool argument_is_known(struct cli *cli, const char *name);          // does the command have such an option?
bool argument_takes_many(struct cli *cli, const char *name);        // may it be given more than once?
const char *argument_text(const struct cli *cli, const char *name); // NULL: not given
// Collects all values of an option, in their order.
const char *const *argument_all(struct cli *cli, const char *name, size_t *count);
// True the first time that it is asked about a given option, whose value may be read more than once.
bool argument_note_first(struct cli *cli, const char *name);
// Notes that the n-th value of an option, from 0, is the entry `index` of the request's field `list`. Without that it
// is the n-th entry.
void argument_place(struct cli *cli, const char *name, size_t n, const char *list, size_t index);
// Returns the value that is this entry of the field `list`; NULL: none of this option's.
const char *argument_entry(const struct cli *cli, const char *name, const char *list, size_t index);
// Returns the options of an update that add an entry to a list, and take one away; {0} for a field that is no list.
struct entry_flags argument_entry_flags(struct cli *cli, const struct field *field);

// --- words for the numbers of an enum, which begin at 1; 0 is "unspecified" (value.c)

struct words {
    const char *what; // "environment"
    const char *texts[8];
};

extern const struct words value_environments, value_key_types, value_key_states;

// --- values: text into numbers and structs (value.c). A wrong value is printed as a misuse; the result is then the
// same as for an option that is not given. cli_good tells whether all values were good.

uint64_t value_number(struct cli *cli, const char *name, uint64_t least, uint64_t max);
uint64_t value_version(struct cli *cli);                                           // --if-version
unsigned value_word(struct cli *cli, const struct words *words, const char *text); // NULL: not given
const struct postern_limit *value_limits(struct cli *cli, const char *name, size_t *count);
// Reads the values of an option that names charges; each costs at least `least`.
const struct postern_charge *value_charges(struct cli *cli, const char *option, uint64_t least, size_t *count);
const struct postern_entry *value_metadata(struct cli *cli, const char *name, size_t *count);

// These print nothing. Errors of all of these: 0, or false, when the text is malformed.

unsigned value_word_find(const struct words *words, const char *text);
const char *value_word_text(const struct words *words, unsigned number); // "unknown" when it has no word
// Reads digits; *rest becomes what follows them. False when there is no digit, or the number is too large.
bool value_digits(const char *text, uint64_t *number, const char **rest);
// The digits from 0 to 61, as tokens and key ids have them, and from 0 to 63, as RFC 4648 has them in section 4.
extern const char value_base62_alphabet[62 + 1], value_base64_alphabet[64 + 1];
// Reads base64 of either alphabet, with or without padding: at most `room` bytes.
bool value_base64(const char *text, uint8_t *bytes, size_t room, size_t *size);
// Reads 2 * size hexadecimal digits.
bool value_hex(const char *text, uint8_t *bytes, size_t size);

// --- spans and moments (value_time.c)

enum { VALUE_WRONG_SIZE = 192 };

// A moment that was read from text.
struct value_moment {
    uint64_t ms;                  // Unix milliseconds; 0: never
    bool is_utc_assumed;          // it was written without a zone
    bool is_unlike_any;           // it has the shape of no moment; `wrong` then names them all but "never"
    char wrong[VALUE_WRONG_SIZE]; // why it is none: "there is no 31 February 2027, ..."; never quotes the text
};

// Reads a span of time: 90d, 12h, 2w, 500ms, in the words of a limit's window. Errors: false when it is none;
// *span_ms is then UINT64_MAX for one that ends beyond all moments.
bool value_span(const char *text, uint64_t *span_ms);
// Reads a moment: a date (2027-01-31) or a time of it (2027-01-31 12:00:00, RFC 3339), in UTC where it names no zone;
// Unix milliseconds; "never"; or a span after `now_ms` (for `past`, before it).
// Errors: false when it is none, or no calendar has it; only moment->wrong is then set.
bool value_moment(const char *text, bool past, uint64_t now_ms, struct value_moment *moment);

// --- the presented token (token.c)

enum { TOKEN_SIZE_MAX = 4096 }; // far more than posternd takes, so that posternd refuses what is too long
// Reads the next line of stdin, without the white space at its end.
// Errors: NULL at the end of the input; *wrong becomes true when the line is too long or holds a NUL.
char *token_line(struct pool *pool, bool *wrong);
// Reads the tokens of stdin, one on each line; lines without one do not count. From a terminal it is one.
// Errors: NULL after printing a misuse, also when there is none.
const char *const *token_read_lines(struct cli *cli, size_t *count);
// Reads the one token of stdin.
// Errors: NULL after printing a misuse, also when there is none or there are several.
const char *token_read_one(struct cli *cli);
// Prints that no token came by standard input, and how it is given; returns false.
bool token_refuse_none(struct cli *cli);
// Reads POSTERN_TOKEN, without the white space at its end.
// Errors: NULL after printing a misuse.
const char *token_of_environment(struct cli *cli);
// Checks an option whose value may only be "-". Errors: false after printing a misuse.
bool token_check_dash(struct cli *cli, const char *text);
// Does the text look like a token, rather than like what belongs on a command line?
bool token_is_likely(const char *text);
// Prints as a misuse why a token does not belong on the command line, and how to give it. Returns false.
bool token_refuse(struct cli *cli);
// Reads the first operand as a key id.
// Errors: NULL after printing a misuse.
const char *operand_key_id(struct cli *cli);

// --- the call (call.c)

// Makes the handle by the options of the command line.
// Errors: false after printing what is wrong.
bool call_open(struct cli *cli);
// Returns the exit status of a call that failed: whether posternd could be asked is what libpostern's policies go by,
// too.
int call_exit_status(enum postern_status status);
// Tells whether a call was answered.
// Errors: false after printing cli->error, when `status` is not OK.
bool call_done(struct cli *cli, enum postern_status status);
// Names the command line's options where the message of a call that was not answered names those of the library
// (wording.c).
void wording_name_options(struct postern_error *error);
// Writes why a call failed, in the words of the command line (wording.c); returns `text`.
const char *wording_of(struct cli *cli, const struct postern_error *error, char text[OUTPUT_LIST_SIZE]);
// Returns posternd's time in Unix milliseconds, from which spans count. Asks for it only once.
// Errors: 0 after printing cli->error.
uint64_t call_server_time_ms(struct cli *cli);
// Tells whether the answer is to be printed in words; with --json it prints the reply and returns false.
bool call_in_words(const struct cli *cli, const void *reply);

// --- options that are moments (moment_flag.c)

// Reads an option as value_moment reads its text, and says on stderr when it assumes UTC. Spans count from posternd's
// clock. The second one also takes "never".
// Errors: 0 after printing a misuse, or why posternd did not tell its time. 0 also when the option is not given, and
// for "never".
uint64_t moment_flag(struct cli *cli, const char *name, bool past);
uint64_t moment_flag_or_never(struct cli *cli, const char *name);

// --- output (output.c)

// Writes a moment, "2026-01-31T12:00:00Z"; returns `none` for 0.
const char *output_time(uint64_t moment_ms, const char *none, char buffer[OUTPUT_TIME_SIZE]);
// Writes how far away a moment is, "in 3 days", "5 min ago"; returns `none` for 0.
const char *output_when(uint64_t moment_ms, uint64_t now_ms, const char *none, char buffer[OUTPUT_TIME_SIZE]);
// Writes a span, rounded up: "42.5 s", "11 h 54 min", "30 days".
const char *output_span(uint64_t span_ms, char buffer[OUTPUT_TIME_SIZE]);
// Write a list as one text, "a, b", cut where the buffer ends.
const char *output_texts(const char *const *texts, size_t count, char buffer[OUTPUT_LIST_SIZE]);
const char *output_limits(const struct postern_limit *limits, size_t count, char buffer[OUTPUT_LIST_SIZE]);
// Adds to a text of OUTPUT_LIST_SIZE bytes, cut where it ends; `separator` comes before all but the first addition.
void output_append(char *list, const char *separator, const char *format, ...) __attribute__((format(printf, 3, 4)));

// --- commands (command.c). To add one: write its options and its function, and put a row into the table of its file.

// The tables of the files, each ends with {0}. A folder's table stands in its door: doctor/doctor.h ...
extern const struct command verify_commands[];
extern const struct command ratecheck_commands[];
extern const struct command key_commands[];
extern const struct command key_list_commands[];
extern const struct command account_commands[];
extern const struct command catalogue_commands[];
extern const struct command usage_commands[];
extern const struct command audit_commands[];
extern const struct command events_commands[];
extern const struct command stats_commands[];
extern const struct command top_commands[];

// Runs the command that argv names; cli->status is the exit status.
void command_run(struct cli *cli, int argc, char **argv);

#endif

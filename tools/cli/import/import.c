// import: takes over keys of another system, batch by batch.
#include "import/import.h"

#include "import/read.h"
#include "json.h"
#include "progress.h"

#include <errno.h>
#include <string.h>

enum {
    BATCH_SIZE_MAX = 60000, // bytes of a request, of the 65532 that it may have
    ERRORS_KEPT_MAX = 1000, // for --json; all are said on stderr
    TRIMMED_SAID_MAX = 10   // on stderr
};

struct import {
    struct cli *cli;
    struct import_reader reader;
    // the batch
    size_t batch_max;
    struct pool pool;
    struct import_row rows[POSTERN_BATCH_MAX];
    size_t row_count;  // that are to be sent
    size_t seen_count; // those that cannot be sent included
    size_t size_bytes;
    size_t first_line, last_line;
    // so far
    size_t imported, skipped, failed, trimmed;
    size_t by_sha256;     // that were sent without their token
    unsigned hints_given; // enum import_token_finding, or'ed
    bool utc_said;
    bool stopped;
    int outcome; // the exit status, if something was not imported
    json_t *errors;
    struct progress progress;
};

static void show_progress(struct import *import)
{
    if (progress_is_due(&import->progress))
        progress_show(&import->progress, "line %zu: %zu imported, %zu skipped, %zu failed", import->last_line,
                      import->imported, import->skipped, import->failed);
}

// ------------------------------------------------------------------------------------------------------------ errors

static void report_line(struct import *import, size_t line, const char *code, const char *field, const char *message)
{
    char column[64];
    snprintf(column, sizeof column, "%.*s", (int)strcspn(field, "["), field);
    bool is_named = column[0] == '\0' || strstr(message, column) != NULL;
    progress_clear(&import->progress);
    fprintf(stderr, "postern import: line %zu: %s%s%s%s%s%s\n", line, code, code[0] != '\0' ? ": " : "", message,
            is_named ? "" : " (", is_named ? "" : column, is_named ? "" : ")");
    if (json_array_size(import->errors) < ERRORS_KEPT_MAX)
        json_array_append_new(import->errors, json_pack("{s:I, s:s, s:o, s:o}", "line", (json_int_t)line, "code",
                                                        code[0] != '\0' ? code : "INVALID_ARGUMENT", "field",
                                                        json_text(field), "message", json_text(message)));
}

// Finds the row of "import.keys[3].key.account", and moves *field to what of it is wrong.
static const struct import_row *row_at_fault(const struct import *import, const char **field)
{
    size_t index = 0;
    int size = 0;
    (void)sscanf(import->cli->error.field, "import.keys[%zu]%n", &index, &size);
    if (size == 0 || index >= import->row_count)
        return NULL;
    *field += size + ((*field)[size] == '.');
    *field += strncmp(*field, "key.", 4) == 0 ? 4 : 0;
    return &import->rows[index];
}

// ------------------------------------------------------------------------------------------------------------- batch

static void say_batch_lost(struct import *import)
{
    import->failed += import->seen_count;
    if (import->seen_count > 1)
        fprintf(stderr, "postern import: lines %zu to %zu were not imported: a batch is all or nothing\n",
                import->first_line, import->last_line);
}

// Columns that are called otherwise than their field is.
static const char *column_of(const char *field)
{
    static const char *const rows[][2] = {
        {"expires_at_ms", "expires"}, {"api_key", "token"}, {"allowed_addresses", "addresses"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strncmp(field, rows[i][0], strlen(rows[i][0])) == 0)
            return rows[i][1];
    return field;
}

// Says it with the names of the columns.
static const char *word_refusal(struct import *import, const char *column, char text[OUTPUT_LIST_SIZE])
{
    const struct postern_error *error = &import->cli->error;
    struct postern_error worded = *error;
    size_t size = strlen(error->field);
    worded.field[0] = '\0';
    if (size > 0 && strncmp(error->message, error->field, size) == 0)
        snprintf(worded.message, sizeof worded.message, "\"%.*s\"%s", (int)strcspn(column, "["), column,
                 error->message + size);
    return wording_of(import->cli, &worded, text);
}

static void say_batch_refused(struct import *import)
{
    const struct postern_error *error = &import->cli->error;
    const char *field = error->field;
    char text[OUTPUT_LIST_SIZE];
    const struct import_row *row = row_at_fault(import, &field);
    field = row != NULL ? column_of(field) : "";
    // Anything but what is wrong with these keys would be wrong with the next ones too.
    import->stopped = strncmp(error->field, "import.keys", strlen("import.keys")) != 0;
    import->outcome = call_exit_status(error->status);
    report_line(import, row != NULL ? row->line : import->first_line, postern_status_name(error->status), field,
                word_refusal(import, field, text));
    say_batch_lost(import);
    if (import->stopped)
        fputs("postern import: stopped here. Run it again with the same input: what is there is skipped\n", stderr);
}

static void send_batch(struct import *import)
{
    struct postern_import_key keys[POSTERN_BATCH_MAX];
    struct postern_import_reply *reply = NULL;
    for (size_t i = 0; i < import->row_count; i++)
        keys[i] = import->rows[i].key;
    const struct postern_import_request request = {.keys = keys, .key_count = import->row_count};
    if (postern_import(import->cli->client, &request, &reply, &import->cli->error) != POSTERN_OK) {
        say_batch_refused(import);
        return;
    }
    for (size_t i = 0; i < import->row_count; i++)
        import->by_sha256 += keys[i].sha256 != NULL;
    import->imported += reply->key_count;
    import->skipped += reply->skipped;
    postern_reply_free(reply);
}

static void finish_batch(struct import *import)
{
    if (import->row_count == import->seen_count && import->row_count > 0)
        send_batch(import);
    else if (import->seen_count > 0)
        say_batch_lost(import);
    pool_wipe(&import->pool);
    import->row_count = 0;
    import->seen_count = 0;
    import->size_bytes = 0;
    show_progress(import);
}

// The first tokens that were trimmed are named, all are counted.
static void say_trimmed(struct import *import, const struct import_row *row)
{
    static const struct {
        enum import_token_finding finding;
        const char *what;
    } taken[] = {{IMPORT_TOKEN_MARK, "byte order mark"},
                 {IMPORT_TOKEN_SPACE, "white space"},
                 {IMPORT_TOKEN_QUOTES, "quotation marks"},
                 {IMPORT_TOKEN_HEADER, "\"Authorization:\""},
                 {IMPORT_TOKEN_BEARER, "\"Bearer\""}};
    char list[OUTPUT_LIST_SIZE] = "";
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
        if (row->token_findings & taken[i].finding)
            output_append(list, " and the ", "%s", taken[i].what);
    if (list[0] == '\0' || ++import->trimmed > TRIMMED_SAID_MAX)
        return;
    progress_clear(&import->progress);
    fprintf(stderr, "postern import: line %zu: taken without the %s that stood with the token\n", row->line, list);
}

static void say_hint(struct import *import, const struct import_row *row, enum import_token_finding finding,
                     const char *hint)
{
    if (!(row->token_findings & finding) || import->hints_given & finding)
        return;
    progress_clear(&import->progress);
    fprintf(stderr, "postern import: line %zu: %s\n", row->line, hint);
    import->hints_given |= finding;
}

// The first time without a zone stands for all.
static void say_utc(struct import *import, const struct import_row *row)
{
    char at[OUTPUT_TIME_SIZE];
    if (row->utc_expiry_ms == 0 || import->utc_said)
        return;
    progress_clear(&import->progress);
    fprintf(stderr, "postern import: line %zu: expires names no zone and is in UTC: %s\n", row->line,
            output_time(row->utc_expiry_ms, "", at));
    import->utc_said = true;
}

static void say_findings(struct import *import, const struct import_row *row)
{
    say_utc(import, row);
    say_trimmed(import, row);
    say_hint(import, row, IMPORT_TOKEN_ID_BEFORE,
             "the token is like id|secret: it is taken over as one text, as clients send it. If the old system kept a "
             "hash of the secret alone, such a hash cannot be taken over");
    say_hint(import, row, IMPORT_TOKEN_DIGEST,
             "the token is like a SHA-256 in hex: if it is one, of what clients send, name it sha256 instead of token");
}

// Adds a row to the batch, which is lost as a whole when one of its rows cannot be sent.
static void add_to_batch(struct import *import, const struct import_row *row, bool good)
{
    if (import->seen_count == 0)
        import->first_line = row->line;
    import->last_line = row->line;
    import->seen_count++;
    if (!good)
        return;
    import->rows[import->row_count++] = *row;
    import->size_bytes += row->size_bytes;
}

static void import_all(struct import *import)
{
    struct import_row row;
    enum import_result result;
    while (!import->stopped && (result = import_read(&import->reader, &import->pool, &row)) != IMPORT_END) {
        if (result == IMPORT_WRONG)
            report_line(import, row.line, "", "", import->reader.wrong);
        else
            say_findings(import, &row);
        add_to_batch(import, &row, result == IMPORT_ROW);
        // Sends the batch as soon as it may have no room for another row, however large.
        if (import->seen_count == import->batch_max || import->size_bytes > BATCH_SIZE_MAX - IMPORT_ROW_SIZE_MAX)
            finish_batch(import);
    }
    if (!import->stopped)
        finish_batch(import);
    progress_clear(&import->progress);
}

static enum import_format read_format(struct cli *cli)
{
    const char *text = argument_text(cli, "format");
    if (text != NULL && strcmp(text, "json") != 0 && strcmp(text, "csv") != 0)
        misuse(cli, "--format \"%s\" is none: json or csv", text);
    return text == NULL ? IMPORT_FORMAT_UNKNOWN : text[0] == 'j' ? IMPORT_FORMAT_JSON : IMPORT_FORMAT_CSV;
}

static void print_summary(const struct import *import)
{
    if (import->trimmed > TRIMMED_SAID_MAX)
        fprintf(stderr,
                "postern import: white space, quotation marks or \"Authorization: Bearer\" were taken away from %zu "
                "tokens\n",
                import->trimmed);
    if (import->by_sha256 > 0 && import->imported > 0)
        fprintf(stderr,
                "postern import: %zu of these came by SHA-256 alone, which does not tell whether this Postern made the "
                "token: such a token stays its own key's. Give the token itself to have that checked\n",
                import->by_sha256);
    if (!import->cli->json)
        printf("imported %zu, skipped %zu, failed %zu\n", import->imported, import->skipped, import->failed);
    else
        json_print(json_pack("{s:I, s:I, s:I, s:I, s:I, s:b, s:O}", "imported", (json_int_t)import->imported, "skipped",
                             (json_int_t)import->skipped, "failed", (json_int_t)import->failed, "trimmed",
                             (json_int_t)import->trimmed, "by_sha256", (json_int_t)import->by_sha256, "stopped",
                             import->stopped, "errors", import->errors));
}

static void import_stdin(struct import *import)
{
    import->errors = json_array();
    import_all(import);
    if (ferror(stdin)) {
        import->stopped = true;
        report_line(import, import->last_line, "DATA_LOSS", "", "the input cannot be read further");
    }
    print_summary(import);
    json_decref(import->errors);
    if (import->failed > 0 || import->stopped)
        import->cli->status = import->outcome;
}

static void run_import(struct cli *cli)
{
    struct import *import = cli_keep(cli, 1, sizeof *import);
    enum import_format format = read_format(cli);
    uint64_t batch = value_number(cli, "batch", 1, POSTERN_BATCH_MAX);
    const struct postern_create_request start = {.account = argument_text(cli, "account"),
                                                 .name = argument_text(cli, "name"),
                                                 .environment =
                                                     value_word(cli, &value_environments, argument_text(cli, "env"))};
    import->cli = cli;
    import->outcome = CLI_FAILED;
    import->batch_max = batch > 0 ? (size_t)batch : POSTERN_BATCH_MAX;
    import->progress = progress_begin(argument_has(cli, "progress"));
    if (cli->operand_count > 0 && strcmp(cli->operands[0], "-") != 0)
        misuse(cli, "the keys come by standard input: postern import <%s", cli->operands[0]);
    uint64_t now_ms = cli_good(cli) ? call_server_time_ms(cli) : 0;
    if (!cli_good(cli))
        return;
    if (import_begin(&import->reader, stdin, format)) {
        import->reader.start = start;
        import->reader.now_ms = now_ms;
        import_stdin(import);
    } else {
        misuse(cli, "%s", import->reader.wrong);
    }
    pool_wipe(&import->pool);
    import_end(&import->reader);
}

static const struct flag import_flags[] = {
    {"format", "json|csv", "of the input (default: what begins with { is json)"},
    {"account", "ID", "of the keys that do not say theirs"},
    {"name", "NAME", "of the keys that do not say theirs"},
    {"env", "test|live", "of the keys that do not say theirs (default test)"},
    {"batch", "N", "keys at once, all or nothing; at most 64, which is the default"},
    {"progress", NULL, "show how far it is, also when standard error is no terminal"},
    {0},
};

const struct command import_commands[] = {
    {"import", "[-]", "take over keys of another system, from standard input", import_flags, run_import,
     .help =
         "JSON Lines, an object on each line, or CSV (with commas, semicolons or tabs), whose first line names\n"
         "the columns. Fields:\n"
         "  token or sha256     the token itself, at least 16 bytes; or its SHA-256, in hex or Base64. It is all\n"
         "                      that a client sends; white space and quotation marks around it, \"Authorization:\"\n"
         "                      and \"Bearer\" are taken away\n"
         "  account, name       whose key it is, and what for\n"
         "  environment, type   test or live, secret or public\n"
         "  scopes, addresses   a JSON list, or one text with blanks, commas or semicolons between them\n"
         "  limits              likewise, with blanks or semicolons: requests=60/min\n"
         "  expires             90d, 2w, 2027-01-31 (UTC), 2027-01-31T12:00:00Z, Unix milliseconds or never\n"
         "  metadata            a JSON object of texts; in CSV k=v;k=v, or a column metadata.KEY for each\n"
         "  prefix              how the token of its successor will begin\n"
         "Keys that the account has already are skipped, so that an import that failed half-way can be run again;\n"
         "a token of another account, imported or made here, is refused. By its SHA-256 alone a token that this\n"
         "Postern made is not known: it is taken for a new one, and yet stays the key's that it was made for. Give\n"
         "the token itself where you have it, and no SHA-256 of a token that was made here.\n"
         "  echo '{\"sha256\": \"2c26b46b...\", \"account\": \"acme\", \"name\": \"ingest\"}' | postern import"},
    {0},
};

// Puts what posternd says into the words of the command line. posternd speaks of the fields of its protocol,
// "create.limits[2].amount", and people gave options and operands: no message shows them a name that no help has. What
// is between quotes is theirs and stays; so does the command that a message advises, which is always its end.
#include "outcome.h"
#include "schema.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_SIZE = 160, VALUE_SHOWN_MAX = 100 };

// ----------------------------------------------------------------------------------------------------------- options

// Fields whose option has another name; of several rows the first that was given, or else the first that there is.
static const struct {
    const char *field, *option;
} options[] = {
    {"key_id", "key"},
    {"api_key", "token"},
    {"api_key", "api-key"},
    {"environment", "env"},
    {"charges", "charge"},
    {"charges", "refund-amount"},
    {"charge_id", "refund"},
    {"charge_id", "settle"},
    {"scopes", "scope"},
    {"scope_alternatives", "scope"},
    {"limits", "limit"},
    {"expires_before_ms", "expires-within"},
    {"expires_at_ms", "expires"},
    {"created_before_ms", "older-than"},
    {"last_rolled_before_ms", "not-rolled-since"},
    {"unusual_at_ms", "at"},
    {"name_prefix", "name"},
    {"namespace", "custom"},
    {"identifier", "custom"},
    {"remote_address", "address"},
    {"reset_meters", "reset"}, // a call that is an option
};

// Is there such an option, or was it even given?
static bool has_option(struct cli *cli, const char *option, bool is_given)
{
    return option != NULL && (is_given ? argument_has(cli, option) : argument_is_known(cli, option));
}

static const char *option_of_table(struct cli *cli, const char *field, bool is_given)
{
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if (strcmp(options[i].field, field) == 0 && has_option(cli, options[i].option, is_given))
            return options[i].option;
    return NULL;
}

// Each field of a record has up to four options: those of --limit are --add-limit, --remove-limit and --no-limits.
static const char *option_of_schema(struct cli *cli, const char *name, bool is_given)
{
    const struct schema *schema = cli->command->schema;
    const struct field *field = schema != NULL ? schema->fields : NULL;
    while (field != NULL && field->kind != FIELD_END && (field->name == NULL || strcmp(field->name, name) != 0))
        field++;
    if (field == NULL || field->kind == FIELD_END)
        return NULL;
    const struct entry_flags entry = argument_entry_flags(cli, field);
    const char *names[] = {field->flag.name, entry.add.name, entry.remove.name, field->unset.name};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (has_option(cli, names[i], is_given))
            return names[i];
    return NULL;
}

// Most options are called as their field is: "not-before" for "not_before_ms". `blank` stands for each '_'.
static void spell(const char *field, char blank, char spelled[NAME_SIZE])
{
    size_t size = strlen(field);
    if (size > 3 && strcmp(field + size - 3, "_ms") == 0)
        size -= 3;
    snprintf(spelled, NAME_SIZE, "%.*s", (int)size, field);
    for (char *at = spelled; *at != '\0'; at++)
        *at = *at == '_' ? blank : *at;
}

// Writes the option that sets the field: one that was given before one that there is. False: there is none.
static bool find_option(struct cli *cli, const char *field, char option[NAME_SIZE])
{
    char spelled[NAME_SIZE];
    spell(field, '-', spelled);
    for (int round = 0; round < 2; round++) {
        bool is_given = round == 0;
        const char *found = option_of_schema(cli, field, is_given);
        if (found == NULL)
            found = option_of_table(cli, field, is_given);
        if (found == NULL && has_option(cli, spelled, is_given))
            found = spelled;
        if (found != NULL) {
            snprintf(option, NAME_SIZE, "%s", found);
            return true;
        }
    }
    return false;
}

// ------------------------------------------------------------------------------------------------------------- names

// What people gave for a field.
struct named {
    char name[NAME_SIZE]; // "--limit", "KEY_ID"
    const char *value;    // NULL: it has none, or there is no telling
    bool is_entry;        // the value is one of several
    bool is_operand;
};

// Returns the value that was given for a member whose option has that name; `index` is what stands behind it, "[2]".
static const char *value_of(struct cli *cli, const char *option, const char *field, const char *index, bool *is_entry)
{
    size_t at;
    *is_entry = sscanf(index, "[%zu]", &at) == 1;
    if (*is_entry)
        return argument_entry(cli, option, field, at);
    return argument_takes_many(cli, option) ? NULL : argument_text(cli, option);
}

// Names one member of a path, "limits[2]".
static bool name_member(struct cli *cli, const char *member, struct named *named)
{
    char field[NAME_SIZE], option[NAME_SIZE];
    size_t size = strcspn(member, ".[");
    *named = (struct named){.value = NULL};
    snprintf(field, sizeof field, "%.*s", (int)size, member);
    if (strcmp(field, "credential") == 0 && getenv("POSTERN_API_KEY") != NULL) {
        snprintf(named->name, sizeof named->name, "POSTERN_API_KEY");
        return true;
    }
    if (!find_option(cli, field, option))
        return false;
    snprintf(named->name, sizeof named->name, "--%.100s", option);
    named->value = value_of(cli, option, field, member + size, &named->is_entry);
    return true;
}

// Names the operand that is the field's value: "KEY_ID" for "get.key_id".
static bool name_operand(const struct cli *cli, const char *path, struct named *named)
{
    static const struct {
        const char *field, *operand;
    } rows[] = {{"key_id", "KEY_ID"}, {"account", "ID"}, {"tier", "NAME"}, {"scope", "NAME"}};
    const char *last = strrchr(path, '.'), *operand = cli->command->operands;
    size_t left = operand[0] == '[', size = strcspn(operand + left, "]");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (last != NULL && cli->operand_count > 0 && strcmp(last + 1, rows[i].field) == 0 &&
            strlen(rows[i].operand) == size && strncmp(operand + left, rows[i].operand, size) == 0) {
            *named = (struct named){.value = cli->operands[0], .is_operand = true};
            snprintf(named->name, sizeof named->name, "%s", rows[i].operand);
            return true;
        }
    return false;
}

// Names a whole path by the last of its members that has an option.
static bool name_path(struct cli *cli, const char *path, struct named *named)
{
    struct named member;
    bool found = false;
    for (const char *at = path; at != NULL && *at != '\0'; at = (at = strchr(at, '.')) != NULL ? at + 1 : NULL)
        if (name_member(cli, at, &member)) {
            *named = member;
            found = true;
        }
    return found || name_operand(cli, path, named);
}

// Adds the value between quotes, unless it may be a token. It may have anything in it that a terminal obeys.
static void add_value(char *text, const char *before, const char *value, const char *after)
{
    char shown[VALUE_SHOWN_MAX + 1];
    snprintf(shown, sizeof shown, "%s", value);
    for (char *at = shown; *at != '\0'; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7F)
            *at = '?';
    output_append(text, "", "%s\"%s%s\"%s", before, shown, strlen(value) > VALUE_SHOWN_MAX ? "..." : "", after);
}

static void add_named(char *text, const struct named *named)
{
    output_append(text, "", "%s", named->name);
    if (named->is_entry && named->value != NULL)
        add_value(text, " ", named->value, "");
}

// Writes what no option sets in English: "grace" for "roll.grace_ms", "token 3" for "calls[2]".
static void add_english(char *text, const char *path)
{
    static const char *const words[][2] = {{"api_key", "token"}, {"calls", "tokens"}};
    const char *last = strrchr(path, '.') != NULL ? strrchr(path, '.') + 1 : path;
    char field[NAME_SIZE], english[NAME_SIZE];
    size_t index = 0, size = strcspn(last, "[");
    bool is_entry = sscanf(last + size, "[%zu]", &index) == 1;
    snprintf(field, sizeof field, "%.*s", (int)size, last);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(field, words[i][0]) == 0)
            snprintf(field, sizeof field, "%s", words[i][1]);
    spell(field, ' ', english);
    size = strlen(english);
    if (is_entry && size > 0 && english[size - 1] == 's')
        output_append(text, "", "%.*s %zu", (int)size - 1, english, index + 1);
    else
        output_append(text, "", "%s", english);
}

// --------------------------------------------------------------------------------------------------------- sentences

// Words that look like fields, and are what people write.
static bool is_plain(const char *word)
{
    static const char *const plain[] = {"fixed_window", "sliding_window", "token_bucket", "operator_uid", "tls_peer"};
    enum { KEY_ID_SIZE = 19 };
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        if (strcmp(word, plain[i]) == 0)
            return true;
    return strpbrk(word, "_[.") == NULL || (strncmp(word, "key_", 4) == 0 && strlen(word) == KEY_ID_SIZE);
}

// A name that is spoken of, and no option that was given, stays a name: "this charge id is of a charge ...".
static bool is_spoken_of(const char *word)
{
    return strcmp(word, "key_id") == 0 || strcmp(word, "api_key") == 0 || strcmp(word, "charge_id") == 0;
}

static void add_word(struct cli *cli, char *text, const char *word)
{
    struct named named;
    if (is_plain(word))
        output_append(text, "", "%s", word);
    else if (!is_spoken_of(word) && name_path(cli, word, &named))
        add_named(text, &named);
    else if (strpbrk(word, "_[") != NULL)
        add_english(text, word);
    else
        output_append(text, "", "%s", word); // "e.g"
}

// A name in backticks is always one of the protocol.
static void add_quoted_name(struct cli *cli, char *text, const char *word)
{
    struct named named;
    if (name_path(cli, word, &named))
        add_named(text, &named);
    else
        add_value(text, "", word, "");
}

// Returns the size of the word at the beginning of `at` that may name a field; 0: there is none. `before` is the
// character in front of it.
static size_t size_of_word(const char *at, char before)
{
    size_t size = strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789_.[]");
    bool stands_alone = !isalnum((unsigned char)before) && (before == '\0' || strchr("_/.:='-", before) == NULL);
    while (size > 0 && at[size - 1] == '.')
        size--;
    char after = at[size], later = after != '\0' ? at[size + 1] : '\0';
    bool ends = !isalnum((unsigned char)after) && (after == '\0' || strchr("/='-", after) == NULL) &&
                (after != ':' || later == ' ' || later == '\0');
    return stands_alone && ends && islower((unsigned char)*at) && size < NAME_SIZE ? size : 0;
}

static bool is_advice(const char *at, char before)
{
    return before == ' ' && strncmp(at, "postern ", 8) == 0;
}

// Adds what begins at `at`: something quoted, a word, or a character. Returns its size.
static size_t add_piece(struct cli *cli, char *text, const char *at, char before)
{
    char word[NAME_SIZE];
    const char *end = *at == '"' || *at == '`' ? strchr(at + 1, *at) : NULL;
    size_t size = end != NULL ? (size_t)(end - at) + 1 : size_of_word(at, before);
    if (end != NULL && (*at == '"' || size >= NAME_SIZE + 2)) {
        output_append(text, "", "%.*s", (int)size, at);
    } else if (end != NULL) {
        snprintf(word, sizeof word, "%.*s", (int)size - 2, at + 1);
        add_quoted_name(cli, text, word);
    } else if (size > 0) {
        snprintf(word, sizeof word, "%.*s", (int)size, at);
        add_word(cli, text, word);
    } else {
        size = 1;
        output_append(text, "", "%c", *at);
    }
    return size;
}

static void add_sentence(struct cli *cli, char *text, const char *at)
{
    char before = '\0';
    while (*at != '\0' && !is_advice(at, before)) {
        size_t size = add_piece(cli, text, at, before);
        before = at[size - 1];
        at += size;
    }
    output_append(text, "", "%s", at);
}

// Does the message say it of its field, as " is not a name" does? Else it is a sentence of its own.
static bool is_of_field(const char *message)
{
    static const char *const verbs[] = {"is ", "has ", "must "};
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strncmp(message, verbs[i], strlen(verbs[i])) == 0)
            return true;
    return false;
}

// Adds what was given behind the message: "(--time-zone "Mars/X")", "(given: "bad id")". A single value that the
// message has already is not said again.
static void add_given(char *text, const struct named *named, bool is_named)
{
    const char *value = named->value;
    bool is_said = value != NULL && strstr(text, value) != NULL, is_always_said = named->is_entry && !is_named;
    if ((is_said && (named->is_operand || is_named)) || (is_named && named->is_entry)) // then it stands in front
        return;
    if (value != NULL && ((is_said && !is_always_said) || strcmp(value, "-") == 0 || token_is_likely(value)))
        value = NULL;
    if (is_named && value == NULL)
        return;
    output_append(text, "", " (%s", is_named ? "given:" : named->name);
    if (value != NULL)
        add_value(text, " ", value, "");
    output_append(text, "", ")");
}

void wording_name_options(struct postern_error *error)
{
    static const struct {
        const char *said, *instead;
    } rows[] = {{"(tls_ca_file, ", "(--tls-ca, "},
                {"(tls_key_file, ", "(--tls-key, "},
                {"give it as tls_server_name", "give it as --tls-server-name"},
                {"give tls_certificate_file and tls_key_file", "give --tls-cert and --tls-key"}};
    char text[sizeof error->message];
    snprintf(text, sizeof text, "%s", error->message);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0] && !error->answered; i++) {
        const char *at = strstr(text, rows[i].said);
        if (at != NULL)
            snprintf(error->message, sizeof error->message, "%.*s%s%s", (int)(at - text), text, rows[i].instead,
                     at + strlen(rows[i].said));
    }
}

const char *wording_of(struct cli *cli, const struct postern_error *error, char text[OUTPUT_LIST_SIZE])
{
    struct named named;
    const char *message = outcome_word(cli, error->message);
    size_t size = strlen(error->field);
    bool has_name = size > 0 && name_path(cli, error->field, &named), is_named = false;
    text[0] = '\0';
    if (size > 0 && strncmp(message, error->field, size) == 0 && message[size] == ' ')
        message += size + 1;
    is_named = size > 0 && is_of_field(message);
    if (is_named && has_name)
        add_named(text, &named);
    else if (is_named)
        add_english(text, error->field);
    output_append(text, " ", "%s", "");
    if (error->answered)
        add_sentence(cli, text, message);
    else
        output_append(text, "", "%s", message);
    if (has_name)
        add_given(text, &named, is_named);
    return text;
}

// Changes a record by what the command line gives, and leaves alone what it does not give. Two people may change one
// record at the same time: so the record is read first, entries are added to the list that is there, and the record is
// written with the version that was read. The command says what a change drops.
#include "change.h"

#include <string.h>

// Somebody else may change the record between reading and writing it; each turn needs another such change.
enum { TURNS_MAX = 16 };

// ---------------------------------------------------------------------------------------------------------- entries

// A list of a field's kind.
struct entries {
    const void *list;
    size_t count;
};

static size_t entry_size(const struct field *field)
{
    static const size_t sizes[] = {[FIELD_TEXTS] = sizeof(const char *),
                                   [FIELD_ENVIRONMENTS] = sizeof(enum postern_environment),
                                   [FIELD_LIMITS] = sizeof(struct postern_limit),
                                   [FIELD_METADATA] = sizeof(struct postern_entry)};
    return sizes[field->kind];
}

static const void *entry_at(const struct field *field, const struct entries *entries, size_t i)
{
    return (const char *)entries->list + i * entry_size(field);
}

static struct entries entries_of(const struct field *field, const void *from)
{
    if (from == NULL)
        return (struct entries){0};
    return (struct entries){schema_list(field, from), schema_count(field, from)};
}

// Returns the entry as the command line writes it.
static const char *entry_text(struct cli *cli, const struct field *field, const void *entry)
{
    char text[POSTERN_LIMIT_TEXT_MAX + 1];
    if (field->kind == FIELD_TEXTS)
        return *(const char *const *)entry;
    if (field->kind == FIELD_ENVIRONMENTS)
        return value_word_text(&value_environments, *(const enum postern_environment *)entry);
    if (field->kind == FIELD_LIMITS)
        return pool_text(&cli->pool, text, postern_limit_format(entry, text));
    const struct postern_entry *pair = entry;
    return cli_format(cli, "%s=%s", pair->key, pair->value);
}

static uint32_t window_of(const struct postern_limit *limit)
{
    static const uint32_t seconds[] = {[POSTERN_PERIOD_MINUTE] = 60,
                                       [POSTERN_PERIOD_HOUR] = 3600,
                                       [POSTERN_PERIOD_DAY] = 86400,
                                       [POSTERN_PERIOD_WEEK] = 604800,
                                       [POSTERN_PERIOD_TOTAL] = 0};
    bool is_known = (size_t)limit->period < sizeof seconds / sizeof seconds[0];
    return limit->window_s == 0 && is_known ? seconds[limit->period] : limit->window_s;
}

// Compares as posternd's limit_same_window does: months, years and the total have no length, and a shadow stands beside
// the others.
static bool is_same_window(const struct postern_limit *a, const struct postern_limit *b)
{
    return strcmp(a->resource, b->resource) == 0 && a->unlimited == b->unlimited && a->shadow == b->shadow &&
           window_of(a) == window_of(b) && (window_of(a) > 0 || a->period == b->period);
}

// Does one entry take the other's place? Limits with the same resource and window do, as for posternd.
static bool takes_place(struct cli *cli, const struct field *field, const void *a, const void *b)
{
    if (field->kind == FIELD_LIMITS)
        return is_same_window(a, b);
    if (field->kind == FIELD_METADATA)
        return strcmp(((const struct postern_entry *)a)->key, ((const struct postern_entry *)b)->key) == 0;
    return strcmp(entry_text(cli, field, a), entry_text(cli, field, b)) == 0;
}

static bool is_replaced(struct cli *cli, const struct field *field, const void *entry, const struct entries *by)
{
    size_t i = 0;
    while (i < by->count && !takes_place(cli, field, entry, entry_at(field, by, i)))
        i++;
    return i < by->count;
}

static struct entries add_entries(struct cli *cli, const struct field *field, struct entries to, struct entries more)
{
    size_t size = entry_size(field), count = 0;
    char *all = cli_keep(cli, to.count + more.count + 1, size);
    for (size_t i = 0; i < to.count; i++)
        if (!is_replaced(cli, field, entry_at(field, &to, i), &more))
            memcpy(all + count++ * size, entry_at(field, &to, i), size);
    if (more.count > 0)
        memcpy(all + count * size, more.list, more.count * size);
    return (struct entries){all, count + more.count};
}

// Is this how --remove-… names the entry: metadata by its key, all others as they are?
static bool is_named(struct cli *cli, const struct field *field, const void *entry, const char *name)
{
    const char *text = entry_text(cli, field, entry);
    size_t size = field->kind == FIELD_METADATA ? strcspn(text, "=") : strlen(text);
    return strlen(name) == size && strncmp(text, name, size) == 0;
}

// Returns the name by which is_named knows an entry: a limit as it is shown. What is no limit stays as it was given,
// and is then not found.
static const char *name_as_shown(struct cli *cli, const struct field *field, const char *given)
{
    struct postern_limit limit;
    struct postern_error error;
    if (field->kind != FIELD_LIMITS || postern_limit_parse(given, &limit, &error) != POSTERN_OK)
        return given;
    return entry_text(cli, field, &limit);
}

static enum postern_status fail_missing(struct cli *cli, const struct field *field, const struct entries *entries,
                                        const char *name)
{
    char all[OUTPUT_LIST_SIZE] = "";
    for (size_t i = 0; i < entries->count; i++)
        output_append(all, ", ", "%s", entry_text(cli, field, entry_at(field, entries, i)));
    cli->error = (struct postern_error){.status = POSTERN_NOT_FOUND};
    snprintf(cli->error.message, sizeof cli->error.message, "there is no %s \"%.60s\" to take away; there is: %.100s",
             field->flag.name, name, all[0] != '\0' ? all : "none");
    return POSTERN_NOT_FOUND;
}

static enum postern_status fail_last(struct cli *cli, const struct field *field, const char *name)
{
    cli->error = (struct postern_error){.status = POSTERN_FAILED_PRECONDITION};
    snprintf(cli->error.message, sizeof cli->error.message, "\"%.60s\" is the last %s, and %s", name, field->flag.name,
             field->if_none);
    return POSTERN_FAILED_PRECONDITION;
}

static enum postern_status remove_entry(struct cli *cli, const struct field *field, const char *name,
                                        struct entries *entries)
{
    size_t size = entry_size(field), count = 0;
    char *rest = cli_keep(cli, entries->count + 1, size);
    for (size_t i = 0; i < entries->count; i++)
        if (!is_named(cli, field, entry_at(field, entries, i), name))
            memcpy(rest + count++ * size, entry_at(field, entries, i), size);
    if (count == entries->count)
        return fail_missing(cli, field, entries, name);
    *entries = (struct entries){rest, count};
    return POSTERN_OK;
}

// ---------------------------------------------------------------------------------------------------- what is given

// The options of a field that change it.
struct field_options {
    const struct field *field;
    struct entry_flags entry;
    bool sets, unsets, adds, removes;
};

static bool is_given(const struct cli *cli, const struct flag *flag)
{
    return flag->name != NULL && argument_has(cli, flag->name);
}

static struct field_options read_options(struct cli *cli, const struct field *field)
{
    struct field_options given = {.field = field};
    bool updates = cli->command->updates;
    if (updates)
        given.entry = argument_entry_flags(cli, field);
    given.sets = is_given(cli, &field->flag);
    given.unsets = updates && is_given(cli, &field->unset);
    given.adds = is_given(cli, &given.entry.add);
    given.removes = is_given(cli, &given.entry.remove);
    if (given.sets && given.unsets)
        misuse(cli, "--%s and --%s exclude each other", field->flag.name, field->unset.name);
    else if ((given.sets || given.unsets) && (given.adds || given.removes))
        misuse(cli, "--%s replaces the whole list: give it, or --%s and --%s",
               given.sets ? field->flag.name : field->unset.name, given.entry.add.name, given.entry.remove.name);
    return given;
}

// The values of the option stand behind the entries that are there.
static void place_given(struct cli *cli, const struct field *field, const char *option, size_t kept)
{
    size_t count;
    (void)argument_all(cli, option, &count);
    for (size_t i = 0; i < count; i++)
        argument_place(cli, option, i, field->name, kept + i);
}

static enum postern_status set_list(struct cli *cli, const struct field_options *given, struct change *change)
{
    const struct field *field = given->field;
    bool is_put = !cli->command->updates;
    struct entries now = entries_of(field, given->sets && !is_put ? NULL : change->before), more = {0};
    enum postern_status status = POSTERN_OK;
    size_t count = 0;
    if (given->sets || given->adds)
        more.list = schema_read_list(cli, field, given->sets ? field->flag.name : given->entry.add.name, &more.count);
    now = given->unsets ? (struct entries){0} : add_entries(cli, field, now, more);
    const char *const *names = given->removes ? argument_all(cli, given->entry.remove.name, &count) : NULL;
    for (size_t i = 0; i < count && status == POSTERN_OK && change->found != NULL; i++)
        status = remove_entry(cli, field, name_as_shown(cli, field, names[i]), &now);
    if (status == POSTERN_OK && given->removes && change->found != NULL && now.count == 0 && field->if_none != NULL)
        status = fail_last(cli, field, names[count - 1]);
    if (given->sets || given->adds)
        place_given(cli, field, given->sets ? field->flag.name : given->entry.add.name, now.count - more.count);
    schema_put(field, &field->update, change->request, &now.list, now.count);
    return status;
}

static enum postern_status set_field(struct cli *cli, const struct field_options *given, struct change *change)
{
    const struct field *field = given->field;
    bool is_name = field->flag.name == NULL;
    if (!is_name && !given->sets && !given->unsets && !given->adds && !given->removes)
        return POSTERN_OK;
    change->mask[change->mask_count++] = field->name;
    change->bits |= field->update_bit;
    if (field_is_list(field))
        return set_list(cli, given, change);
    if (!given->unsets) // else it stays zero
        schema_read_field(cli, field, &field->update, change->request);
    return POSTERN_OK;
}

static size_t field_count(const struct schema *schema)
{
    size_t count = 0;
    while (schema->fields[count].kind != FIELD_END)
        count++;
    return count;
}

// Errors: NOT_FOUND when there is nothing to take away. What is wrong with the command line is a misuse: ask cli_good.
static enum postern_status fill_request(struct cli *cli, struct change *change)
{
    const struct change_kind *kind = change->kind;
    enum postern_status status = POSTERN_OK;
    change->request = cli_keep(cli, 1, kind->request_size);
    change->mask = cli_keep(cli, field_count(kind->schema) + 1, sizeof *change->mask);
    for (const struct field *field = kind->schema->fields; field->kind != FIELD_END && status == POSTERN_OK; field++) {
        if (field->update.at == 0)
            continue;
        struct field_options given = read_options(cli, field);
        status = set_field(cli, &given, change);
    }
    return status;
}

// ------------------------------------------------------------------------------------------------- what was dropped

static void add_dropped(char *dropped, const struct field *field, const char *text)
{
    output_append(dropped, ", ", "%s%s%s", field->flag.name, text[0] != '\0' ? " " : "", text);
}

static void note_dropped_entries(struct cli *cli, const struct field *field, const struct change *change, char *dropped)
{
    struct entries before = entries_of(field, change->before), after = entries_of(field, change->after);
    for (size_t i = 0; i < before.count; i++) {
        const char *text = entry_text(cli, field, entry_at(field, &before, i));
        size_t n = 0;
        while (n < after.count && strcmp(text, entry_text(cli, field, entry_at(field, &after, n))) != 0)
            n++;
        if (n == after.count)
            add_dropped(dropped, field, text);
    }
}

static void note_dropped_value(const struct field *field, const struct change *change, char *dropped)
{
    char was[OUTPUT_LIST_SIZE], at[OUTPUT_TIME_SIZE];
    if (field->kind == FIELD_TIME)
        add_dropped(dropped, field, output_time(schema_time(field, change->before), "", at));
    else if (schema_is_set(field, change->before, was))
        add_dropped(dropped, field, field->kind == FIELD_TEXT ? was : "");
}

// Adds to `dropped` what the change took away, and to `gone` what holds when nothing is left of it.
static void note_dropped(struct cli *cli, const struct field *field, const struct change *change, char *dropped,
                         char *gone)
{
    char text[OUTPUT_LIST_SIZE];
    bool had = schema_is_set(field, change->before, text), has_it = schema_is_set(field, change->after, text);
    if (field_is_list(field))
        note_dropped_entries(cli, field, change, dropped);
    else if (had && !has_it)
        note_dropped_value(field, change, dropped);
    if (had && !has_it && field->gone != NULL)
        output_append(gone, "", " %s", field->gone);
}

static void say_dropped(struct cli *cli, const struct change *change)
{
    char dropped[OUTPUT_LIST_SIZE] = "", gone[OUTPUT_LIST_SIZE] = "";
    const struct field *field = change->kind->schema->fields;
    for (; change->before != NULL && field->kind != FIELD_END; field++)
        if (field->update.at > 0 && field->flag.name != NULL)
            note_dropped(cli, field, change, dropped, gone);
    if (dropped[0] != '\0')
        fprintf(stderr, "Dropped: %s.%s\n", dropped, gone);
    if (change->taken != NULL)
        fprintf(stderr, "%s\n", change->taken);
}

// --------------------------------------------------------------------------------------------------------- the turns

// Finds what is wrong with the command line before posternd is asked anything.
static bool check_command_line(struct cli *cli, const struct change_kind *kind)
{
    struct change trial = {.kind = kind};
    (void)fill_request(cli, &trial);
    size_t names = kind->schema->fields[0].update.at > 0 ? 1 : 0; // a key's id is no field of its update
    if (cli->command->updates && trial.mask_count <= names)
        misuse(cli, "say what to change, e.g. %s", kind->example);
    (void)value_version(cli);
    return cli_good(cli);
}

static void set_member(void *request, size_t at, const void *value, size_t size)
{
    if (at > 0)
        memcpy((char *)request + at, value, size);
}

static void set_version_and_mask(struct cli *cli, struct change *change)
{
    const struct change_kind *kind = change->kind;
    if (argument_has(cli, "if-version"))
        change->version = value_version(cli);
    set_member(change->request, kind->if_version_at, &change->version, sizeof change->version);
    set_member(change->request, kind->mask_at, &change->mask, sizeof change->mask);
    set_member(change->request, kind->mask_count_at, &change->mask_count, sizeof change->mask_count);
    set_member(change->request, kind->bits_at, &change->bits, sizeof change->bits);
}

static void print_changed(struct cli *cli, const struct change *change)
{
    if (change->kind->print != NULL)
        change->kind->print(cli, change);
    else
        schema_print_line(change->kind->schema, change->after);
    say_dropped(cli, change);
}

static enum postern_status write_and_print(struct cli *cli, struct change *change)
{
    enum postern_status status = fill_request(cli, change);
    set_version_and_mask(cli, change);
    if (status == POSTERN_OK)
        status = change->kind->write(cli, change);
    if (status == POSTERN_OK && call_in_words(cli, change->reply))
        print_changed(cli, change);
    return status;
}

static enum postern_status take_turn(struct cli *cli, const struct change_kind *kind)
{
    struct change change = {.kind = kind};
    enum postern_status status = kind->read(cli, &change);
    if (change.before != NULL)
        memcpy(&change.version, (const char *)change.before + kind->version_at, sizeof change.version);
    if (status == POSTERN_OK || (status == POSTERN_NOT_FOUND && !cli->command->updates))
        status = write_and_print(cli, &change);
    postern_reply_free(change.found);
    postern_reply_free(change.reply);
    return status;
}

void change_run(struct cli *cli, const struct change_kind *kind)
{
    enum postern_status outcome = POSTERN_ABORTED;
    int turns = argument_has(cli, "if-version") ? 1 : TURNS_MAX;
    if (!check_command_line(cli, kind))
        return;
    while (turns-- > 0 && outcome == POSTERN_ABORTED)
        outcome = take_turn(cli, kind);
    call_done(cli, outcome);
}

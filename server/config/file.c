// Reads the configuration file: YAML, one flat mapping of settings to a value or a list of values. Every value is taken
// as text, just as a flag's value is, so that file and flags mean the same. libyaml says where each piece begins.
#include "config/setting.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

struct reader {
    const char *path;
    const bool *skip;
    struct config *config;
    struct config scratch; // takes the values that flags override, so that they are checked too
    bool seen[SETTING_COUNT];
    yaml_parser_t parser;
};

static bool fail_at(const struct reader *reader, size_t line, const char *name, const char *why)
{
    fprintf(stderr, "posternd: %s:%zu: %s%s%s\n", reader->path, line + 1, name, name[0] != '\0' ? ": " : "", why);
    return false;
}

static bool fail_parser(const struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    const char *problem = parser->problem != NULL ? parser->problem : "out of memory";
    size_t line = parser->error == YAML_READER_ERROR ? parser->mark.line : parser->problem_mark.line;
    return fail_at(reader, line, "", problem);
}

// Reads the next event, which the caller deletes. False when there is none; then it has said why.
static bool next(struct reader *reader, yaml_event_t *event)
{
    return yaml_parser_parse(&reader->parser, event) == 1 || fail_parser(reader);
}

static bool set(struct reader *reader, const struct setting *setting, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    struct status_failure failure = {0};
    bool skips = reader->skip[setting - setting_table];
    if (strlen(text) != event->data.scalar.length)
        return fail_at(reader, event->start_mark.line, setting->name, "there is a NUL in the value");
    return setting->set(skips ? &reader->scratch : reader->config, text, &failure) == STATUS_OK ||
           fail_at(reader, event->start_mark.line, setting->name, failure.message);
}

static bool read_list(struct reader *reader, const struct setting *setting, size_t line)
{
    yaml_event_t event;
    if (!setting->list)
        return fail_at(reader, line, setting->name, "takes one value, not a list");
    for (;;) {
        if (!next(reader, &event))
            return false;
        bool is_value = event.type == YAML_SCALAR_EVENT, is_end = event.type == YAML_SEQUENCE_END_EVENT;
        bool fine =
            is_end || (is_value ? set(reader, setting, &event)
                                : fail_at(reader, event.start_mark.line, setting->name,
                                          "a list of plain values is meant; quote what has a colon and a blank"));
        yaml_event_delete(&event);
        if (!fine || is_end)
            return fine;
    }
}

static bool read_value(struct reader *reader, const struct setting *setting)
{
    yaml_event_t event;
    if (!next(reader, &event))
        return false;
    size_t line = event.start_mark.line;
    bool fine = event.type == YAML_SCALAR_EVENT ? set(reader, setting, &event)
                : event.type == YAML_SEQUENCE_START_EVENT
                    ? read_list(reader, setting, line)
                    : fail_at(reader, line, setting->name, "a plain value is meant");
    yaml_event_delete(&event);
    return fine;
}

static bool read_setting(struct reader *reader, const yaml_event_t *event)
{
    const char *name = event->type == YAML_SCALAR_EVENT ? (const char *)event->data.scalar.value : "";
    const struct setting *setting = setting_find(name);
    size_t line = event->start_mark.line;
    if (setting == NULL)
        return fail_at(reader, line, name, "there is no such option; see posternd --help, with _ for -");
    if (reader->seen[setting - setting_table])
        return fail_at(reader, line, name, setting->list ? "is given twice: write one list" : "is given twice");
    reader->seen[setting - setting_table] = true;
    return read_value(reader, setting);
}

static bool read_settings(struct reader *reader)
{
    for (;;) {
        yaml_event_t event;
        if (!next(reader, &event))
            return false;
        bool is_end = event.type == YAML_MAPPING_END_EVENT;
        bool fine = is_end || read_setting(reader, &event);
        yaml_event_delete(&event);
        if (!fine || is_end)
            return fine;
    }
}

// Checks what comes before and after the mapping. An empty file has no mapping.
static bool read_document(struct reader *reader)
{
    for (;;) {
        yaml_event_t event;
        if (!next(reader, &event))
            return false;
        yaml_event_type_t type = event.type;
        size_t line = event.start_mark.line;
        bool is_empty = type == YAML_SCALAR_EVENT && event.data.scalar.length == 0;
        yaml_event_delete(&event);
        if (type == YAML_STREAM_END_EVENT)
            return true;
        if (type == YAML_MAPPING_START_EVENT && !read_settings(reader))
            return false;
        if (!is_empty && (type == YAML_SCALAR_EVENT || type == YAML_SEQUENCE_START_EVENT || type == YAML_ALIAS_EVENT))
            return fail_at(reader, line, "", "lines of the form \"option: value\" are meant");
    }
}

bool setting_read_file(const char *path, const bool skip[SETTING_COUNT], struct config *config)
{
    struct reader reader = {.path = path, .skip = skip, .config = config};
    FILE *file = fopen(path, "re");
    errno = file != NULL ? 0 : errno;
    if (file != NULL && getc(file) == EOF && ferror(file) == 0) {
        (void)fclose(file);
        return true; // empty
    }
    if (file == NULL || ferror(file) != 0) {
        fprintf(stderr, "posternd: cannot read the configuration %s: %s\n", path, strerror(errno));
        if (file != NULL)
            (void)fclose(file); // read only
        return false;
    }
    rewind(file);
    bool fine = false;
    if (yaml_parser_initialize(&reader.parser) == 1) {
        yaml_parser_set_input_file(&reader.parser, file);
        fine = read_document(&reader);
        yaml_parser_delete(&reader.parser);
    } else {
        fprintf(stderr, "posternd: %s: out of memory\n", path);
    }
    (void)fclose(file); // read only
    return fine;
}

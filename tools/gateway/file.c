// Every value is taken as text, just as a flag's value is, so that file and flags mean the same. libyaml makes a tree
// of the file, whose nodes know their lines.
#include "file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

struct reader {
    const char *path;
    const bool *given;
    struct options *options;
    struct options scratch; // takes the values that flags override, so that they are checked too
    bool seen[SETTING_COUNT];
    yaml_document_t document;
};

static bool fail_at(const struct reader *reader, const yaml_node_t *node, const char *name, const char *why)
{
    fprintf(stderr, "postern-gateway: %s:%zu: %s%s%s\n", reader->path, node->start_mark.line + 1, name,
            name[0] != '\0' ? ": " : "", why);
    return false;
}

static yaml_node_t *node_at(struct reader *reader, int index)
{
    return yaml_document_get_node(&reader->document, index);
}

// The text of a plain value; NULL for anything else, and for text with a NUL.
static const char *text_of(const yaml_node_t *node)
{
    const char *text = node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
    return text != NULL && strlen(text) == node->data.scalar.length ? text : NULL;
}

static bool set(struct reader *reader, unsigned index, const yaml_node_t *node)
{
    const char *text = text_of(node), *why = "takes a plain value; quote what has a colon and a blank";
    if (text != NULL)
        why = setting_table[index].set(reader->given[index] ? &reader->scratch : reader->options, text);
    return why == NULL || fail_at(reader, node, setting_table[index].name, why);
}

static bool set_all(struct reader *reader, unsigned index, const yaml_node_t *node)
{
    if (node->type != YAML_SEQUENCE_NODE || !setting_table[index].is_list)
        return set(reader, index, node);
    for (const yaml_node_item_t *item = node->data.sequence.items.start; item < node->data.sequence.items.top; item++)
        if (!set(reader, index, node_at(reader, *item)))
            return false;
    return true;
}

// --------------------------------------------------------------------------------------------------- routes

static bool set_member(struct reader *reader, struct route *route, const char *name, const yaml_node_t *node)
{
    const char *text = text_of(node), *why = "takes a plain value";
    if (text != NULL)
        why = route_set(reader->options->memory, route, name, text, true);
    return why == NULL || fail_at(reader, node, name, why);
}

static bool read_member(struct reader *reader, struct route *route, const yaml_node_t *key, const yaml_node_t *value)
{
    const char *name = text_of(key) != NULL ? text_of(key) : "";
    if (value->type != YAML_SEQUENCE_NODE)
        return set_member(reader, route, name, value);
    for (const yaml_node_item_t *item = value->data.sequence.items.start; item < value->data.sequence.items.top; item++)
        if (!set_member(reader, route, name, node_at(reader, *item)))
            return false;
    return true;
}

static bool read_route(struct reader *reader, const yaml_node_t *node, struct route *route)
{
    if (node->type != YAML_MAPPING_NODE)
        return fail_at(reader, node, "routes", "a route is lines of the form \"path: /v1/**\", \"scope: read\"");
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++)
        if (!read_member(reader, route, node_at(reader, pair->key), node_at(reader, pair->value)))
            return false;
    const char *why = route->path == NULL ? "has no path" : route_complete(route);
    return why == NULL || fail_at(reader, node, "routes", why);
}

static bool read_routes(struct reader *reader, const yaml_node_t *node)
{
    struct options *options = reader->options;
    if (node->type != YAML_SEQUENCE_NODE || options->routes != NULL)
        return fail_at(reader, node, "routes", "one list of routes is meant");
    const yaml_node_item_t *item = node->data.sequence.items.start;
    size_t count = (size_t)(node->data.sequence.items.top - item);
    options->routes = pool_take(options->memory, count, sizeof *options->routes);
    for (; item < node->data.sequence.items.top; item++)
        if (!read_route(reader, node_at(reader, *item), &options->routes[options->route_count++]))
            return false;
    return count > 0 || fail_at(reader, node, "routes", "the list is empty");
}

// -------------------------------------------------------------------------------------------------------- settings

static bool read_setting(struct reader *reader, const yaml_node_t *key, const yaml_node_t *value)
{
    const char *name = text_of(key) != NULL ? text_of(key) : "";
    unsigned index = setting_find(name);
    if (strcmp(name, "routes") == 0)
        return read_routes(reader, value);
    if (index == SETTING_COUNT)
        return fail_at(reader, key, name, "there is no such option; see postern-gateway --help, with _ for -");
    if (reader->seen[index])
        return fail_at(reader, key, name, "is given twice");
    reader->seen[index] = true;
    return set_all(reader, index, value);
}

static bool read_settings(struct reader *reader)
{
    const yaml_node_t *root = yaml_document_get_root_node(&reader->document);
    if (root == NULL || (root->type == YAML_SCALAR_NODE && root->data.scalar.length == 0))
        return true; // empty
    if (root->type != YAML_MAPPING_NODE)
        return fail_at(reader, root, "", "lines of the form \"option: value\" are meant");
    for (const yaml_node_pair_t *pair = root->data.mapping.pairs.start; pair < root->data.mapping.pairs.top; pair++)
        if (!read_setting(reader, node_at(reader, pair->key), node_at(reader, pair->value)))
            return false;
    return true;
}

static bool read_document(struct reader *reader, FILE *file)
{
    yaml_parser_t parser;
    if (yaml_parser_initialize(&parser) != 1) {
        fprintf(stderr, "postern-gateway: %s: out of memory\n", reader->path);
        return false;
    }
    yaml_parser_set_input_file(&parser, file);
    bool is_fine = yaml_parser_load(&parser, &reader->document) == 1;
    if (is_fine) {
        is_fine = read_settings(reader);
        yaml_document_delete(&reader->document);
    } else {
        fprintf(stderr, "postern-gateway: %s:%zu: %s\n", reader->path, parser.problem_mark.line + 1,
                parser.problem != NULL ? parser.problem : "out of memory");
    }
    yaml_parser_delete(&parser);
    return is_fine;
}

bool file_read(const char *path, const bool given[SETTING_COUNT], struct options *options)
{
    struct reader reader = {.path = path, .given = given, .options = options};
    FILE *file = fopen(path, "re");
    int first = file != NULL ? getc(file) : EOF;
    if (file == NULL || ferror(file) != 0) {
        fprintf(stderr, "postern-gateway: cannot read the configuration %s: %s\n", path, strerror(errno));
        if (file != NULL)
            (void)fclose(file); // read only
        return false;
    }
    rewind(file);
    bool is_fine = first == EOF || read_document(&reader, file);
    (void)fclose(file); // read only
    return is_fine;
}

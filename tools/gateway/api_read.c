// Reads a query or a body into a request of libpostern, by the table of what the path takes. Both are brought to JSON
// values first, so that each kind of member is read in one place.
#include "api.h"

#include "json.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

const struct api_word api_environments[] = {
    {"TEST", POSTERN_ENVIRONMENT_TEST}, {"LIVE", POSTERN_ENVIRONMENT_LIVE}, {0}};
const struct api_word api_key_types[] = {{"SECRET", POSTERN_KEY_TYPE_SECRET}, {"PUBLIC", POSTERN_KEY_TYPE_PUBLIC}, {0}};
const struct api_word api_key_states[] = {{"ACTIVE", POSTERN_KEY_STATE_ACTIVE},
                                          {"ROLLING", POSTERN_KEY_STATE_ROLLING},
                                          {"DISABLED", POSTERN_KEY_STATE_DISABLED},
                                          {"EXPIRED", POSTERN_KEY_STATE_EXPIRED},
                                          {"REVOKED", POSTERN_KEY_STATE_REVOKED},
                                          {"PENDING", POSTERN_KEY_STATE_PENDING},
                                          {0}};

struct reader {
    struct api *api;
    const struct api_field *field;
    const char *name; // of what is read, as the caller wrote it: "limits[2]"
    char *into;
};

static bool refuse(const struct reader *reader, const char *why)
{
    return api_refuse(reader->api, reader->name, why);
}

static void put(const struct reader *reader, size_t at, const void *value, size_t size)
{
    memcpy(reader->into + at, value, size);
}

// ------------------------------------------------------------------------------------------------------------- kinds

static const char *copy_text(const struct reader *reader, const json_t *value)
{
    return pool_copy(reader->api->request->pool, json_string_value(value), json_string_length(value));
}

static bool read_text(const struct reader *reader, const json_t *value)
{
    if (!json_is_string(value))
        return refuse(reader, "is no text");
    const char *text = copy_text(reader, value);
    put(reader, reader->field->at, &text, sizeof text);
    return true;
}

static bool read_number(const struct reader *reader, const json_t *value)
{
    const json_int_t most = reader->field->kind == API_NUMBER ? UINT32_MAX : (json_int_t)POSTERN_AMOUNT_MAX;
    if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) > most)
        return refuse(reader, reader->field->kind == API_NUMBER ? "is no number from 0 to 4294967295"
                                                                : "is no time: send Unix milliseconds");
    uint64_t number = (uint64_t)json_integer_value(value);
    uint32_t small = (uint32_t)number;
    if (reader->field->kind == API_NUMBER)
        put(reader, reader->field->at, &small, sizeof small);
    else
        put(reader, reader->field->at, &number, sizeof number);
    return true;
}

static bool read_bool(const struct reader *reader, const json_t *value)
{
    if (!json_is_boolean(value))
        return refuse(reader, "is neither true nor false");
    put(reader, reader->field->at, &(bool){json_is_true(value)}, sizeof(bool));
    return true;
}

static bool read_word(const struct reader *reader, const json_t *value)
{
    const char *text = json_is_string(value) ? json_string_value(value) : "";
    const char *known = "";
    for (const struct api_word *word = reader->field->words; word->name != NULL; word++) {
        if (strcmp(word->name, text) == 0) {
            put(reader, reader->field->at, &word->value, sizeof word->value);
            return true;
        }
        known = pool_format(reader->api->request->pool, "%s%s%s", known, known[0] != '\0' ? ", " : "", word->name);
    }
    return refuse(reader, pool_format(reader->api->request->pool, "is none of %s", known));
}
_Static_assert(sizeof(enum postern_environment) == sizeof(unsigned) &&
                   sizeof(enum postern_key_type) == sizeof(unsigned) &&
                   sizeof(enum postern_key_state) == sizeof(unsigned),
               "a word is written as an unsigned");

// Base64 in the alphabet of URLs, without '='.
static bool read_page_token(const struct reader *reader, const json_t *value)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *text = json_is_string(value) ? json_string_value(value) : "*", *letter;
    uint8_t *bytes = pool_take(reader->api->request->pool, strlen(text) + 1, 1);
    size_t size = 0;
    unsigned pending = 0, bits = 0;
    for (; *text != '\0'; text++) {
        if ((letter = strchr(alphabet, *text)) == NULL)
            return refuse(reader, "is no next_page_token of an earlier page");
        pending = (pending << 6 | (unsigned)(letter - alphabet)) & 0xFFF;
        bits += 6;
        if (bits >= 8)
            bytes[size++] = (uint8_t)(pending >> (bits -= 8));
    }
    put(reader, reader->field->at, &bytes, sizeof bytes);
    put(reader, reader->field->count_at, &size, sizeof size);
    return true;
}

static bool read_entry(const struct reader *reader, json_t *value, struct postern_entry *entry)
{
    if (json_is_object(value) && json_object_size(value) == 2 && json_is_string(json_object_get(value, "key")) &&
        json_is_string(json_object_get(value, "value"))) {
        entry->key = copy_text(reader, json_object_get(value, "key"));
        entry->value = copy_text(reader, json_object_get(value, "value"));
        return true;
    }
    return refuse(reader, "is no {\"key\": \"…\", \"value\": \"…\"}");
}

static bool read_limit(const struct reader *reader, const json_t *value, struct postern_limit *limit)
{
    struct postern_error error;
    const char *text = json_is_string(value) ? json_string_value(value) : "";
    if (postern_limit_parse(text, limit, &error) == POSTERN_OK)
        return true;
    return refuse(reader, pool_format(reader->api->request->pool, "is no limit: %s", error.message));
}

static bool read_member(const struct reader *reader, json_t *value, void *place)
{
    if (reader->field->kind == API_METADATA)
        return read_entry(reader, value, place);
    if (reader->field->kind == API_LIMITS)
        return read_limit(reader, value, place);
    if (!json_is_string(value))
        return refuse(reader, "is no text");
    *(const char **)place = copy_text(reader, value);
    return true;
}

static bool read_list(const struct reader *reader, const json_t *value)
{
    const size_t size = reader->field->kind == API_METADATA ? sizeof(struct postern_entry)
                        : reader->field->kind == API_LIMITS ? sizeof(struct postern_limit)
                                                            : sizeof(const char *);
    size_t count = json_array_size(value);
    if (!json_is_array(value))
        return refuse(reader, "is no list");
    char *members = pool_take(reader->api->request->pool, count + 1, size);
    for (size_t i = 0; i < count; i++) {
        struct reader member = *reader;
        member.name = pool_format(reader->api->request->pool, "%s[%zu]", reader->name, i);
        if (!read_member(&member, json_array_get(value, i), members + i * size))
            return false;
    }
    put(reader, reader->field->at, &members, sizeof members);
    put(reader, reader->field->count_at, &count, sizeof count);
    return true;
}

static bool read_value(const struct reader *reader, const json_t *value)
{
    if (reader->field->given_at > 0)
        put(reader, reader->field->given_at, &(bool){true}, sizeof(bool));
    switch (reader->field->kind) {
    case API_TEXT:
        return read_text(reader, value);
    case API_TIME:
    case API_NUMBER:
        return read_number(reader, value);
    case API_BOOL:
        return read_bool(reader, value);
    case API_WORD:
        return read_word(reader, value);
    case API_PAGE:
        return read_page_token(reader, value);
    case API_TEXTS:
    case API_METADATA:
    case API_LIMITS:
        return read_list(reader, value);
    }
    return false;
}

// ---------------------------------------------------------------------------------------------------------- sources

static const struct api_field *find_field(const struct api_field *fields, const char *name)
{
    while (fields->name != NULL && strcmp(fields->name, name) != 0)
        fields++;
    return fields->name != NULL ? fields : NULL;
}

static bool refuse_unknown(struct api *api, const struct api_field *fields, const char *name)
{
    const char *known = "";
    for (const struct api_field *field = fields; field->name != NULL; field++)
        known = pool_format(api->request->pool, "%s%s%s", known, known[0] != '\0' ? ", " : "", field->name);
    const char *why = known[0] == '\0' ? "is not known here, which takes nothing"
                                       : pool_format(api->request->pool, "is not known here, which takes %s", known);
    return api_refuse(api, name, why);
}

static bool read_object(struct api *api, const struct api_field *fields, json_t *object, void *into, unsigned *given)
{
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        const struct api_field *field = find_field(fields, name);
        const char *copy = pool_copy(api->request->pool, name, strlen(name));
        if (field == NULL)
            return refuse_unknown(api, fields, copy);
        if (!read_value(&(struct reader){api, field, copy, into}, value))
            return false;
        if (given != NULL)
            *given |= field->bit;
    }
    return true;
}

static json_t *number_of(const char *text)
{
    char *end;
    bool is_number = strspn(text, "0123456789") == strlen(text) && text[0] != '\0' && strlen(text) <= 18;
    return is_number ? json_integer(strtoll(text, &end, 10)) : json_string(text);
}

static json_t *value_of(const struct api_field *field, const char *text)
{
    const char *sign;
    switch (field->kind) {
    case API_TIME:
    case API_NUMBER:
        return number_of(text);
    case API_BOOL:
        return strcmp(text, "true") == 0 ? json_true() : strcmp(text, "false") == 0 ? json_false() : json_string(text);
    case API_METADATA:
        sign = strchr(text, '=');
        return sign == NULL
                   ? json_null()
                   : json_pack("{s:o, s:s}", "key", json_stringn(text, (size_t)(sign - text)), "value", sign + 1);
    default:
        return json_string(text);
    }
}

// Adds a parameter to the object. False: it is there twice, and is no list.
static bool add_parameter(json_t *object, const struct api_field *field, const char *text)
{
    json_t *value = value_of(field, text), *before = json_object_get(object, field->name);
    if (field->kind < API_TEXTS)
        return json_object_set_new(object, field->name, value) == 0 && before == NULL;
    if (before == NULL)
        (void)json_object_set_new(object, field->name, before = json_array());
    return json_array_append_new(before, value) == 0;
}

bool api_read_query(struct api *api, const struct api_field *fields, void *into)
{
    json_t *object = json_object();
    bool is_read = true;
    for (size_t i = 0; is_read && i < api->request->query_count; i++) {
        const struct http_field *parameter = &api->request->query[i];
        const struct api_field *field = find_field(fields, parameter->name);
        if (field == NULL)
            is_read = refuse_unknown(api, fields, parameter->name);
        else if (!add_parameter(object, field, parameter->value))
            is_read = api_refuse(api, field->name, "is there more than once, or is no UTF-8: send it once");
    }
    is_read = is_read && read_object(api, fields, object, into, NULL);
    json_decref(object);
    return is_read;
}

static bool is_json(const char *type)
{
    const size_t size = strlen("application/json");
    return type != NULL && strncasecmp(type, "application/json", size) == 0 &&
           (type[size] == '\0' || strchr("; ", type[size]));
}

bool api_read_body(struct api *api, const struct api_field *fields, void *into, unsigned *given)
{
    const struct http_request *request = api->request;
    json_error_t error;
    if (request->query_count > 0)
        return refuse_unknown(api, &(struct api_field){0}, request->query[0].name);
    if (request->body_size == 0)
        return true;
    if (!is_json(http_header(request, "Content-Type", NULL))) {
        json_problem(api->answer, 415, "UNSUPPORTED_MEDIA_TYPE", "send the body as Content-Type: application/json");
        return false;
    }
    json_t *object = json_loadb(request->body, request->body_size, JSON_REJECT_DUPLICATES, &error);
    if (object == NULL)
        return api_refuse(api, "the body",
                          pool_format(request->pool, "is no JSON that is taken: line %d, column %d: %s", error.line,
                                      error.column, error.text));
    bool is_read = json_is_object(object) ? read_object(api, fields, object, into, given)
                                          : api_refuse(api, "the body", "is no JSON object: begin it with {");
    json_decref(object);
    return is_read;
}

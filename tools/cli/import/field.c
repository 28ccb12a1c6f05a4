// The names of an import's fields in one table, and what each makes of its text.
#include "import/field.h"

#include "import/token.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

enum { SCOPES_MAX = 64, ADDRESSES_MAX = 32, LIMITS_MAX = 8, METADATA_MAX = 16 }; // of the protocol

bool import_wrong(char wrong[IMPORT_WRONG_SIZE], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(wrong, IMPORT_WRONG_SIZE, format, arguments);
    va_end(arguments);
    return false;
}

const char *import_shown(const char *text)
{
    enum { TOKEN_SIZE_MIN = 16 };
    return strlen(text) < TOKEN_SIZE_MIN ? text : "...";
}

static struct postern_create_request *key_of(struct import_build *build)
{
    return &build->row->key.key;
}

static const char *keep_text(struct import_build *build, const char *text)
{
    size_t size = strlen(text);
    build->row->size_bytes += size + 8;
    return pool_text(build->pool, text, size);
}

// Copies a list, with room for one more entry.
static void *copy_with_room(struct import_build *build, const void *list, size_t count, size_t size_bytes)
{
    void *copy = pool_take(build->pool, count + 1, size_bytes);
    return count > 0 ? memcpy(copy, list, count * size_bytes) : copy;
}

static bool set_sha256(struct import_build *build, const char *text)
{
    uint8_t *digest = pool_take(build->pool, POSTERN_SHA256_SIZE, 1);
    size_t size;
    bool good = value_hex(text, digest, POSTERN_SHA256_SIZE) ||
                (value_base64(text, digest, POSTERN_SHA256_SIZE, &size) && size == POSTERN_SHA256_SIZE);
    build->row->key.sha256 = digest;
    build->row->size_bytes += POSTERN_SHA256_SIZE;
    return good || import_wrong(build->wrong, "sha256 is neither 64 digits 0-9 a-f nor 44 characters of Base64");
}

static bool set_token(struct import_build *build, const char *text)
{
    size_t size = strlen(text);
    text = import_token_find(text, &size, &build->row->token_findings);
    if (size == 0)
        return true;
    if (build->row->token_findings & IMPORT_TOKEN_ONE_QUOTE)
        return import_wrong(build->wrong, "the token has a quotation mark on one side: take it away, or give both");
    build->row->size_bytes += size + 8;
    build->row->key.api_key = pool_text(build->pool, text, size);
    return true;
}

static bool set_environment(struct import_build *build, const char *text)
{
    key_of(build)->environment = value_word_find(&value_environments, text);
    return key_of(build)->environment != POSTERN_ENVIRONMENT_UNSPECIFIED ||
           import_wrong(build->wrong, "the environment \"%s\" is none: test or live", import_shown(text));
}

static bool set_type(struct import_build *build, const char *text)
{
    key_of(build)->type = value_word_find(&value_key_types, text);
    return key_of(build)->type != POSTERN_KEY_TYPE_UNSPECIFIED ||
           import_wrong(build->wrong, "the type \"%s\" is none: secret or public", import_shown(text));
}

static bool set_expires(struct import_build *build, const char *text)
{
    struct value_moment moment;
    if (!value_moment(strcmp(text, "0") == 0 ? "never" : text, false, build->now_ms, &moment))
        return import_wrong(build->wrong, "expires \"%s\" is no time: %s%s", import_shown(text), moment.wrong,
                            moment.is_unlike_any ? ", or never" : "");
    key_of(build)->expires_at_ms = moment.ms;
    build->row->utc_expiry_ms = moment.is_utc_assumed ? moment.ms : 0;
    return true;
}

// ------------------------------------------------------------------------------------------------------------ lists

static bool add_text(struct import_build *build, const char *const **texts, size_t *count, size_t max, const char *text)
{
    if (*count == max)
        return import_wrong(build->wrong, "a list has more than %zu entries, at \"%s\"", max, import_shown(text));
    const char **longer = copy_with_room(build, *texts, *count, sizeof *longer);
    longer[(*count)++] = keep_text(build, text);
    *texts = longer;
    return true;
}

static bool add_scope(struct import_build *build, const char *text)
{
    struct postern_create_request *key = key_of(build);
    return add_text(build, &key->scopes, &key->scope_count, SCOPES_MAX, text);
}

static bool add_address(struct import_build *build, const char *text)
{
    struct postern_create_request *key = key_of(build);
    return add_text(build, &key->allowed_addresses, &key->allowed_address_count, ADDRESSES_MAX, text);
}

static bool add_limit(struct import_build *build, const char *text)
{
    struct postern_create_request *key = key_of(build);
    if (key->limit_count == LIMITS_MAX)
        return import_wrong(build->wrong, "there are more than %d limits", LIMITS_MAX);
    struct postern_limit *longer = copy_with_room(build, key->limits, key->limit_count, sizeof *longer);
    if (postern_limit_parse(text, &longer[key->limit_count], NULL) != POSTERN_OK)
        return import_wrong(build->wrong,
                            "limit %zu is none: write it like requests=60/min, requests=unlimited or "
                            "requests=300/min:token_bucket,burst=50",
                            key->limit_count + 1);
    key->limits = longer;
    key->limit_count++;
    build->row->size_bytes += POSTERN_LIMIT_TEXT_MAX;
    return true;
}

bool import_metadata_add(struct import_build *build, const char *key, size_t key_size, const char *value)
{
    struct postern_create_request *to = key_of(build);
    if (to->metadata_count == METADATA_MAX)
        return import_wrong(build->wrong, "there are more than %d entries of metadata", METADATA_MAX);
    struct postern_entry *longer = copy_with_room(build, to->metadata, to->metadata_count, sizeof *longer);
    longer[to->metadata_count++] =
        (struct postern_entry){.key = pool_text(build->pool, key, key_size), .value = keep_text(build, value)};
    build->row->size_bytes += key_size + 8;
    to->metadata = longer;
    return true;
}

static bool add_metadata(struct import_build *build, const char *text)
{
    size_t size = strcspn(text, "=");
    if (size == 0 || text[size] == '\0')
        return import_wrong(build->wrong, "metadata has an entry that is not KEY=VALUE");
    return import_metadata_add(build, text, size, text + size + 1);
}

static const struct import_field fields[] = {
    {"token", "api_key", NULL, set_token, 0},
    {"sha256", NULL, NULL, set_sha256, 0},
    {"account", NULL, NULL, NULL, offsetof(struct postern_import_key, key.account)},
    {"name", NULL, NULL, NULL, offsetof(struct postern_import_key, key.name)},
    {"environment", "env", NULL, set_environment, 0},
    {"type", NULL, NULL, set_type, 0},
    {"scopes", "scope", " ,;|", add_scope, 0},
    {"expires", "expires_at_ms", NULL, set_expires, 0},
    {"prefix", NULL, NULL, NULL, offsetof(struct postern_import_key, key.prefix)},
    {"limits", "limit", " ;|", add_limit, 0},
    {"addresses", "allowed_addresses", " ,;|", add_address, 0},
    {"metadata", NULL, ";", add_metadata, 0},
};

const struct import_field *import_field_find(const char *name)
{
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (strcmp(fields[i].name, name) == 0 || (fields[i].also != NULL && strcmp(fields[i].also, name) == 0))
            return &fields[i];
    return NULL;
}

const char *import_without_blanks(struct pool *pool, const char *text)
{
    text += strspn(text, " \t");
    size_t size = strlen(text);
    while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\t'))
        size--;
    return text[size] == '\0' ? text : pool_text(pool, text, size);
}

// Ids, words, numbers and moments have no blanks around them; a text of somebody's own is kept as it is.
static bool may_have_blanks(const struct import_field *field)
{
    return field->set == set_token || field->set == add_metadata || strcmp(field->name, "name") == 0;
}

bool import_field_set(struct import_build *build, const struct import_field *field, const char *text)
{
    if (!may_have_blanks(field))
        text = import_without_blanks(build->pool, text);
    if (text[0] == '\0')
        return true;
    if (field->set == NULL) {
        const char *kept = keep_text(build, text);
        memcpy((char *)&build->row->key + field->at, &kept, sizeof kept);
        return true;
    }
    if (field->separators == NULL)
        return field->set(build, text);
    while (*text != '\0') {
        size_t size = strcspn(text, field->separators);
        if (size > 0 && !field->set(build, pool_text(build->pool, text, size)))
            return false;
        text += size + (text[size] != '\0');
    }
    return true;
}

bool import_build_finish(struct import_build *build)
{
    const struct postern_import_key *key = &build->row->key;
    if (key->api_key == NULL && key->sha256 == NULL)
        return import_wrong(build->wrong, "there is neither token nor sha256");
    if (key->api_key != NULL && key->sha256 != NULL)
        return import_wrong(build->wrong, "there are both token and sha256: give one of them");
    if (key->key.account == NULL)
        return import_wrong(build->wrong, "there is no account; one for all: postern import --account ID");
    if (key->key.name == NULL)
        return import_wrong(build->wrong, "there is no name; one for all: postern import --name NAME");
    if (build->row->size_bytes > IMPORT_ROW_SIZE_MAX)
        return import_wrong(build->wrong, "it has more than %d bytes", IMPORT_ROW_SIZE_MAX);
    return true;
}

// Opens the connection, and says why a call failed and what to do about it.
#include "cli.h"
#include "json.h"

#include <stdlib.h>
#include <string.h>

static uint32_t read_timeout(struct cli *cli)
{
    const char *option = argument_text(cli, "timeout");
    const char *text = option != NULL ? option : getenv("POSTERN_TIMEOUT");
    uint64_t span = POSTERN_TIMEOUT_MS_DEFAULT;
    if (text != NULL && (!value_span(text, &span) || span == 0 || span > UINT32_MAX))
        misuse(cli, "%s \"%s\" is no span of time up to 49 days: write 500ms, 10s or 2min",
               option != NULL ? "--timeout" : "POSTERN_TIMEOUT", text);
    return (uint32_t)span;
}

bool call_open(struct cli *cli)
{
    const struct postern_options options = {.url = argument_text(cli, "url"),
                                            .tls_ca_file = argument_text(cli, "tls-ca"),
                                            .tls_certificate_file = argument_text(cli, "tls-cert"),
                                            .tls_key_file = argument_text(cli, "tls-key"),
                                            .tls_server_name = argument_text(cli, "tls-server-name"),
                                            .timeout_ms = read_timeout(cli)};
    if (!cli_good(cli))
        return false;
    enum postern_status status = postern_open(&options, &cli->client, &cli->error);
    bool done = call_done(cli, status);
    if (status == POSTERN_INVALID_ARGUMENT)
        cli->status = CLI_MISUSED;
    return done;
}

// Says what to do about a status, where the message may not say it; NULL: nothing more.
static const char *advice(enum postern_status status)
{
    if (status == POSTERN_PERMISSION_DENIED)
        return "use the credential of a key that may (POSTERN_API_KEY), or ask as an operator's user over ipc";
    if (status == POSTERN_UNAUTHENTICATED)
        return getenv("POSTERN_API_KEY") != NULL
                   ? "POSTERN_API_KEY holds no valid secret key: unset it, or set it to one"
                   : "set POSTERN_API_KEY to the token of a secret key that may, or ask over ipc";
    return status == POSTERN_INTERNAL || status == POSTERN_DATA_LOSS ? "the log of posternd has more" : NULL;
}

// Fields of the protocol whose option has another name.
static const struct {
    const char *field, *option;
} options[] = {
    {"key_id", "key"},
    {"api_key", "token"},
    {"environment", "env"},
    {"environments", "env"},
    {"scopes", "scope"},
    {"limits", "limit"},
    {"charges", "charge"},
    {"allowed_addresses", "address"},
    {"expires_at_ms", "expires"},
    {"expires_before_ms", "expires-within"},
    {"created_before_ms", "created-before"},
    {"created_before_ms", "older-than"},
    {"last_rolled_before_ms", "not-rolled-since"},
    {"grace_ms", "grace"},
    {"from_ms", "from"},
    {"to_ms", "to"},
    {"unusual_at_ms", "at"},
    {"is_default", "default"},
    {"namespace", "custom"},
    {"identifier", "custom"},
    {"reset_meters", "reset"}, // a call that is an option
};

// Finds the command's option for a field of its call; NULL: there is none.
static const char *find_option(struct cli *cli, const char *field)
{
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if (strcmp(options[i].field, field) == 0 && argument_is_known(cli, options[i].option))
            return options[i].option;
    char *name = pool_text(&cli->pool, field, strlen(field));
    for (char *at = name; *at != '\0'; at++)
        *at = *at == '_' ? '-' : *at;
    return argument_is_known(cli, name) ? name : NULL;
}

// Returns the value of a list's element as it was given; `index` is what stands behind the field, "[2]".
static const char *value_at(struct cli *cli, const char *option, const char *index)
{
    size_t at, count;
    const char *const *values = argument_all(cli, option, &count);
    return sscanf(index, "[%zu]", &at) == 1 && at < count ? values[at] : NULL;
}

// Returns the option that set one member of a path, and its value: "--limit "x=1/s"" for "limits[2].resource". NULL: no
// option sets it.
static const char *name_of_member(struct cli *cli, const char *member)
{
    size_t size = strcspn(member, ".[");
    const char *option = find_option(cli, pool_text(&cli->pool, member, size));
    if (option == NULL)
        return NULL;
    const char *value = value_at(cli, option, member + size);
    return value != NULL ? cli_format(cli, "--%s \"%s\"", option, value) : cli_format(cli, "--%s", option);
}

// Returns what people gave for the field at fault: the option of its last member that has one, "KEY_ID" for get.key_id,
// and otherwise the field's path.
static const char *name_of_field(struct cli *cli, const char *path)
{
    const char *found = name_of_member(cli, path), *name;
    for (const char *dot = strchr(path, '.'); dot != NULL; dot = strchr(dot + 1, '.'))
        found = (name = name_of_member(cli, dot + 1)) != NULL ? name : found;
    if (found != NULL)
        return found;
    const char *last = strrchr(path, '.');
    bool is_operand = last != NULL && strcmp(last, ".key_id") == 0 && strstr(cli->command->operands, "KEY_ID") != NULL;
    return is_operand ? "KEY_ID" : path;
}

// Some messages begin with the field at fault, others only come with it.
static void say_failure(struct cli *cli)
{
    const struct postern_error *error = &cli->error;
    const char *field = name_of_field(cli, error->field), *next = error->answered ? advice(error->status) : NULL;
    size_t size = strlen(error->field);
    bool begins = size > 0 && strncmp(error->message, error->field, size) == 0;
    bool follows = size > 0 && !begins;
    fprintf(stderr, "%s: %s: %s%s%s%s%s\n", cli->name, postern_status_name(error->status), begins ? field : "",
            error->message + (begins ? size : 0), follows ? " (" : "", follows ? field : "", follows ? ")" : "");
    if (next != NULL)
        fprintf(stderr, "What to do: %s.\n", next);
}

bool call_done(struct cli *cli, enum postern_status status)
{
    if (status == POSTERN_OK)
        return true;
    cli->status = CLI_FAILED;
    if (cli->json)
        json_print_error(&cli->error);
    else
        say_failure(cli);
    return false;
}

uint64_t call_server_time_ms(struct cli *cli)
{
    struct postern_health_reply *reply = NULL;
    if (cli->server_time_ms == 0 && call_done(cli, postern_health(cli->client, NULL, &reply, &cli->error)))
        cli->server_time_ms = reply->base.server_time_ms;
    postern_reply_free(reply);
    return cli->server_time_ms;
}

bool call_in_words(const struct cli *cli, const void *reply)
{
    if (cli->json)
        json_print_reply(reply, NULL, NULL);
    return !cli->json;
}

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

// A key may be good, and yet no credential here and now.
static const char *advice_on_credential(const char *reason)
{
    if (getenv("POSTERN_API_KEY") == NULL)
        return "set POSTERN_API_KEY to the token of a secret key that may, or ask over ipc";
    if (strcmp(reason, "ADDRESS_NOT_ALLOWED") == 0)
        return "the key of POSTERN_API_KEY works from its own addresses only: unset POSTERN_API_KEY to ask over ipc as "
               "an operator's user, ask over tls+tcp from one of those addresses, or set it to another key's token";
    if (strcmp(reason, "DISABLED_API_KEY") == 0 || strcmp(reason, "NOT_YET_VALID_API_KEY") == 0 ||
        strcmp(reason, "ACCOUNT_SUSPENDED") == 0)
        return "the key of POSTERN_API_KEY does not work now: unset POSTERN_API_KEY, or set it to the token of one "
               "that does";
    return "POSTERN_API_KEY holds no valid secret key: unset it, or set it to one";
}

// Says what to do about a failure, where the message may not say it; NULL: nothing more.
static const char *advice(const struct postern_error *error)
{
    enum postern_status status = error->status;
    if (status == POSTERN_PERMISSION_DENIED)
        return "use the credential of a key that may (POSTERN_API_KEY), or ask as an operator's user over ipc";
    if (status == POSTERN_UNAUTHENTICATED)
        return advice_on_credential(error->reason);
    return status == POSTERN_INTERNAL || status == POSTERN_DATA_LOSS ? "the log of posternd has more" : NULL;
}

static void say_failure(struct cli *cli)
{
    const struct postern_error *error = &cli->error;
    const char *next = error->answered ? advice(error) : NULL;
    char text[OUTPUT_LIST_SIZE];
    fprintf(stderr, "%s: %s: %s\n", cli->name, postern_status_name(error->status), wording_of(cli, error, text));
    if (next != NULL)
        fprintf(stderr, "What to do: %s.\n", next);
}

int call_exit_status(enum postern_status status)
{
    return status == POSTERN_UNAVAILABLE || status == POSTERN_DEADLINE_EXCEEDED ? CLI_NOT_ASKED : CLI_FAILED;
}

bool call_done(struct cli *cli, enum postern_status status)
{
    if (status == POSTERN_OK)
        return true;
    cli->status = call_exit_status(status);
    wording_name_options(&cli->error);
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
        json_print_reply(reply);
    return !cli->json;
}

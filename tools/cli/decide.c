#include "decide.h"

#include <stdio.h>
#include <string.h>

void decide_print_verdict(bool allowed, enum postern_reason reason)
{
    const char *sentence = reason_sentence(reason);
    if (allowed)
        printf("ALLOWED");
    else
        printf("%s%s%s", postern_reason_name(reason), sentence[0] != '\0' ? ": " : "", sentence);
}

const char *decide_id_text(const uint8_t id[POSTERN_ID_SIZE], char text[DECIDE_ID_SIZE])
{
    for (size_t i = 0; i < POSTERN_ID_SIZE; i++)
        snprintf(text + 2 * i, 3, "%02x", id[i]);
    return text;
}

bool decide_id_flag(struct cli *cli, const char *name, const uint8_t **id)
{
    const char *text = argument_text(cli, name);
    *id = NULL;
    if (text == NULL)
        return true;
    uint8_t *made = cli_keep(cli, POSTERN_ID_SIZE, 1);
    *id = made;
    if (strcmp(text, "new") == 0 && strcmp(name, "refund") != 0) {
        if (postern_id_make(made, &cli->error) == POSTERN_OK)
            return true;
        call_failed(cli);
        return false;
    }
    if (value_hex_id(text, made))
        return true;
    misuse(cli, "--%s \"%s\" is not the id of a charge: 32 digits 0-9 a-f, as ratecheck and verify show it", name,
           text);
    return false;
}

bool decide_read_verify(struct cli *cli, struct postern_verify_request *request)
{
    request->scopes = argument_all(cli, "scope", &request->scope_count);
    request->account = argument_text(cli, "account");
    request->secret_only = argument_has(cli, "secret-only");
    request->remote_address = argument_text(cli, "address");
    request->peek = argument_has(cli, "peek");
    return value_environment_flag(cli, &request->environment) &&
           value_charges_flag(cli, &request->charges, &request->charge_count);
}

static void print_subject(const struct postern_verify_reply *reply)
{
    char environment[32];
    if (reply->key_id[0] != '\0')
        printf(" %s", reply->key_id);
    if (reply->key_name[0] != '\0')
        printf(" (%s)", reply->key_name);
    if (reply->account[0] != '\0')
        printf(", account %s, tier %s, %s", reply->account, reply->tier,
               output_lower(postern_environment_name(reply->environment), environment, sizeof environment));
}

void decide_print_verify(const struct postern_verify_reply *reply)
{
    decide_print_verdict(reply->allowed, reply->reason);
    if (reply->missing_scope_count > 0) {
        printf(" (missing: ");
        output_texts(reply->missing_scopes, reply->missing_scope_count);
        putchar(')');
    }
    if (reply->allowed)
        print_subject(reply);
}

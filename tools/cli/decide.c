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

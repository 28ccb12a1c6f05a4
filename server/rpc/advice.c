// Finds the command at the end of a message in a table of those that not everybody may use.
#include "rpc/advice.h"

#include <string.h>

#include "rpc/authority.h"

static const struct {
    const char *command; // how it begins
    unsigned needs;      // one of these authorities
} commands[] = {
    {"account ", AUTHORITY_OPERATOR}, {"tier ", AUTHORITY_OPERATOR},
    {"scope ", AUTHORITY_OPERATOR},   {"create --account postern ", AUTHORITY_OPERATOR},
    {"create", AUTHORITY_KEEPERS},    {"list", AUTHORITY_KEEPERS},
    {"update ", AUTHORITY_KEEPERS},   {"enable ", AUTHORITY_KEEPERS},
    {"roll ", AUTHORITY_KEEPERS},     {"audit ", AUTHORITY_KEEPERS},
};

static unsigned needs_of(const char *command)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strncmp(command, commands[i].command, strlen(commands[i].command)) == 0)
            return commands[i].needs;
    return 0;
}

void advice_name_who_may(char *message, size_t size, unsigned authorities)
{
    static const char mark[] = " with: postern ";
    char *at = strstr(message, mark);
    unsigned needs = at != NULL ? needs_of(at + sizeof mark - 1) : 0;
    if (needs == 0 || (authorities & needs) != 0)
        return;
    const char *who = needs == AUTHORITY_OPERATOR ? ", as an operator," : ", as an operator or account-admin,";
    char *comma = at > message && at[-1] == ',' ? at - 1 : at;
    size_t more = strlen(who), rest = strlen(at) + 1;
    if ((size_t)(comma - message) + more + rest > size) {
        *comma = '\0';
        return;
    }
    memmove(comma + more, at, rest);
    memcpy(comma, who, more);
}

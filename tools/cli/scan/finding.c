// Prints a finding on a line: where the token stood, whose key's it is, and what state that is in.
#include "scan/finding.h"

#include "json.h"

#include <ctype.h>

const char *finding_path(const char *path, char shown[FINDING_PATH_SIZE])
{
    snprintf(shown, FINDING_PATH_SIZE, "%s", path);
    for (char *at = shown; *at != '\0'; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7F)
            *at = '?';
    return shown;
}

void finding_print_json(const struct finding *finding)
{
    const struct scan_token *token = finding->token;
    const struct key_state *key = finding->key;
    json_print(json_pack("{s:o, s:I, s:b, s:s, s:o, s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "file",
                         json_text(finding->path), "line", (json_int_t)token->line, "base64", token->is_base64,
                         "commit", finding->history->commit, "path", json_text(finding->history->path), "key_id",
                         key->key_id, "account", key->account, "name", key->name, "type",
                         token->is_public ? "PUBLIC" : "SECRET", "environment", token->is_live ? "LIVE" : "TEST",
                         "state", key->state, "revoked_now", key->revoked));
}

void finding_print(const struct finding *finding)
{
    const struct scan_token *token = finding->token;
    const struct key_state *key = finding->key;
    char path[FINDING_PATH_SIZE];
    printf("%s:%llu: %s", finding_path(finding->path, path), (unsigned long long)token->line, key->key_id);
    if (key->name[0] != '\0')
        printf(" (%s)", key->name);
    if (key->account[0] != '\0')
        printf(" account %s", key->account);
    printf(", %s, %s, ", token->is_public ? "public" : "secret", token->is_live ? "live" : "test");
    for (const char *letter = key->state; *letter != '\0'; letter++)
        putchar(tolower((unsigned char)*letter));
    fputs(key->revoked ? " just now" : "", stdout);
    fputs(token->is_base64 ? ", in base64" : "", stdout);
    if (finding->history->commit[0] != '\0')
        printf(", in commit %.12s %s", finding->history->commit, finding_path(finding->history->path, path));
    putchar('\n');
}

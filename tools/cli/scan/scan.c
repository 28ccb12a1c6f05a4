// scan: leaked tokens.
#include "cli.h"
#include "json.h"
#include "scan/find.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REMEMBERED = 1024, CHUNK_SIZE = 32768 };

// What is known of a token: posternd is asked once, however often it is found.
struct verdict {
    char token[SCAN_TOKEN_MAX + 1];
    char account[72];
    char name[136];
    const char *state; // as the protocol's KeyState, and UNKNOWN, SUSPENDED
    bool works;        // or may work again
    bool revoked;      // just now
};

struct scan {
    struct cli *cli;
    struct scan_find find;
    struct scan_history history;
    const char *path;
    bool is_stdin;
    bool revokes;
    struct verdict remembered[REMEMBERED]; // by the token's checksum
    size_t files, tokens, leaks;
    bool failed; // something could not be read or asked
};

// ----------------------------------------------------------------------------------------------------------- verdict

static void state_of(const struct postern_verify_reply *reply, struct verdict *verdict)
{
    static const struct {
        enum postern_reason reason;
        bool works;
        const char *state;
    } states[] = {
        {POSTERN_REASON_REVOKED_API_KEY, false, "REVOKED"},  {POSTERN_REASON_EXPIRED_API_KEY, false, "EXPIRED"},
        {POSTERN_REASON_MISSING_API_KEY, false, "UNKNOWN"},  {POSTERN_REASON_INVALID_API_KEY, false, "UNKNOWN"},
        {POSTERN_REASON_DISABLED_API_KEY, true, "DISABLED"}, {POSTERN_REASON_ACCOUNT_SUSPENDED, true, "SUSPENDED"}};
    // Allowed, or refused for what this question lacks.
    verdict->works = true;
    verdict->state = reply->successor_key_id[0] != '\0' ? "ROLLING" : "ACTIVE";
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        if (states[i].reason == reply->reason) {
            verdict->works = states[i].works;
            verdict->state = states[i].state;
        }
}

static void note_owner(struct verdict *verdict, const char *account, const char *name)
{
    snprintf(verdict->account, sizeof verdict->account, "%.*s", (int)sizeof verdict->account - 1, account);
    snprintf(verdict->name, sizeof verdict->name, "%.*s", (int)sizeof verdict->name - 1, name);
}

// Whose it is, for those who may know; nothing is lost when not.
static void name_key(struct scan *scan, const struct scan_token *token, struct verdict *verdict)
{
    const struct postern_get_request request = {.key_id = token->key_id};
    struct postern_get_reply *reply = NULL;
    if (postern_get(scan->cli->client, &request, &reply, NULL) == POSTERN_OK)
        note_owner(verdict, reply->key.account, reply->key.name);
    postern_reply_free(reply);
}

static bool ask(struct scan *scan, const struct scan_token *token, struct verdict *verdict)
{
    struct cli *cli = scan->cli;
    const struct postern_verify_request request = {.api_key = token->text, .peek = true};
    struct postern_verify_reply *reply = NULL;
    enum postern_status status = postern_verify(cli->client, &request, &reply, &cli->error);
    if (status == POSTERN_OK) {
        state_of(reply, verdict);
        note_owner(verdict, reply->account, reply->key_name);
    } else if (status == POSTERN_NOT_FOUND && strstr(cli->error.field, "charges[0]") != NULL) {
        // A key that is in order, but whose limits do not declare `requests`.
        verdict->state = "ACTIVE";
        verdict->works = true;
        name_key(scan, token, verdict);
        status = POSTERN_OK;
    }
    postern_reply_free(reply);
    return status == POSTERN_OK;
}

static bool revoke_token(struct scan *scan, const struct scan_token *token, struct verdict *verdict)
{
    struct cli *cli = scan->cli;
    const char *reason = argument_text(cli, "reason");
    const struct postern_revoke_request request = {.api_key = token->text,
                                                   .reason = reason != NULL ? reason : "found by postern scan"};
    struct postern_revoke_reply *reply = NULL;
    if (postern_revoke(cli->client, &request, &reply, &cli->error) != POSTERN_OK)
        return false;
    note_owner(verdict, reply->key.account, reply->key.name);
    verdict->state = "REVOKED";
    verdict->revoked = true;
    postern_reply_free(reply);
    return true;
}

static size_t place_of(const struct scan_token *token)
{
    size_t hash = 0;
    for (const char *at = token->text + strlen(token->text) - 6; *at != '\0'; at++)
        hash = hash * 62 + (unsigned char)*at;
    return hash % REMEMBERED;
}

// NULL when posternd could not be asked, or did not revoke: cli->error says why.
static const struct verdict *verdict_of(struct scan *scan, const struct scan_token *token)
{
    struct verdict *verdict = &scan->remembered[place_of(token)];
    if (strcmp(verdict->token, token->text) == 0)
        return verdict;
    explicit_bzero(verdict, sizeof *verdict);
    if (!ask(scan, token, verdict))
        return NULL;
    if (scan->revokes && verdict->works && !token->is_public && !revoke_token(scan, token, verdict))
        return NULL;
    memcpy(verdict->token, token->text, sizeof verdict->token);
    return verdict;
}

// ------------------------------------------------------------------------------------------------------------ output

// A path may be any bytes: what would steer the terminal is shown as '?'.
static const char *shown_path(const char *path, char shown[256])
{
    snprintf(shown, 256, "%.255s", path);
    for (char *at = shown; *at != '\0'; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7F)
            *at = '?';
    return shown;
}

static void print_finding_json(const struct scan *scan, const struct scan_token *token, const struct verdict *verdict)
{
    json_print(json_pack("{s:o, s:I, s:s, s:o, s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "file", json_text(scan->path),
                         "line", (json_int_t)token->line, "commit", scan->history.commit, "path",
                         json_text(scan->history.path), "key_id", token->key_id, "account", verdict->account, "name",
                         verdict->name, "type", token->is_public ? "PUBLIC" : "SECRET", "environment",
                         token->is_live ? "LIVE" : "TEST", "state", verdict->state, "revoked_now", verdict->revoked));
}

static void print_finding(const struct scan *scan, const struct scan_token *token, const struct verdict *verdict)
{
    char path[256];
    printf("%s:%llu: %s", shown_path(scan->path, path), (unsigned long long)token->line, token->key_id);
    if (verdict->name[0] != '\0')
        printf(" (%s)", verdict->name);
    if (verdict->account[0] != '\0')
        printf(" account %s", verdict->account);
    printf(", %s, %s, ", token->is_public ? "public" : "secret", token->is_live ? "live" : "test");
    for (const char *letter = verdict->state; *letter != '\0'; letter++)
        putchar(tolower((unsigned char)*letter));
    fputs(verdict->revoked ? " just now" : "", stdout);
    if (scan->history.commit[0] != '\0')
        printf(", in commit %.12s %s", scan->history.commit, shown_path(scan->history.path, path));
    putchar('\n');
}

static void on_token(void *context, const struct scan_token *token)
{
    struct scan *scan = context;
    char path[256];
    scan->tokens++;
    const struct verdict *verdict = verdict_of(scan, token);
    if (verdict == NULL) {
        fprintf(stderr, "postern scan: %s:%llu: %s: %s: %s\n", shown_path(scan->path, path),
                (unsigned long long)token->line, token->key_id, postern_status_name(scan->cli->error.status),
                scan->cli->error.message);
        scan->failed = true;
        return;
    }
    scan->leaks += verdict->works && !token->is_public;
    if (scan->cli->json)
        print_finding_json(scan, token, verdict);
    else
        print_finding(scan, token, verdict);
}

// ------------------------------------------------------------------------------------------------------------- input

static void say_problem(struct scan *scan, const char *path, int error)
{
    char shown[256];
    fprintf(stderr, "postern scan: cannot read %s: %s\n", shown_path(path, shown), strerror(error));
    scan->failed = true;
}

static void search(struct scan *scan, const char *bytes, size_t size)
{
    while (size > 0) {
        const char *end = scan->is_stdin ? memchr(bytes, '\n', size) : NULL;
        size_t piece = end != NULL ? (size_t)(end - bytes) + 1 : size;
        if (scan->is_stdin)
            scan_history_feed(&scan->history, bytes, piece);
        scan_find_feed(&scan->find, bytes, piece);
        bytes += piece;
        size -= piece;
    }
}

// What a descriptor gives until its end.
static void read_bytes(int descriptor, const char *path, struct scan *scan)
{
    char chunk[CHUNK_SIZE];
    scan->path = path;
    scan->files++;
    scan_find_begin(&scan->find, on_token, scan);
    for (;;) {
        ssize_t got = read(descriptor, chunk, sizeof chunk);
        if (got > 0)
            search(scan, chunk, (size_t)got);
        else if (got == 0)
            break;
        else if (errno != EINTR) {
            say_problem(scan, path, errno);
            break;
        }
    }
    explicit_bzero(chunk, sizeof chunk);
}

// What was found to be a file may have become something else, which must not be followed and must not block.
static void read_file(const FTSENT *entry, struct scan *scan)
{
    bool is_named = entry->fts_level == FTS_ROOTLEVEL;
    struct stat status;
    int descriptor =
        open(entry->fts_accpath, O_RDONLY | O_CLOEXEC | O_NOCTTY | (is_named ? 0 : O_NOFOLLOW | O_NONBLOCK));
    if (descriptor < 0) {
        say_problem(scan, entry->fts_path, errno);
        return;
    }
    if (is_named || (fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode)))
        read_bytes(descriptor, entry->fts_path, scan);
    close(descriptor);
}

// A pipe or a device is read only when it was named; directories and links in them are passed over.
static void visit(const FTSENT *entry, struct scan *scan)
{
    int info = entry->fts_info;
    if (info == FTS_F || (info == FTS_DEFAULT && entry->fts_level == FTS_ROOTLEVEL))
        read_file(entry, scan);
    else if (info == FTS_DNR || info == FTS_ERR || info == FTS_NS || info == FTS_SLNONE)
        say_problem(scan, entry->fts_path, info == FTS_SLNONE ? ENOENT : entry->fts_errno);
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

// Scans one file, or all regular files below a directory, binary ones too. Only a link that is the path itself is
// followed.
static void walk(const char *path, struct scan *scan)
{
    char *copy = strdup(path);
    char *paths[] = {copy, NULL};
    // Without changing the directory: that of the socket may be relative.
    FTS *tree = copy != NULL ? fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name) : NULL;
    if (tree == NULL) {
        say_problem(scan, path, errno);
        goto out;
    }
    const FTSENT *entry;
    while (errno = 0, (entry = fts_read(tree)) != NULL)
        visit(entry, scan);
    if (errno != 0)
        say_problem(scan, path, errno);
    fts_close(tree);
out:
    free(copy);
}

static void scan_all(struct scan *scan)
{
    for (size_t i = 0; i < scan->cli->operand_count; i++) {
        scan->is_stdin = strcmp(scan->cli->operands[i], "-") == 0;
        if (scan->is_stdin)
            read_bytes(STDIN_FILENO, "-", scan);
        else
            walk(scan->cli->operands[i], scan);
        scan->history = (struct scan_history){0};
    }
}

// A token where a path belongs must not be shown, as a path that cannot be read would be.
static bool has_token_for_path(const struct cli *cli)
{
    for (size_t i = 0; i < cli->operand_count; i++)
        if (strchr(cli->operands[i], '/') == NULL && token_is_likely(cli->operands[i]) &&
            access(cli->operands[i], F_OK) != 0)
            return true;
    return false;
}

static void run_scan(struct cli *cli)
{
    struct scan *scan = cli_keep(cli, 1, sizeof *scan);
    scan->cli = cli;
    scan->revokes = argument_has(cli, "revoke");
    if (has_token_for_path(cli))
        misuse(cli, "there is no such file; a token comes by standard input: printf %%s \"$TOKEN\" | postern scan -");
    if (argument_has(cli, "reason") && !scan->revokes)
        misuse(cli, "--reason belongs to --revoke");
    if (!cli_good(cli))
        return;
    scan_all(scan);
    scan_find_end(&scan->find);
    fprintf(stderr, "%zu %s scanned, %zu %s found, %zu of secret keys that work%s\n", scan->files,
            scan->files == 1 ? "file" : "files", scan->tokens, scan->tokens == 1 ? "token" : "tokens", scan->leaks,
            scan->revokes && scan->leaks > 0 ? "ed until now" : " or may work again");
    if (scan->leaks > 0 || scan->failed)
        cli->status = CLI_FAILED;
}

static const struct flag scan_flags[] = {
    {"revoke", NULL, "revoke the secret keys whose tokens are found, at once and for ever"},
    {"reason", "TEXT", "why; kept with the revoked keys (default \"found by postern scan\")"},
    {0},
};

const struct command scan_commands[] = {
    {"scan", "PATH...|-", "find leaked tokens in files, directories or standard input", scan_flags, run_scan,
     .notes =
         "Tokens are known by their pattern and checksum, and named by their key's id. Exit status 1: one of a\n"
         "secret key that is neither revoked nor expired was found, or something could not be read. A repository's\n"
         "history is compressed, so let git tell it:\n"
         "  git log -p --all | postern scan -\n"
         "  postern scan --revoke /var/log /srv/www"},
    {0},
};

// scan: finds leaked tokens, and says of each what posternd knows of its key.
#include "scan/scan.h"

#include "confirm.h"
#include "json.h"
#include "progress.h"
#include "scan/finding.h"
#include "scan/repository.h"
#include "scan/search.h"
#include "scan/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

// Where a directory of a tree is. What fts has not visited is 0.
enum place { PLACE_FILES = 0, PLACE_REPOSITORY, PLACE_IN_REPOSITORY };

struct scan {
    struct cli *cli;
    struct inquiry inquiry;
    struct scan_search search;
    struct scan_history history;
    const char *path; // of the stream under way
    bool is_stdin;
    bool skips_unreadable;
    bool counts_files;
    bool is_raw;  // the stream is what could not be unpacked, as it is
    size_t input; // which one it is, from 1 on
    size_t files, unreadable, tokens, leaks;
    uint64_t bytes; // read so far, unpacked
    struct progress progress;
    int outcome; // the exit status, beside what was found and what could not be read
};

// ------------------------------------------------------------------------------------------------------------ output

static void note_outcome(struct scan *scan, int outcome)
{
    scan->outcome = outcome > scan->outcome ? outcome : scan->outcome;
}

static void on_token(void *context, const struct scan_token *token)
{
    struct scan *scan = context;
    char path[256], why[OUTPUT_LIST_SIZE];
    struct key_state *key = key_state_ask(&scan->inquiry, token);
    bool is_again = scan->is_raw && key != NULL && key->input == scan->input;
    if (is_again) // it was found before the damage
        return;
    scan->tokens++;
    progress_clear(&scan->progress);
    if (key == NULL) {
        fprintf(stderr, "postern scan: %s:%llu: %s: %s: %s\n", finding_path(scan->path, path),
                (unsigned long long)token->line, token->key_id, postern_status_name(scan->cli->error.status),
                wording_of(scan->cli, &scan->cli->error, why));
        note_outcome(scan, call_exit_status(scan->cli->error.status));
        return;
    }
    key->input = scan->input;
    scan->leaks += key->works && !token->is_public;
    const struct finding finding = {scan->path, &scan->history, token, key};
    if (scan->cli->json)
        finding_print_json(&finding);
    else
        finding_print(&finding);
}

// ------------------------------------------------------------------------------------------------------------- input

// With --json says it as data too, for those who read that alone.
static void say_unreadable(struct scan *scan, const char *path, const char *why)
{
    char shown[256];
    progress_clear(&scan->progress);
    fprintf(stderr, "postern scan: cannot read %s: %s\n", finding_path(path, shown), why);
    if (scan->cli->json)
        json_print(json_pack("{s:o, s:o}", "file", json_text(path), "unreadable", json_text(why)));
    scan->unreadable++;
}

static void begin_stream(void *context, const char *path, bool is_raw)
{
    struct scan *scan = context;
    scan->path = path;
    scan->is_raw = is_raw;
    scan->files += scan->counts_files && !is_raw;
    scan->history = (struct scan_history){0};
    scan_search_begin(&scan->search, on_token, scan);
}

// Scans a line of a history, or a part of one.
static void take_line(struct scan *scan, const char *bytes, size_t size)
{
    scan_history_feed(&scan->history, bytes, size);
    scan_search_feed(&scan->search, bytes, size);
}

static void show_progress(struct scan *scan, size_t size)
{
    char path[256];
    scan->bytes += size;
    if (progress_is_due(&scan->progress))
        progress_show(&scan->progress, "%zu %s, %llu MiB, %zu %s: %s", scan->files, scan->files == 1 ? "file" : "files",
                      (unsigned long long)(scan->bytes >> 20), scan->tokens, scan->tokens == 1 ? "token" : "tokens",
                      finding_path(scan->path, path));
}

static void take_bytes(void *context, const void *given, size_t size)
{
    struct scan *scan = context;
    const char *bytes = given, *end = bytes + size;
    show_progress(scan, size);
    if (!scan->is_stdin)
        scan_search_feed(&scan->search, given, size);
    while (scan->is_stdin && bytes < end) {
        const char *line_end = memchr(bytes, '\n', (size_t)(end - bytes));
        size_t piece = (size_t)((line_end != NULL ? line_end + 1 : end) - bytes);
        take_line(scan, bytes, piece);
        bytes += piece;
    }
}

static void end_stream(void *context)
{
    struct scan *scan = context;
    scan_search_finish(&scan->search);
}

static void note_problem(void *context, const char *path, const char *why)
{
    say_unreadable(context, path, why);
}

// Scans what a descriptor gives until its end.
static void read_bytes(int descriptor, const char *path, struct scan *scan)
{
    scan->input++;
    const struct unpack_taker taker = {scan, begin_stream, take_bytes, end_stream, note_problem};
    unpack(descriptor, path, UNPACK_BYTES_MAX, &taker);
}

// Returns why what is no file is not read; NULL: it is read. A pipe without a name, as <(command) gives, comes from a
// command that is there. One with a name may have nobody who ever writes to it.
static const char *why_not_read(const struct stat *status, int descriptor, bool is_named)
{
    struct statfs place;
    if (S_ISREG(status->st_mode) || (is_named && S_ISBLK(status->st_mode)))
        return NULL;
    if (S_ISFIFO(status->st_mode)) {
        bool is_of_command = is_named && fstatfs(descriptor, &place) == 0 && place.f_type == PIPEFS_MAGIC;
        return is_of_command ? NULL : "it is a named pipe: let standard input have it, postern scan - <PIPE";
    }
    return S_ISSOCK(status->st_mode) ? "it is a socket" : "it is a device";
}

// What was a file when the tree was read may be something else now, which must not be followed and must not block.
static void read_file(const FTSENT *entry, struct scan *scan)
{
    bool is_named = entry->fts_level == FTS_ROOTLEVEL;
    struct stat status;
    int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (is_named ? 0 : O_NOFOLLOW);
    int descriptor = open(entry->fts_accpath, flags);
    const char *why = descriptor < 0 || fstat(descriptor, &status) != 0 ? strerror(errno)
                                                                        : why_not_read(&status, descriptor, is_named);
    if (why == NULL && fcntl(descriptor, F_SETFL, flags & ~O_NONBLOCK) < 0)
        why = strerror(errno);
    if (why == NULL)
        read_bytes(descriptor, entry->fts_path, scan);
    else
        say_unreadable(scan, entry->fts_path, why);
    if (descriptor >= 0)
        close(descriptor);
}

// Only opening tells a named pipe from that of <(command); all else that is no file is not opened, as that alone may
// wind a tape or reset a line.
static void look_at_other(const FTSENT *entry, struct scan *scan)
{
    const struct stat *status = entry->fts_statp;
    bool is_named = entry->fts_level == FTS_ROOTLEVEL;
    if (is_named && (S_ISFIFO(status->st_mode) || S_ISBLK(status->st_mode)))
        read_file(entry, scan);
    else
        say_unreadable(scan, entry->fts_path, why_not_read(status, -1, false));
}

// A path of the command line that is not there is more than something unreadable: it is wrong.
static void say_missing(const FTSENT *entry, struct scan *scan)
{
    int error = entry->fts_info == FTS_SLNONE ? ENOENT : entry->fts_errno;
    say_unreadable(scan, entry->fts_path, strerror(error));
    if (entry->fts_level == FTS_ROOTLEVEL && error == ENOENT)
        note_outcome(scan, CLI_FAILED);
}

// The history counts as one thing that could not be read, whether it is here or elsewhere.
static void say_history(const FTSENT *entry, struct scan *scan)
{
    char advice[REPOSITORY_ADVICE_MAX];
    repository_advise(entry->fts_path, advice);
    say_unreadable(scan, entry->fts_path, advice);
}

// Git's own files beside the objects may have a token in clear, like an address in "config"; they are searched, and
// are none of the files that were asked for.
static void visit_directory(FTS *tree, FTSENT *entry, struct scan *scan)
{
    bool is_repository = repository_is_directory(entry->fts_accpath, entry->fts_name);
    bool is_in_repository = entry->fts_parent->fts_number != PLACE_FILES;
    entry->fts_number = is_repository ? PLACE_REPOSITORY : is_in_repository ? PLACE_IN_REPOSITORY : PLACE_FILES;
    if (is_repository)
        say_history(entry, scan);
    else if (is_in_repository && entry->fts_parent->fts_number == PLACE_REPOSITORY &&
             strcmp(entry->fts_name, "objects") == 0)
        fts_set(tree, entry, FTS_SKIP);
}

static void visit_file(FTSENT *entry, struct scan *scan)
{
    if (repository_is_link(entry->fts_accpath, entry->fts_name)) {
        say_history(entry, scan);
        return;
    }
    scan->counts_files = entry->fts_parent->fts_number == PLACE_FILES;
    read_file(entry, scan);
    scan->counts_files = true;
}

// Links in directories are passed over: what they point to is read where it is, or was not asked for.
static void visit(FTS *tree, FTSENT *entry, struct scan *scan)
{
    int info = entry->fts_info;
    if (info == FTS_F)
        visit_file(entry, scan);
    else if (info == FTS_DEFAULT)
        look_at_other(entry, scan);
    else if (info == FTS_DNR || info == FTS_ERR || info == FTS_NS || info == FTS_SLNONE)
        say_missing(entry, scan);
    else if (info == FTS_D)
        visit_directory(tree, entry, scan);
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
        say_unreadable(scan, path, strerror(errno));
        goto out;
    }
    FTSENT *entry;
    while (errno = 0, (entry = fts_read(tree)) != NULL)
        visit(tree, entry, scan);
    if (errno != 0)
        say_unreadable(scan, path, strerror(errno));
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

static void print_summary(const struct scan *scan)
{
    fprintf(stderr, "%zu %s scanned, %zu %s found, %zu of secret keys that work%s", scan->files,
            scan->files == 1 ? "file" : "files", scan->tokens, scan->tokens == 1 ? "token" : "tokens", scan->leaks,
            scan->inquiry.revokes && scan->leaks > 0 ? "ed until now" : " or may work again");
    if (scan->unreadable > 0)
        fprintf(stderr, "; %zu could not be read%s", scan->unreadable,
                scan->skips_unreadable ? " and were skipped" : "");
    fputc('\n', stderr);
}

static void run_scan(struct cli *cli)
{
    struct scan *scan = cli_keep(cli, 1, sizeof *scan);
    scan->cli = cli;
    scan->counts_files = true;
    scan->skips_unreadable = argument_has(cli, "skip-unreadable");
    scan->inquiry.cli = cli;
    scan->inquiry.revokes = argument_has(cli, "revoke");
    if (has_token_for_path(cli))
        misuse(cli, "there is no such file; a token comes by standard input: printf %%s \"$TOKEN\" | postern scan -");
    if (argument_has(cli, "reason") && !scan->inquiry.revokes)
        misuse(cli, "--reason belongs to --revoke");
    if (argument_has(cli, "yes") && !scan->inquiry.revokes)
        misuse(cli, "--yes belongs to --revoke");
    if (!cli_good(cli))
        return;
    if (scan->inquiry.revokes && !confirm(cli, "Revoke the secret keys of all tokens that are found?"))
        return;
    scan->progress = progress_begin(false);
    scan_all(scan);
    progress_clear(&scan->progress);
    scan_search_wipe(&scan->search);
    print_summary(scan);
    if (scan->leaks > 0 || (scan->unreadable > 0 && !scan->skips_unreadable))
        note_outcome(scan, CLI_FAILED);
    cli->status = scan->outcome;
}

static const struct flag scan_flags[] = {
    {"revoke", NULL, "revoke the secret keys whose tokens are found, at once and for ever"},
    {"reason", "TEXT", "why; kept with the revoked keys (default \"found by postern scan\")"},
    {"yes", NULL, "with --revoke: do it without asking, as it is done where no terminal is"},
    {"skip-unreadable", NULL, "what cannot be read is named and counted, but is no reason for exit status 1"},
    {0},
};

_Static_assert(UNPACK_DEPTH_MAX == 8 && UNPACK_BYTES_MAX == UINT64_C(4) << 30, "the help says so");

const struct command scan_commands[] = {
    {"scan", "PATH...|-", "find leaked tokens in files, directories or standard input", scan_flags, run_scan,
     .help =
         "Tokens are known by their pattern and checksum, and named by their key's id. They are found in UTF-16,\n"
         "in base64, also folded over lines as mail, PEM, YAML and diffs have it, and split by ends of\n"
         "lines or backslashes.\n"
         "  looked into: gzip, xz, zstd, bzip2, lzma, lzip, lz4, compress (.Z), zip, tar and ar (.deb), one in\n"
         "    another up to 8 deep, as long as no more than 4 GiB are unpacked from one file;\n"
         "    \"logs.tar.gz!var/log/a\" is the file \"var/log/a\" in it\n"
         "  only named, as what could not be read: git repositories, 7z, RAR, zlib, lzop, lrzip, cab, rpm, xar,\n"
         "    squashfs, PDF with packed parts, encrypted or damaged archives; of these the token that stands in\n"
         "    clear is found\n"
         "  not found: a token in base64 of base64, or in base64 of what is packed\n"
         "Exit status 1: one of a secret key that is neither revoked nor expired was found, or something could not\n"
         "be read. The history of a git repository cannot; only git can tell it, and it names commits and files:\n"
         "  git -C REPOSITORY log -p --all -m -a --reflog | postern scan -\n"
         "  postern scan --revoke /var/log /srv/www\n"
         "  zcat far-too-large.gz | postern scan -"},
    {0},
};

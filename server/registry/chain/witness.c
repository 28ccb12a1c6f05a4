// The chain cannot show that its newest links are missing: a truncated or restored store is a valid one. So a signed
// checkpoint of the head is written beside the keyring, apart from the store, and a store that is opened must still
// have the change in the file. The file is text, replaced as a whole; anybody who has the public key can verify it.
#include "registry/chain/witness.h"

#include "base/file.h"
#include "base/text.h"
#include "registry/chain/chain.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LINE_MAX_SIZE = 512,
    LINES_MAX = 64, // master secrets of a keyring
    FILE_MAX_SIZE = LINES_MAX * LINE_MAX_SIZE
};

struct line {
    uint64_t seq;
    uint64_t time_ms;
    uint64_t master_id;
    uint8_t mac[SECRET_HASH_SIZE];
    uint8_t public_key[SECRET_PUBLIC_KEY_SIZE];
    uint8_t signature[SECRET_SIGNATURE_SIZE];
    struct slice signed_text;
};

// --- text of a line

// Signs a line and writes it with its "\n"; 0 when it cannot be signed.
static size_t format_line(const struct secret *secret, struct line *line, char out[LINE_MAX_SIZE])
{
    char mac[2 * SECRET_HASH_SIZE + 1];
    char public_key[2 * SECRET_PUBLIC_KEY_SIZE + 1];
    char signature[2 * SECRET_SIGNATURE_SIZE + 1];
    if (secret_checkpoint_public(secret, (uint32_t)line->master_id, line->public_key) != STATUS_OK)
        return 0;
    text_format_hex(line->mac, sizeof line->mac, mac);
    text_format_hex(line->public_key, sizeof line->public_key, public_key);
    int size = snprintf(out, LINE_MAX_SIZE,
                        "postern-witness 1 seq=%" PRIu64 " mac=%s time=%" PRIu64 " master=%" PRIu64 " public=%s",
                        line->seq, mac, line->time_ms, line->master_id, public_key);
    if (size <= 0 || secret_checkpoint_sign(secret, (uint32_t)line->master_id, slice_make(out, (size_t)size),
                                            line->signature) != STATUS_OK)
        return 0;
    text_format_hex(line->signature, sizeof line->signature, signature);
    int rest = snprintf(out + size, LINE_MAX_SIZE - (size_t)size, " signature=%s\n", signature);
    return rest > 0 ? (size_t)size + (size_t)rest : 0;
}

static bool take_text(struct slice *rest, const char *text)
{
    struct slice expected = slice_text(text);
    if (!slice_starts_with(*rest, expected))
        return false;
    *rest = slice_make(rest->data + expected.size, rest->size - expected.size);
    return true;
}

static bool take_line(struct slice *rest, struct line *out)
{
    const uint8_t *start = rest->data;
    bool valid = take_text(rest, "postern-witness 1 seq=") && text_take_number(rest, &out->seq) &&
                 take_text(rest, " mac=") && text_take_hex(rest, out->mac, sizeof out->mac) &&
                 take_text(rest, " time=") && text_take_number(rest, &out->time_ms) && take_text(rest, " master=") &&
                 text_take_number(rest, &out->master_id) && take_text(rest, " public=") &&
                 text_take_hex(rest, out->public_key, sizeof out->public_key);
    if (!valid)
        return false;
    out->signed_text = slice_make(start, (size_t)(rest->data - start));
    return take_text(rest, " signature=") && text_take_hex(rest, out->signature, sizeof out->signature) &&
           take_text(rest, "\n");
}

// Verifies with the keyring's own public key: the key in the line is for people without the keyring.
static bool is_signed(const struct line *line, const struct secret *secret)
{
    uint8_t public_key[SECRET_PUBLIC_KEY_SIZE];
    return line->master_id <= UINT32_MAX &&
           secret_checkpoint_public(secret, (uint32_t)line->master_id, public_key) == STATUS_OK &&
           secret_checkpoint_verify(public_key, line->signed_text, line->signature);
}

// --- reading

static enum status fail_file(struct status_failure *failure, const char *path, const char *what)
{
    return status_fail(failure, STATUS_UNAVAILABLE, NULL, "the witness %s cannot be %s: %s", path, what,
                       strerror(errno));
}

static enum status fail_damaged(struct status_failure *failure, const char *path)
{
    return status_fail(
        failure, STATUS_DATA_LOSS, NULL,
        "the witness %s is damaged, or was signed with another keyring: put the right one back; to go on "
        "without it, remove it",
        path);
}

static enum status read_lines(struct slice text, const struct secret *secret, struct witness *out)
{
    struct line line;
    while (text.size > 0) {
        if (!take_line(&text, &line) || !is_signed(&line, secret) || line.seq == 0)
            return STATUS_DATA_LOSS;
        if (out->lines > 0 && (line.seq != out->seq || !secret_equal(line.mac, out->mac)))
            return STATUS_DATA_LOSS;
        out->seq = line.seq;
        memcpy(out->mac, line.mac, sizeof out->mac);
        out->lines++;
    }
    return out->lines > 0 ? STATUS_OK : STATUS_DATA_LOSS;
}

enum status witness_read(const char *path, const struct secret *secret, struct witness *out,
                         struct status_failure *failure)
{
    char text[FILE_MAX_SIZE];
    *out = (struct witness){.seq = 0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? STATUS_OK : fail_file(failure, path, "read");
    ssize_t size = file_read_all(fd, text, sizeof text);
    enum status status = size < 0 ? fail_file(failure, path, "read") : STATUS_OK;
    close(fd);
    if (status == STATUS_OK && read_lines(slice_make(text, (size_t)size), secret, out) != STATUS_OK)
        return fail_damaged(failure, path);
    return status;
}

// --- writing

static bool write_file(const char *path, const char *text, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool done = file_write_all(fd, text, size) && fsync(fd) == 0;
    return close(fd) == 0 && done;
}

static size_t format_all(const struct secret *secret, const struct chain_head *head, uint64_t now_ms,
                         char out[FILE_MAX_SIZE])
{
    size_t size = 0;
    for (size_t i = 0; i < secret_count(secret) && i < LINES_MAX; i++) {
        struct line line = {.seq = head->seq, .time_ms = now_ms, .master_id = secret_id_at(secret, i)};
        memcpy(line.mac, head->mac, sizeof line.mac);
        size_t added = format_line(secret, &line, out + size);
        if (added == 0)
            return 0;
        size += added;
    }
    return size;
}

// Replaces the file as a whole. When it fails (UNAVAILABLE), the old file is still there.
static enum status write_witness(const char *path, const struct secret *secret, const struct chain_head *head,
                                 uint64_t now_ms, struct status_failure *failure)
{
    char text[FILE_MAX_SIZE];
    char fresh[PATH_MAX], directory[PATH_MAX];
    int written = snprintf(fresh, sizeof fresh, "%s.new", path);
    if (written < 0 || (size_t)written >= sizeof fresh)
        return status_fail(failure, STATUS_UNAVAILABLE, NULL, "the witness %s cannot be written: the path is too long",
                           path);
    size_t size = format_all(secret, head, now_ms, text);
    if (size == 0)
        return status_fail(failure, STATUS_INTERNAL, NULL, "the witness %s cannot be signed", path);
    bool is_renamed = write_file(fresh, text, size) && rename(fresh, path) == 0;
    if (is_renamed && file_directory_of(path, directory) && (errno = file_sync_directory(directory)) == 0)
        return STATUS_OK;
    enum status status = fail_file(failure, path, "written");
    unlink(fresh);
    return status;
}

// --- against the chain

enum status witness_verify(const char *path, const struct witness *witness, struct store_txn *txn, struct arena *arena,
                           struct status_failure *failure)
{
    struct chain_head head;
    struct chain_link link = {.master_id = 0};
    if (witness->seq == 0)
        return STATUS_OK;
    enum status status = chain_read_head(txn, &head);
    if (status == STATUS_OK && head.seq >= witness->seq)
        status = chain_read_link(txn, witness->seq, arena, &link);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return status;
    if (head.seq >= witness->seq && secret_equal(link.mac, witness->mac))
        return STATUS_OK;
    return status_fail(failure, STATUS_DATA_LOSS, NULL,
                       "the store is older than its witness, which saw change %" PRIu64
                       " (a restored backup or a cut-off chain); to accept it, remove %s",
                       witness->seq, path);
}

// --- checkpoints

static enum status read_head(struct registry *registry, struct chain_head *out)
{
    struct store_txn *view = NULL;
    enum status status = registry_view_open(registry, &view);
    if (status == STATUS_OK)
        status = store_view_begin(view);
    if (status == STATUS_OK) {
        status = chain_read_head(view, out);
        store_view_end(view);
    }
    store_view_close(view);
    return status;
}

enum status registry_checkpoint(struct registry *registry, struct status_failure *failure)
{
    struct chain_head head;
    if (registry->witness_path == NULL)
        return STATUS_OK;
    enum status status = read_head(registry, &head);
    if (status != STATUS_OK)
        return status_fail(failure, status, NULL, "the registry's head cannot be read, so no checkpoint was written");
    if (head.seq == registry->witness_seq || head.seq == 0)
        return STATUS_OK;
    status = write_witness(registry->witness_path, registry->secret, &head, clock_now_ms(registry->clock), failure);
    if (status == STATUS_OK)
        registry->witness_seq = head.seq;
    return status;
}

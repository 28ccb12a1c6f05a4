// Reads the keyring file with care: it must be a regular file that nobody else can read. A new one is written under a
// temporary name and then linked, so that a crash leaves no half keyring and no existing one is replaced.
#include "secret/keyring.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/random.h"
#include "base/text.h"

enum { FILE_SIZE_MAX = 16 * 1024 };

static enum status fail_io(struct status_failure *failure, const char *path, const char *verb)
{
    return status_fail(failure, STATUS_UNAVAILABLE, NULL, "%s: cannot %s: %s", path, verb, strerror(errno));
}

static enum status open_file(const char *path, int *out, struct status_failure *failure)
{
    // O_NONBLOCK: a FIFO at this path must not hang the start.
    *out = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (*out >= 0)
        return STATUS_OK;
    if (errno == ENOENT)
        return status_fail(failure, STATUS_NOT_FOUND, NULL, "%s: no such keyring", path);
    if (errno == ELOOP)
        return status_fail(failure, STATUS_FAILED_PRECONDITION, NULL,
                           "%s: the keyring must be a regular file, not a symbolic link; name the file itself", path);
    return fail_io(failure, path, "open");
}

static enum status check_file(int fd, const char *path, struct status_failure *failure)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return fail_io(failure, path, "examine");
    if (!S_ISREG(info.st_mode))
        return status_fail(failure, STATUS_FAILED_PRECONDITION, NULL, "%s: the keyring must be a regular file", path);
    if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return status_fail(failure, STATUS_FAILED_PRECONDITION, NULL,
                           "%s: others have access to the keyring (mode %04o); run: chmod 600 %s", path,
                           (unsigned)(info.st_mode & 07777), path);
    if (info.st_uid != geteuid() && info.st_uid != 0)
        return status_fail(failure, STATUS_FAILED_PRECONDITION, NULL,
                           "%s: the keyring belongs to uid %u; run as that user, or: chown %u %s", path,
                           (unsigned)info.st_uid, (unsigned)geteuid(), path);
    if (info.st_size > FILE_SIZE_MAX)
        return status_fail(failure, STATUS_FAILED_PRECONDITION, NULL, "%s: %lld bytes is too large for a keyring", path,
                           (long long)info.st_size);
    return STATUS_OK;
}

static enum status parse_file(int fd, const char *path, uint8_t *buffer, struct keyring *out,
                              struct status_failure *failure)
{
    ssize_t size = file_read_all(fd, buffer, FILE_SIZE_MAX);
    if (size < 0)
        return fail_io(failure, path, "read");
    return keyring_parse(slice_make(buffer, (size_t)size), path, out, failure);
}

enum status keyring_read(const char *path, struct keyring **out, struct status_failure *failure)
{
    *out = NULL;
    int fd = -1;
    enum status status = open_file(path, &fd, failure);
    if (status != STATUS_OK)
        return status;
    uint8_t *buffer = sodium_malloc(FILE_SIZE_MAX);
    struct keyring *keyring = sodium_malloc(sizeof *keyring);
    status = check_file(fd, path, failure);
    if (status == STATUS_OK && (buffer == NULL || keyring == NULL))
        status = status_fail(failure, STATUS_UNAVAILABLE, NULL, "%s: out of memory for the keyring", path);
    if (status == STATUS_OK)
        status = parse_file(fd, path, buffer, keyring, failure);
    if (status == STATUS_OK) {
        *out = keyring;
        keyring = NULL;
    }
    (void)close(fd); // only read
    keyring_free(keyring);
    sodium_free(buffer);
    return status;
}

void keyring_free(struct keyring *keyring)
{
    sodium_free(keyring); // wipes
}

static enum status sync_directory(const char *directory, struct status_failure *failure)
{
    errno = file_sync_directory(directory);
    return errno == 0 ? STATUS_OK : fail_io(failure, directory, "sync");
}

// A directory that exists keeps its permissions: it may be shared, and the file protects itself.
static enum status make_directory(const char *directory, struct status_failure *failure)
{
    char parent[PATH_MAX];
    if (mkdir(directory, S_IRWXU) != 0)
        return errno == EEXIST ? STATUS_OK : fail_io(failure, directory, "create the directory");
    if (!file_directory_of(directory, parent))
        return STATUS_OK;
    return sync_directory(parent, failure);
}

static bool write_new_keyring(int fd)
{
    uint8_t master[KEYRING_MASTER_SIZE];
    char hex[2 * KEYRING_MASTER_SIZE + 1];
    char text[256];
    random_fill(master, sizeof master);
    // Not text_format_hex: libsodium takes the same time for all digits of a secret.
    sodium_bin2hex(hex, sizeof hex, master, sizeof master);
    int size =
        snprintf(text, sizeof text,
                 "postern-keyring 1\n"
                 "# Master secrets. Without this file no token can be verified: keep a copy apart from backups.\n"
                 "1 %s\n",
                 hex);
    bool ok = size > 0 && (size_t)size < sizeof text && fchmod(fd, S_IRUSR | S_IWUSR) == 0 &&
              file_write_all(fd, text, (size_t)size) && fsync(fd) == 0;
    sodium_memzero(master, sizeof master);
    sodium_memzero(hex, sizeof hex);
    sodium_memzero(text, sizeof text);
    return ok;
}

// The temporary file has a unique name, so that one left over by a crash is in nobody's way.
static int open_temporary(const char *path, char out[PATH_MAX])
{
    uint8_t random[8];
    char hex[2 * sizeof random + 1];
    random_fill(random, sizeof random);
    text_format_hex(random, sizeof random, hex);
    int size = snprintf(out, PATH_MAX, "%s.new-%s", path, hex);
    if (size < 0 || size >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return open(out, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
}

// link(2), unlike rename(2), never replaces a keyring that somebody else has made meanwhile.
static enum status publish(const char *temporary, const char *path, struct status_failure *failure)
{
    if (link(temporary, path) == 0)
        return STATUS_OK;
    if (errno == EEXIST)
        return status_fail(failure, STATUS_ALREADY_EXISTS, NULL, "%s: there is a keyring already", path);
    return fail_io(failure, path, "create");
}

enum status keyring_create(const char *path, struct status_failure *failure)
{
    char directory[PATH_MAX];
    char temporary[PATH_MAX];
    if (!file_directory_of(path, directory))
        return status_fail(failure, STATUS_INVALID_ARGUMENT, NULL, "path of the keyring is too long");
    enum status status = make_directory(directory, failure);
    if (status != STATUS_OK)
        return status;
    int fd = open_temporary(path, temporary);
    if (fd < 0)
        return fail_io(failure, path, "create");
    status = write_new_keyring(fd) ? STATUS_OK : fail_io(failure, temporary, "write");
    if (close(fd) != 0 && status == STATUS_OK)
        status = fail_io(failure, temporary, "write");
    if (status == STATUS_OK)
        status = publish(temporary, path, failure);
    (void)unlink(temporary); // the keyring has its own name now, or was not made
    return status == STATUS_OK ? sync_directory(directory, failure) : status;
}

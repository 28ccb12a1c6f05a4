// Preloaded into posternd: writes down what reaches the stores' files, and what had been synced, for power_cut.py.
//
// POWER_LOG names a directory. Of each data.mdb, in "<its directory's name>.log" there, one entry per event: struct
// event and `size` bytes of data. A write is noted before it is made, a sync after it has returned: what the log does
// not say to be synced may or may not have reached the disk when the power went. LMDB 0.9 writes with pwrite, or lseek
// and writev, syncs with fdatasync, and writes its meta pages through an O_DSYNC descriptor (strace says so).
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { WRITE = 'W', DIRECT = 'D', DIRECT_DONE = 'd', SYNC = 'S', IOV_MAX_USED = 64 };

struct event {
    uint64_t kind;
    uint64_t offset;
    uint64_t size;
};

// One per store; a store has one writer at a time, so its events are in order.
static int open_log(const char *path, const char *file)
{
    char log[PATH_MAX];
    const char *directory = getenv("POWER_LOG");
    const char *name = file;

    while (name > path && name[-1] != '/')
        name--;
    int size = snprintf(log, sizeof(log), "%s/%.*s.log", directory != NULL ? directory : ".", (int)(file - name), name);
    if (size < 0 || (size_t)size >= sizeof(log))
        return -1;
    return open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

// A descriptor for the log, to be closed; -1 when `fd` is no store's file.
static int log_of(int fd)
{
    static const char data[] = "/data.mdb";
    char link[64], path[PATH_MAX];

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof(path) - 1);
    if (size < (ssize_t)sizeof(data))
        return -1;
    path[size] = '\0';
    char *file = path + size - (sizeof(data) - 1);
    return strcmp(file, data) == 0 ? open_log(path, file) : -1;
}

// Nothing that follows would be worth anything without the log.
static void must(int log, ssize_t written, size_t size)
{
    if (written == (ssize_t)size)
        return;
    dprintf(STDERR_FILENO, "power_log: cannot write to the log\n");
    close(log);
    abort();
}

static void note(int log, const struct event *event, const struct iovec *data, int count)
{
    struct iovec parts[IOV_MAX_USED + 1] = {{.iov_base = (void *)(uintptr_t)event, .iov_len = sizeof(*event)}};

    if (count > IOV_MAX_USED)
        must(log, -1, 0);
    for (int i = 0; i < count; i++)
        parts[i + 1] = data[i];
    must(log, syscall(SYS_writev, log, parts, count + 1), sizeof(*event) + event->size);
}

static int is_direct(int fd)
{
    return (fcntl(fd, F_GETFL) & O_DSYNC) != 0;
}

static uint64_t size_of(const struct iovec *data, int count)
{
    uint64_t size = 0;

    for (int i = 0; i < count; i++)
        size += data[i].iov_len;
    return size;
}

// The write itself, between its two entries. Short writes would need an entry of their own: LMDB fails on them.
static ssize_t write_logged(int fd, int log, const struct iovec *data, int count, off_t offset)
{
    const struct event begin = {is_direct(fd) ? DIRECT : WRITE, (uint64_t)offset, size_of(data, count)};
    const struct event end = {DIRECT_DONE, 0, 0};

    note(log, &begin, data, count);
    ssize_t size = syscall(SYS_pwritev, fd, data, count, offset, 0L);
    if (size >= 0 && begin.kind == DIRECT)
        note(log, &end, NULL, 0);
    close(log);
    return size;
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    const struct iovec data = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
    int log = log_of(fd);

    if (log < 0)
        return syscall(SYS_pwrite64, fd, bytes, size, offset);
    return write_logged(fd, log, &data, 1, offset);
}

ssize_t writev(int fd, const struct iovec *data, int count)
{
    int log = log_of(fd);

    if (log < 0)
        return syscall(SYS_writev, fd, data, count);
    off_t offset = lseek(fd, 0, SEEK_CUR);
    ssize_t size = write_logged(fd, log, data, count, offset);
    if (size > 0)
        (void)lseek(fd, offset + size, SEEK_SET);
    return size;
}

static int synced(int fd, int result)
{
    const struct event event = {SYNC, 0, 0};
    int log = result == 0 ? log_of(fd) : -1;

    if (log >= 0) {
        note(log, &event, NULL, 0);
        close(log);
    }
    return result;
}

int fdatasync(int fd)
{
    return synced(fd, (int)syscall(SYS_fdatasync, fd));
}

int fsync(int fd)
{
    return synced(fd, (int)syscall(SYS_fsync, fd));
}

// Opens LMDB so that files have known modes and survive a crash of the machine, and opens it again after a fatal error,
// but only if it is still the same file.
#include "store/environment.h"

#include "base/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DIRECTORY_MODE = 0700, FILE_MODE = 0600 };

enum status environment_status(int code)
{
    switch (code) {
    case MDB_SUCCESS:
        return STATUS_OK;
    case MDB_NOTFOUND:
        return STATUS_NOT_FOUND;
    case MDB_MAP_FULL:
    case MDB_TXN_FULL:
    case MDB_READERS_FULL:
    case ENOMEM:
        return STATUS_RESOURCE_EXHAUSTED;
    default:
        return STATUS_UNAVAILABLE;
    }
}

static enum status fail(struct status_failure *failure, const char *path, const char *what, int code)
{
    const enum status status = code == ENOMEM ? STATUS_RESOURCE_EXHAUSTED : STATUS_UNAVAILABLE;
    return status_fail(failure, status, NULL, "%s: %s: %s", path, what, mdb_strerror(code));
}

static int join_path(char out[PATH_MAX], const char *directory, const char *name)
{
    const int size = snprintf(out, PATH_MAX, "%s/%s", directory, name);
    return size < 0 || size >= PATH_MAX ? ENAMETOOLONG : 0;
}

static enum status make_directory(const char *path, struct status_failure *failure)
{
    if (mkdir(path, DIRECTORY_MODE) != 0) {
        const int code = errno;
        return code == EEXIST ? STATUS_OK : fail(failure, path, "the directory cannot be made", code);
    }
    // The umask may have taken bits away.
    if (chmod(path, DIRECTORY_MODE) != 0)
        return fail(failure, path, "the directory's mode cannot be set", errno);
    char parent[PATH_MAX];
    int code = join_path(parent, path, "..");
    if (code == 0)
        code = file_sync_directory(parent);
    return code == 0 ? STATUS_OK : fail(failure, path, "the parent directory cannot be synced", code);
}

// LMDB leaves the files' mode to the umask and does not sync the directory entries of new files.
static enum status prepare_files(const char *path, struct status_failure *failure)
{
    static const char *const names[] = {"data.mdb", "lock.mdb"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char file[PATH_MAX];
        int code = join_path(file, path, names[i]);
        if (code == 0 && chmod(file, FILE_MODE) != 0)
            code = errno;
        if (code != 0)
            return fail(failure, path, "the mode of its files cannot be set", code);
    }
    const int code = file_sync_directory(path);
    return code == 0 ? STATUS_OK : fail(failure, path, "the directory cannot be synced", code);
}

static int set_sizes(MDB_env *env, const struct store_options *options)
{
    int code = mdb_env_set_mapsize(env, options->map_size_bytes + options->reserve_bytes);
    if (code == 0)
        code = mdb_env_set_maxdbs(env, (MDB_dbi)options->table_count);
    if (code == 0)
        code = mdb_env_set_maxreaders(env, options->max_readers);
    return code;
}

static int open_tables(struct environment *environment, const struct store_options *options)
{
    MDB_txn *txn = NULL;
    int code = mdb_txn_begin(environment->env, NULL, 0, &txn);
    if (code != 0)
        return code;
    for (size_t i = 0; i < options->table_count; i++) {
        code = mdb_dbi_open(txn, options->tables[i], MDB_CREATE, &environment->tables[i]);
        if (code != 0) {
            mdb_txn_abort(txn);
            return code;
        }
    }
    environment->table_count = options->table_count;
    return mdb_txn_commit(txn);
}

// Notes the facts that only an open environment knows. LMDB makes the map larger when the file is larger.
static int note_facts(struct environment *environment, size_t reserve_bytes)
{
    MDB_envinfo info;
    struct stat facts;
    int fd = -1;
    int code = mdb_env_info(environment->env, &info);
    if (code == 0)
        code = mdb_env_get_fd(environment->env, &fd);
    if (code != 0)
        return code;
    if (fstat(fd, &facts) != 0)
        return errno;
    environment->map_size_bytes = info.me_mapsize - reserve_bytes;
    environment->device = facts.st_dev;
    environment->inode = facts.st_ino;
    return 0;
}

static enum status open_environment(struct environment *environment, const struct store_options *options,
                                    struct status_failure *failure)
{
    int code = mdb_env_create(&environment->env);
    if (code != 0) {
        environment->env = NULL;
        return fail(failure, options->path, "no memory for the environment", code);
    }
    code = set_sizes(environment->env, options);
    if (code != 0)
        return fail(failure, options->path, "bad map size, table count or number of readers", code);
    code = mdb_env_open(environment->env, options->path, MDB_NOTLS, FILE_MODE);
    if (code != 0)
        return fail(failure, options->path, "data.mdb cannot be opened or mapped", code);
    int dead = 0;
    code = mdb_reader_check(environment->env, &dead);
    if (code != 0)
        return fail(failure, options->path, "the reader table cannot be checked", code);
    code = open_tables(environment, options);
    if (code != 0)
        return fail(failure, options->path, "the tables cannot be opened", code);
    code = note_facts(environment, options->reserve_bytes);
    if (code != 0)
        return fail(failure, options->path, "data.mdb cannot be examined", code);
    return prepare_files(options->path, failure);
}

enum status environment_open(struct environment *environment, const struct store_options *options,
                             struct status_failure *failure)
{
    assert(options->table_count > 0 && options->table_count <= STORE_TABLES_MAX);
    *environment = (struct environment){0};
    enum status status = make_directory(options->path, failure);
    if (status == STATUS_OK)
        status = open_environment(environment, options, failure);
    if (status != STATUS_OK)
        environment_close(environment);
    return status;
}

static enum status check_same_file(const struct environment *environment, const char *path,
                                   struct status_failure *failure)
{
    char file[PATH_MAX];
    struct stat facts;
    int code = join_path(file, path, "data.mdb");
    if (code == 0 && stat(file, &facts) != 0)
        code = errno;
    if (code != 0)
        return fail(failure, path, "data.mdb cannot be examined", code);
    if (facts.st_dev != environment->device || facts.st_ino != environment->inode) {
        return status_fail(failure, STATUS_UNAVAILABLE, NULL, "%s: data.mdb was replaced while it was open: restart",
                           path);
    }
    return STATUS_OK;
}

enum status environment_open_again(struct environment *environment, const struct store_options *options,
                                   struct status_failure *failure)
{
    environment_close(environment);
    enum status status = check_same_file(environment, options->path, failure);
    if (status == STATUS_OK)
        status = open_environment(environment, options, failure);
    if (status != STATUS_OK)
        environment_close(environment);
    return status;
}

void environment_close(struct environment *environment)
{
    if (environment->env != NULL) {
        mdb_env_close(environment->env);
        environment->env = NULL;
    }
}

static uint64_t map_pages_of(MDB_txn *txn, MDB_dbi table, uint64_t *map_page_size_bytes)
{
    MDB_stat stat;
    if (mdb_stat(txn, table, &stat) != 0)
        return 0;
    *map_page_size_bytes = stat.ms_psize;
    return (uint64_t)stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
}

uint64_t environment_used_bytes(const struct environment *environment, MDB_txn *txn)
{
    // Every environment has two meta pages, the table of free map pages (handle 0) and the table of tables (handle 1).
    enum { META_PAGES = 2, FREE_TABLE = 0, MAIN_TABLE = 1 };
    uint64_t map_page_size_bytes = 0;
    uint64_t map_pages = META_PAGES;
    map_pages += map_pages_of(txn, FREE_TABLE, &map_page_size_bytes);
    map_pages += map_pages_of(txn, MAIN_TABLE, &map_page_size_bytes);
    for (size_t i = 0; i < environment->table_count; i++)
        map_pages += map_pages_of(txn, environment->tables[i], &map_page_size_bytes);
    return map_pages * map_page_size_bytes;
}

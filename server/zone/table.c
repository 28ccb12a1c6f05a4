// The zones that a daemon has met, read from tzdata once each and kept.
//
// The problem: a decision must not wait for a file, and the names of zones come from requests. So what was read is kept
// in a table that only grows, up to a bound, and is read without a lock: a slot is empty, or has an entry that stays. A
// name that was good once, and is not any more (a package was removed), is kept as missing, so that no decision looks
// for its file again; a name that only somebody asked for is not kept.
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "zone/file.h"

enum { SLOTS = 2 * ZONE_KEPT_MAX };

struct entry {
    const struct zone *_Atomic zone; // NULL: missing
    char name[ZONE_NAME_MAX + 1];
};

struct zone_table {
    char directory[PATH_MAX];
    const struct log *log;
    pthread_mutex_t lock; // of those who read files and fill slots
    size_t count;
    struct entry *_Atomic slots[SLOTS];
};

static const char *default_directory(void)
{
    const char *directory = getenv("TZDIR");
    return directory != NULL && directory[0] == '/' ? directory : "/usr/share/zoneinfo";
}

struct zone_table *zone_table_new(const char *directory, const struct log *log)
{
    struct zone_table *table = calloc(1, sizeof *table);
    if (table == NULL)
        return NULL;
    if (directory == NULL)
        directory = default_directory();
    (void)snprintf(table->directory, sizeof table->directory, "%s", directory);
    table->log = log;
    pthread_mutex_init(&table->lock, NULL); // cannot fail with default attributes
    return table;
}

void zone_table_free(struct zone_table *table)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i < SLOTS; i++) {
        struct entry *entry = table->slots[i];
        if (entry != NULL)
            zone_free((struct zone *)(uintptr_t)entry->zone); // it is ours
        free(entry);
    }
    pthread_mutex_destroy(&table->lock);
    free(table);
}

// --- slots

// Returns the slot of a name: its entry's, or the empty one where that would be. There is always an empty one.
static size_t find_slot(struct zone_table *table, struct slice name, struct entry **entry)
{
    size_t at = (size_t)(slice_hash(name, SLICE_HASH_SEED) >> 32) % SLOTS;
    for (;; at = (at + 1) % SLOTS) {
        *entry = atomic_load_explicit(&table->slots[at], memory_order_acquire);
        if (*entry == NULL || slice_equal(slice_text((*entry)->name), name))
            return at;
    }
}

// Keeps a zone, or that it is missing. False when there is no room.
static bool keep(struct zone_table *table, struct slice name, struct zone *zone)
{
    struct entry *entry;
    size_t at = find_slot(table, name, &entry);
    if (entry != NULL) {
        atomic_store_explicit(&entry->zone, zone, memory_order_release);
        return true;
    }
    entry = table->count < ZONE_KEPT_MAX ? calloc(1, sizeof *entry) : NULL;
    if (entry == NULL)
        return false;
    memcpy(entry->name, name.data, name.size);
    entry->zone = zone;
    table->count++;
    atomic_store_explicit(&table->slots[at], entry, memory_order_release);
    return true;
}

// --- files

// Returns the file's size; 0 when it cannot be read. What is no file is not waited for.
static size_t read_file(const struct zone_table *table, struct slice name, uint8_t *out)
{
    char path[PATH_MAX + ZONE_NAME_MAX + 2];
    struct stat about;
    (void)snprintf(path, sizeof path, "%s/%.*s", table->directory, SLICE_ARGS(name));
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return 0;
    bool is_file = fstat(fd, &about) == 0 && S_ISREG(about.st_mode) && about.st_size <= ZONE_FILE_MAX;
    ssize_t size = is_file ? file_read_all(fd, out, ZONE_FILE_MAX) : 0;
    (void)close(fd);
    return size > 0 ? (size_t)size : 0;
}

static enum status read_zone(const struct zone_table *table, struct slice name, struct zone **out)
{
    *out = NULL;
    if (!zone_name_is_valid(name))
        return STATUS_NOT_FOUND;
    uint8_t *bytes = malloc(ZONE_FILE_MAX);
    if (bytes == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    size_t size = read_file(table, name, bytes);
    enum status status = size > 0 ? zone_parse(name, slice_make(bytes, size), out) : STATUS_NOT_FOUND;
    free(bytes);
    return status;
}

// Takes two digits.
static bool take_two(struct slice digits, int32_t *out)
{
    uint64_t number;
    if (!text_take_number(&digits, &number) || digits.size > 0)
        return false;
    *out = (int32_t)number;
    return true;
}

// Reads "+02:00"; NULL when it is something else, or memory is out.
static struct zone *read_offset(struct slice name)
{
    int32_t hours, minutes;
    if (name.size != 6 || (name.data[0] != '+' && name.data[0] != '-') || name.data[3] != ':')
        return NULL;
    if (!take_two(slice_make(name.data + 1, 2), &hours) || !take_two(slice_make(name.data + 4, 2), &minutes))
        return NULL;
    int32_t offset_s = hours * 3600 + minutes * 60;
    if (offset_s > ZONE_OFFSET_MAX_S - 3600)
        return NULL;
    struct zone *zone = zone_new_fixed(name.data[0] == '-' ? -offset_s : offset_s);
    if (zone == NULL || slice_equal(slice_text(zone->name), name))
        return zone;
    zone_free(zone);
    return NULL;
}

// --- finding

// One more look, with the lock: somebody else may have been faster.
static const struct zone *find_kept(struct zone_table *table, struct slice name, bool *known)
{
    struct entry *entry;
    (void)find_slot(table, name, &entry);
    *known = entry != NULL;
    return entry != NULL ? atomic_load_explicit(&entry->zone, memory_order_acquire) : NULL;
}

static enum status load_locked(struct zone_table *table, struct slice name, const struct zone **out)
{
    bool known;
    struct zone *zone = NULL;
    *out = find_kept(table, name, &known);
    if (*out != NULL)
        return STATUS_OK;
    enum status status = read_zone(table, name, &zone);
    if (status == STATUS_OK && !keep(table, name, zone)) {
        zone_free(zone);
        return STATUS_RESOURCE_EXHAUSTED;
    }
    *out = zone;
    return status;
}

enum status zone_load(struct zone_table *table, struct slice name, const struct zone **out,
                      struct status_failure *failure)
{
    pthread_mutex_lock(&table->lock);
    enum status status = load_locked(table, name, out);
    pthread_mutex_unlock(&table->lock);
    if (status == STATUS_OK)
        return STATUS_OK;
    if (status == STATUS_RESOURCE_EXHAUSTED)
        return status_fail(failure, status, NULL, "no memory for another time zone: use one that others use");
    return status_fail(failure, STATUS_INVALID_ARGUMENT, NULL,
                       "there is no time zone of that name: write one of the files below %.120s, e.g. Europe/Berlin "
                       "(package tzdata)",
                       table->directory);
}

static void find_locked(struct zone_table *table, struct slice name, const struct zone **out)
{
    bool known;
    struct zone *zone;
    *out = find_kept(table, name, &known);
    if (known)
        return;
    zone = read_offset(name);
    if (zone == NULL && read_zone(table, name, &zone) != STATUS_OK)
        log_line(table->log, LOG_LEVEL_ERROR,
                 "the time zone %.*s is not in %s any more: limits go by the installation's until posternd is started "
                 "again with it",
                 SLICE_ARGS(name), table->directory);
    *out = zone;
    if (keep(table, name, zone))
        return;
    zone_free(zone);
    *out = NULL;
}

bool zone_find(struct zone_table *table, struct slice name, const struct zone **out)
{
    bool known;
    *out = NULL;
    if (slice_equal(name, slice_text(ZONE_UTC)))
        return true;
    if (name.size > ZONE_NAME_MAX)
        return false;
    *out = find_kept(table, name, &known);
    if (!known) {
        pthread_mutex_lock(&table->lock);
        find_locked(table, name, out);
        pthread_mutex_unlock(&table->lock);
    }
    return *out != NULL;
}

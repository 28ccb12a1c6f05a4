// Reads owners and permissions, and compares them with what docs/operations.md says they should be.
#include "doctor/place.h"

#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

// Of free disk: below the first a burst of changes may not fit; on a large disk some percent are much.
#define BYTES_LEAST  (UINT64_C(256) << 20)
#define BYTES_PLENTY (UINT64_C(10) << 30)
enum { PERCENT_LEAST = 5 };

static const char *user_name(struct cli *cli, uid_t uid)
{
    const struct passwd *user = getpwuid(uid);
    return user != NULL ? cli_format(cli, "%s", user->pw_name) : cli_format(cli, "uid %ld", (long)uid);
}

static const char *group_name(struct cli *cli, gid_t gid)
{
    const struct group *group = getgrgid(gid);
    return group != NULL ? cli_format(cli, "%s", group->gr_name) : cli_format(cli, "gid %ld", (long)gid);
}

static unsigned mode_of(const struct stat *status)
{
    return (unsigned)status->st_mode & 07777;
}

// Returns what of `status` may not be looked at here, or is not there, after saying so.
static bool look_at(struct report *report, const char *check, const char *path, struct stat *status)
{
    if (stat(path, status) == 0)
        return true;
    bool is_hidden = errno == EACCES;
    report_add(report, is_hidden ? REPORT_NOTE : REPORT_WRONG, check,
               is_hidden ? "run it as root, or as posternd's user, to have this looked at" : NULL, "%s: %s", path,
               strerror(errno));
    return false;
}

// ------------------------------------------------------------------------------------------------------------ socket

// Whoever may write to a directory may put another socket there, which would be given the tokens.
static bool check_directory(struct report *report, const char *path)
{
    struct cli *cli = report->cli;
    char *copy = cli_keep(cli, strlen(path) + 1, 1);
    struct stat status;
    memcpy(copy, path, strlen(path));
    const char *directory = dirname(copy);
    if (!look_at(report, "socket", directory, &status))
        return false;
    bool is_sticky = (status.st_mode & S_ISVTX) != 0;
    if (!is_sticky && (status.st_mode & S_IWOTH) != 0)
        report_add(report, REPORT_WRONG, "socket", cli_format(cli, "chmod 0750 %s", directory),
                   "everybody may write to %s (%04o), and put another socket in the place of posternd's", directory,
                   mode_of(&status));
    return (status.st_mode & S_IXOTH) != 0;
}

void place_check_socket(struct report *report, const char *path)
{
    struct cli *cli = report->cli;
    struct stat status;
    if (!look_at(report, "socket", path, &status))
        return;
    bool others_come_near = check_directory(report, path), others_may = (status.st_mode & S_IWOTH) != 0;
    const char *owner = user_name(cli, status.st_uid), *group = group_name(cli, status.st_gid);
    if (!S_ISSOCK(status.st_mode))
        report_add(report, REPORT_WRONG, "socket", "set POSTERN_URL to the one of posternd's --listen",
                   "%s is no socket", path);
    else if (others_may && others_come_near)
        report_add(report, REPORT_NOTE, "socket",
                   "if only some should, start posternd with --socket-mode 0660 --socket-group NAME",
                   "%s: every user of this machine may open it (%04o)", path, mode_of(&status));
    else
        report_add(report, REPORT_OK, "socket", NULL, "%s: user %s and group %s may open it (%04o)", path, owner, group,
                   mode_of(&status));
}

// ------------------------------------------------------------------------------------------------------------- files

// Checks what nobody but its owner may read.
static void check_private(struct report *report, const char *check, const char *path, uid_t owner)
{
    struct cli *cli = report->cli;
    struct stat status;
    if (!look_at(report, check, path, &status))
        return;
    bool is_directory = S_ISDIR(status.st_mode);
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        report_add(report, REPORT_WRONG, check, cli_format(cli, "chmod %s %s", is_directory ? "0700" : "0600", path),
                   "others than %s may open %s (%04o)", user_name(cli, status.st_uid), path, mode_of(&status));
    else if (status.st_uid != owner)
        report_add(report, REPORT_WRONG, check, cli_format(cli, "chown %s %s", user_name(cli, owner), path),
                   "%s belongs to %s, and the data directory to %s", path, user_name(cli, status.st_uid),
                   user_name(cli, owner));
    else
        report_add(report, REPORT_OK, check, NULL, "%s: only %s may open it (%04o)", path,
                   user_name(cli, status.st_uid), mode_of(&status));
}

static void check_config(struct report *report, const char *path)
{
    struct cli *cli = report->cli;
    struct stat status;
    if (!look_at(report, "config", path, &status))
        return;
    if ((status.st_mode & S_IWOTH) != 0)
        report_add(report, REPORT_WRONG, "config", cli_format(cli, "chmod o-w %s", path),
                   "everybody may change %s (%04o), and so who is an operator", path, mode_of(&status));
    else
        report_add(report, REPORT_OK, "config", NULL, "%s: user %s%s%s may change it (%04o)", path,
                   user_name(cli, status.st_uid), (status.st_mode & S_IWGRP) != 0 ? " and group " : "",
                   (status.st_mode & S_IWGRP) != 0 ? group_name(cli, status.st_gid) : "", mode_of(&status));
}

static void check_disk(struct report *report, const char *path)
{
    struct statvfs disk;
    if (statvfs(path, &disk) != 0) {
        report_add(report, REPORT_NOTE, "disk", NULL, "%s: %s", path, strerror(errno));
        return;
    }
    uint64_t free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize, all_bytes = (uint64_t)disk.f_blocks * disk.f_frsize;
    uint64_t percent = all_bytes > 0 ? free_bytes / (all_bytes / 100 + 1) : 0;
    bool has_files = disk.f_files == 0 || disk.f_favail > disk.f_files / 100;
    bool is_low = free_bytes < BYTES_LEAST || (free_bytes < BYTES_PLENTY && percent < PERCENT_LEAST) || !has_files;
    report_add(report, is_low ? REPORT_WRONG : REPORT_OK, "disk",
               is_low ? "free space: changes fail when the disk is full, and decisions where they have to write" : NULL,
               "%llu MiB are free (%llu %%)%s where %s is", (unsigned long long)(free_bytes >> 20),
               (unsigned long long)percent, has_files ? "" : ", and hardly any file can be made,", path);
}

void place_check_files(struct report *report, const struct process_files *files)
{
    struct cli *cli = report->cli;
    struct stat data;
    if (files->config != NULL)
        check_config(report, files->config);
    if (files->data == NULL) {
        report_add(report, REPORT_NOTE, "data", "name it: postern doctor --data DIR",
                   "the data directory is not known here");
        return;
    }
    if (!look_at(report, "data", files->data, &data))
        return;
    check_private(report, "data", files->data, data.st_uid);
    check_private(report, "keyring",
                  files->secrets != NULL ? files->secrets : cli_format(cli, "%s/secrets/keyring", files->data),
                  data.st_uid);
    check_disk(report, files->data);
}

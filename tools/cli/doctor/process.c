// Asks the socket for the process behind it and reads its command line, then its configuration file: that is a flat
// mapping, of which only plain lines "name: value" are understood here. Only absolute paths count: others are relative
// to where posternd was started.
#include "doctor/process.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { SETTINGS = 4 };

struct setting {
    const char *name; // as in the file; a flag has '-' for '_'
    const char **path;
};

// Returns the process that listens at the socket; 0: there is none.
static pid_t find_process(const char *socket_path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct ucred peer = {0};
    socklen_t size = sizeof peer;
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_path);
    if (descriptor < 0)
        return 0;
    bool is_found = connect(descriptor, (const struct sockaddr *)&address, sizeof address) == 0 &&
                    getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
    close(descriptor);
    return is_found ? peer.pid : 0;
}

static void set_path(struct cli *cli, const struct setting *setting, const char *value)
{
    if (*setting->path == NULL && value[0] == '/')
        *setting->path = cli_format(cli, "%s", value);
}

// Is the word the flag of this setting? Returns what follows its name: "" or "=VALUE"; NULL: it is another one.
static const char *match_flag(const char *word, const char *name)
{
    if (strncmp(word, "--", 2) != 0)
        return NULL;
    for (word += 2; *name != '\0'; word++, name++)
        if (*word != (*name == '_' ? '-' : *name))
            return NULL;
    return *word == '\0' || *word == '=' ? word : NULL;
}

static void read_flag(struct cli *cli, const struct setting *settings, const char *word, const char *next)
{
    for (size_t i = 0; i < SETTINGS; i++) {
        const char *rest = match_flag(word, settings[i].name);
        if (rest != NULL)
            set_path(cli, &settings[i], rest[0] == '=' ? rest + 1 : next);
    }
}

static void read_command_line(struct cli *cli, pid_t pid, const struct setting *settings)
{
    char *word = NULL, *next = NULL;
    size_t word_room = 0, next_room = 0;
    FILE *file = fopen(cli_format(cli, "/proc/%ld/cmdline", (long)pid), "re");
    if (file == NULL)
        return;
    bool has_word = getdelim(&word, &word_room, '\0', file) > 0;
    while (has_word) {
        has_word = getdelim(&next, &next_room, '\0', file) > 0;
        read_flag(cli, settings, word, has_word ? next : "");
        char *swap = word;
        size_t room = word_room;
        word = next, word_room = next_room, next = swap, next_room = room;
    }
    free(word);
    free(next);
    fclose(file);
}

static void read_line(struct cli *cli, const struct setting *settings, char *line)
{
    char *value = strstr(line, ": ");
    if (value == NULL)
        return;
    *value = '\0';
    value += 2 + strspn(value + 2, " \"'");
    value[strcspn(value, " \"'#\r\n")] = '\0';
    for (size_t i = 0; i < SETTINGS; i++)
        if (strcmp(line, settings[i].name) == 0)
            set_path(cli, &settings[i], value);
}

static void read_config(struct cli *cli, const char *path, const struct setting *settings)
{
    char *line = NULL;
    size_t room = 0;
    FILE *file = fopen(path, "re");
    while (file != NULL && getline(&line, &room, file) > 0)
        read_line(cli, settings, line);
    free(line);
    if (file != NULL)
        fclose(file);
}

void process_find_files(struct cli *cli, const char *socket_path, struct process_files *files)
{
    const struct setting settings[SETTINGS] = {{"data", &files->data},
                                               {"secrets", &files->secrets},
                                               {"config", &files->config},
                                               {"tls_certificate", &files->tls_certificate}};
    pid_t pid = socket_path != NULL ? find_process(socket_path) : 0;
    if (pid > 0)
        read_command_line(cli, pid, settings);
    if (files->config != NULL)
        read_config(cli, files->config, settings);
}

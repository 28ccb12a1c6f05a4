// Asks what the terminal can show, and waits for a key, a signal or the time at once: signals come by a descriptor, so
// that one poll sees all three.
#include "terminal.h"

#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

bool terminal_is_live(void)
{
    const char *kind = getenv("TERM");
    return isatty(STDOUT_FILENO) == 1 && kind != NULL && kind[0] != '\0' && strcmp(kind, "dumb") != 0;
}

bool terminal_has_colours(void)
{
    const char *refused = getenv("NO_COLOR");
    return terminal_is_live() && (refused == NULL || refused[0] == '\0');
}

const char *terminal_state_colour(const char *state)
{
    static const char green[] = "\033[32m", yellow[] = "\033[33m", red[] = "\033[31m";
    static const struct {
        const char *state, *colour;
    } rows[] = {{"active", green},     {"rolling", yellow}, {"pending", yellow}, {"disabled", yellow},
                {"suspended", yellow}, {"expired", red},    {"revoked", red}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i].state, state) == 0)
            return rows[i].colour;
    return "";
}

bool terminal_is_utf8(void)
{
    locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    if (locale == (locale_t)0)
        return false; // one that is not installed
    bool is_utf8 = strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;
    freelocale(locale);
    return is_utf8;
}

uint64_t terminal_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void turn_on_single_keys(struct terminal_watch *watch)
{
    struct termios now = watch->before;
    now.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    now.c_cc[VMIN] = 1;
    now.c_cc[VTIME] = 0;
    watch->has_keys = tcsetattr(STDIN_FILENO, TCSANOW, &now) == 0;
}

bool terminal_watch_begin(struct terminal_watch *watch, bool keys)
{
    static const int awaited[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGCONT};
    sigset_t set;
    *watch = (struct terminal_watch){.signals = -1};
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof awaited / sizeof awaited[0]; i++)
        sigaddset(&set, awaited[i]);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return false;
    watch->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (keys && tcgetattr(STDIN_FILENO, &watch->before) == 0)
        turn_on_single_keys(watch);
    return watch->signals >= 0;
}

static enum terminal_event read_signal(struct terminal_watch *watch)
{
    struct signalfd_siginfo info;
    if (read(watch->signals, &info, sizeof info) != (ssize_t)sizeof info)
        return TERMINAL_TIME;
    if (info.ssi_signo == SIGCONT && watch->has_keys) // the shell has set the terminal meanwhile
        turn_on_single_keys(watch);
    return info.ssi_signo == SIGWINCH || info.ssi_signo == SIGCONT ? TERMINAL_REDRAW : TERMINAL_QUIT;
}

// A terminal that is gone is one without keys.
static enum terminal_event read_key(struct terminal_watch *watch, char *key)
{
    watch->has_keys = read(STDIN_FILENO, key, 1) == 1;
    if (!watch->has_keys)
        return TERMINAL_QUIT;
    return *key == 'q' || *key == 'Q' ? TERMINAL_QUIT : TERMINAL_KEY;
}

enum terminal_event terminal_watch_wait(struct terminal_watch *watch, int timeout_ms, char *key)
{
    struct pollfd sources[] = {{.fd = watch->signals, .events = POLLIN},
                               {.fd = watch->has_keys ? STDIN_FILENO : -1, .events = POLLIN}};
    *key = '\0';
    if (poll(sources, 2, timeout_ms) <= 0)
        return TERMINAL_TIME;
    return sources[0].revents != 0 ? read_signal(watch) : read_key(watch, key);
}

void terminal_watch_end(struct terminal_watch *watch)
{
    if (watch->has_keys)
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &watch->before);
    if (watch->signals >= 0)
        close(watch->signals);
}

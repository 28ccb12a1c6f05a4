#include "terminal.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { COLUMNS_MIN = 20, COLUMNS_DEFAULT = 80, LINES_MIN = 5, LINES_DEFAULT = 24, SIZE_MAX_SANE = 1000 };

static size_t from_environment(const char *name)
{
    const char *text = getenv(name);
    unsigned long value = text != NULL ? strtoul(text, NULL, 10) : 0;
    return value <= SIZE_MAX_SANE ? (size_t)value : SIZE_MAX_SANE;
}

static size_t choose(size_t said, size_t asked, size_t otherwise, size_t least)
{
    size_t value = said > 0 ? said : asked > 0 ? asked : otherwise;
    return value > least ? value : least;
}

struct terminal_size terminal_size(void)
{
    struct winsize size = {0};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
        memset(&size, 0, sizeof size);
    return (struct terminal_size){.columns =
                                      choose(from_environment("COLUMNS"), size.ws_col, COLUMNS_DEFAULT, COLUMNS_MIN),
                                  .lines = choose(from_environment("LINES"), size.ws_row, LINES_DEFAULT, LINES_MIN)};
}

bool terminal_is_live(void)
{
    const char *term = getenv("TERM");
    return isatty(STDOUT_FILENO) == 1 && term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0;
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

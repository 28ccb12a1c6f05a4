// What standard output can show, and what people do at the terminal.
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <termios.h>

// Does it understand control sequences?
bool terminal_is_live(void);
// Does it show colours, and does nobody ask for none by NO_COLOR (no-color.org)?
bool terminal_has_colours(void);
// Returns the sequence that begins the colour of a state ("active", "revoked"); "" when it has none.
const char *terminal_state_colour(const char *state);
#define TERMINAL_COLOUR_END "\033[0m"
// Does the locale (LC_ALL, LC_CTYPE, LANG) write UTF-8?
bool terminal_is_utf8(void);

// Returns milliseconds since some moment, by a clock that nobody sets: for when to show something again.
uint64_t terminal_clock_ms(void);

// --- watching: a command that goes on until it is told to stop

struct terminal_watch {
    int signals;   // descriptor
    bool has_keys; // standard input is a terminal, and gives single keys
    struct termios before;
};

enum terminal_event { TERMINAL_TIME, TERMINAL_QUIT, TERMINAL_REDRAW, TERMINAL_KEY };

// Begins to watch: SIGINT, SIGTERM, SIGHUP and changes of the terminal's size come as events from now on, with `keys`
// the keyboard too. Call it before any thread is started.
// Errors: false when the system refuses; errno says why.
bool terminal_watch_begin(struct terminal_watch *watch, bool keys);
// Waits for an event, at most timeout_ms. With TERMINAL_KEY *key is the key that was pressed; q gives TERMINAL_QUIT.
enum terminal_event terminal_watch_wait(struct terminal_watch *watch, int timeout_ms, char *key);
// Restores the terminal.
void terminal_watch_end(struct terminal_watch *watch);

#endif

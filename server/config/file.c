#include "config/setting.h"

#include <confuse.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_SIZE_MAX = 1 << 20 };

// libconfuse calls this for every value as it is read, so that an error has its line. The callback has no context:
// the value goes into a scratch copy here and is set for good once the whole file is known to be right.
static int check_value(cfg_t *cfg, cfg_opt_t *opt)
{
    const struct setting *setting = setting_find(cfg_opt_name(opt));
    unsigned count = cfg_opt_size(opt);
    const char *text = count > 0 ? cfg_opt_getnstr(opt, count - 1) : NULL;
    struct config scratch = {0};
    struct status_note note = {0};
    if (setting == NULL || text == NULL || setting->set(&scratch, text, &note) == STATUS_OK)
        return 0;
    cfg_error(cfg, "%s: %s", setting->name, note.message);
    return -1;
}

static void print_error(cfg_t *cfg, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));

static void print_error(cfg_t *cfg, const char *format, va_list arguments)
{
    char message[512];
    if (vsnprintf(message, sizeof message, format, arguments) < 0)
        return;
    fprintf(stderr, "posternd: %s:%d: %s\n", cfg->filename != NULL ? cfg->filename : "configuration", cfg->line,
            message);
}

static bool apply(cfg_t *cfg, const bool skip[SETTING_COUNT], const char *path, struct config *config)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const struct setting *setting = &setting_table[i];
        unsigned count = skip[i] ? 0 : cfg_size(cfg, setting->name);
        for (unsigned n = 0; n < count; n++) {
            const char *text = cfg_getnstr(cfg, setting->name, n);
            struct status_note note = {0};
            if (text != NULL && setting->set(config, text, &note) != STATUS_OK) {
                fprintf(stderr, "posternd: %s: %s: %s\n", path, setting->name, note.message);
                return false;
            }
        }
    }
    return true;
}

// The whole file; `text` has FILE_SIZE_MAX bytes. An error is printed.
static bool read_text(const char *path, char *text, size_t *size)
{
    FILE *file = fopen(path, "re");
    errno = file != NULL ? 0 : errno;
    *size = file != NULL ? fread(text, 1, FILE_SIZE_MAX, file) : 0;
    bool ok = file != NULL && ferror(file) == 0 && *size < FILE_SIZE_MAX;
    if (!ok)
        fprintf(stderr, "posternd: cannot read the configuration %s: %s\n", path,
                errno != 0 ? strerror(errno) : "it is too large to be one");
    if (file != NULL)
        (void)fclose(file); // read only
    return ok;
}

static bool parse_text(cfg_t *cfg, const char *path, char *text, size_t size)
{
    setting_blank_comments(text, size);
    FILE *file = size > 0 ? fmemopen(text, size, "r") : NULL;
    cfg->filename = strdup(path); // for print_error; cfg_free frees it
    bool ok = size == 0 || (file != NULL && cfg->filename != NULL && cfg_parse_fp(cfg, file) == CFG_SUCCESS);
    if (file != NULL)
        (void)fclose(file); // in memory
    return ok;
}

static bool parse(cfg_t *cfg, const char *path)
{
    size_t size = 0;
    char *text = malloc(FILE_SIZE_MAX);
    if (text == NULL)
        fprintf(stderr, "posternd: %s: out of memory\n", path);
    bool ok = text != NULL && read_text(path, text, &size) && parse_text(cfg, path, text, size);
    free(text);
    return ok;
}

bool setting_read_file(const char *path, const bool skip[SETTING_COUNT], struct config *config)
{
    cfg_opt_t options[SETTING_COUNT + 1];
    memset(options, 0, sizeof options);
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        cfg_opt_t one = CFG_STR(setting_table[i].name, NULL, CFGF_NONE);
        cfg_opt_t many = CFG_STR_LIST(setting_table[i].name, NULL, CFGF_NONE);
        options[i] = setting_table[i].list ? many : one;
    }
    cfg_opt_t end = CFG_END();
    options[SETTING_COUNT] = end;
    cfg_t *cfg = cfg_init(options, CFGF_NONE);
    if (cfg == NULL) {
        fprintf(stderr, "posternd: %s: out of memory\n", path);
        return false;
    }
    cfg_set_error_function(cfg, print_error);
    for (size_t i = 0; i < SETTING_COUNT; i++)
        cfg_set_validate_func(cfg, setting_table[i].name, check_value);
    bool ok = parse(cfg, path) && apply(cfg, skip, path, config);
    cfg_free(cfg);
    return ok;
}

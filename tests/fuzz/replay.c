// Hands every file of the directories in its arguments to the harness, and each file's beginnings too: what a libFuzzer
// build explores for long, every test run looks at for a moment.
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INPUT_MAX = 1024 * 1024, CUTS_MAX = 512 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// In memory of exactly its size, so that the sanitizer sees a read beyond it.
static void run_one(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size > 0 ? size : 1);
    if (exact == NULL)
        abort();
    memcpy(exact, data, size);
    (void)LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

static void replay_file(const char *path)
{
    static uint8_t content[INPUT_MAX];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    size_t size = fread(content, 1, sizeof content, file);
    fclose(file);
    for (size_t cut = 0; cut < size && cut < CUTS_MAX; cut++)
        run_one(content, cut);
    run_one(content, size);
}

static size_t replay_directory(const char *name)
{
    size_t count = 0;
    DIR *directory = opendir(name);
    if (directory == NULL) {
        perror(name);
        exit(EXIT_FAILURE);
    }
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char path[4096];
        if (entry->d_name[0] == '.' || snprintf(path, sizeof path, "%s/%s", name, entry->d_name) >= (int)sizeof path)
            continue;
        replay_file(path);
        count++;
    }
    closedir(directory);
    return count;
}

int main(int argc, char *argv[])
{
    size_t count = 0;
    for (int i = 1; i < argc; i++)
        count += replay_directory(argv[i]);
    printf("%zu inputs\n", count);
    return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

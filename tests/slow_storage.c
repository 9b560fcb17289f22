/* Loaded before the C library: whatever is done to a file under SLOW_FOLDER takes longer, by the milliseconds in the
 * file that SLOW_STORAGE names; one that says "stuck" makes it wait until it says something else. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static long milliseconds(void)
{
    const char *name = getenv("SLOW_STORAGE");
    char text[16] = "";
    FILE *file = name ? fopen(name, "r") : NULL;
    if (file) {
        if (!fgets(text, sizeof text, file))
            text[0] = 0;
        fclose(file);
    }
    return strncmp(text, "stuck", 5) ? atol(text) : -1;
}

static void pass(long wait)
{
    struct timespec moment = {wait / 1000, wait % 1000 * 1000000};
    nanosleep(&moment, NULL);
}

static void wait_for_storage(void)
{
    long wait;
    while ((wait = milliseconds()) < 0)
        pass(50);
    pass(wait);
}

static int is_slow(const char *path)
{
    const char *folder = getenv("SLOW_FOLDER");
    return folder && path && strncmp(path, folder, strlen(folder)) == 0;
}

static int slow_path(const char *path)
{
    if (is_slow(path))
        wait_for_storage();
    return 0;
}

static int slow_file(int file)
{
    char link[32], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length > 0) {
        path[length] = 0;
        slow_path(path);
    }
    return 0;
}

#define TRUE_ONE(name) \
    static __typeof__(&name) true_one; \
    if (!true_one) \
        true_one = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define OPENS(name) \
    int name(const char *path, int flags, ...) \
    { \
        TRUE_ONE(name); \
        va_list more; \
        va_start(more, flags); \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; \
        va_end(more); \
        slow_path(path); \
        return true_one(path, flags, mode); \
    }

OPENS(open)
OPENS(open64)

ssize_t read(int file, void *data, size_t count)
{
    TRUE_ONE(read);
    slow_file(file);
    return true_one(file, data, count);
}

ssize_t write(int file, const void *data, size_t count)
{
    TRUE_ONE(write);
    slow_file(file);
    return true_one(file, data, count);
}

int fsync(int file)
{
    TRUE_ONE(fsync);
    slow_file(file);
    return true_one(file);
}

int rename(const char *before, const char *after)
{
    TRUE_ONE(rename);
    slow_path(after);
    return true_one(before, after);
}

int unlink(const char *path)
{
    TRUE_ONE(unlink);
    slow_path(path);
    return true_one(path);
}

/* Loaded before the C library: the time of day is off by the number of seconds in the file that JUMPING_CLOCK names. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static long off(void)
{
    const char *name = getenv("JUMPING_CLOCK");
    FILE *file = name ? fopen(name, "r") : NULL;
    long seconds = 0;
    if (file) {
        if (fscanf(file, "%ld", &seconds) != 1)
            seconds = 0;
        fclose(file);
    }
    return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *found)
{
    static int (*true_one)(clockid_t, struct timespec *);
    if (!true_one)
        true_one = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int code = true_one(clock, found);
    if (code == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        found->tv_sec += off();
    return code;
}

int gettimeofday(struct timeval *restrict found, void *restrict zone)
{
    struct timespec moment;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &moment);
    found->tv_sec = moment.tv_sec;
    found->tv_usec = moment.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *found)
{
    struct timespec moment;
    clock_gettime(CLOCK_REALTIME, &moment);
    if (found)
        *found = moment.tv_sec;
    return moment.tv_sec;
}

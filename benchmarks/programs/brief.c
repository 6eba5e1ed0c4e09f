/* brief RATE MILLISECONDS SECONDS: starts RATE processes a second, each of which uses so many milliseconds of CPU time
 * and ends, for so many seconds. Prints how many there were, and the CPU time of all
 * of them and of this program itself in nanoseconds (getrusage). */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now(clockid_t clock) {
    struct timespec at;
    clock_gettime(clock, &at);
    return at.tv_sec * 1000000000LL + at.tv_nsec;
}

static long long used(int who) {
    struct rusage usage;
    getrusage(who, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000LL +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000LL;
}

int main(int argc, char **argv) {
    if (argc != 4)
        return 2;
    long long every = 1000000000LL / atoi(argv[1]), work = atoll(argv[2]) * 1000000LL;
    long long next = now(CLOCK_MONOTONIC), end = next + atoll(argv[3]) * 1000000000LL;
    long count = 0;
    for (; next < end; next += every, count++) {
        struct timespec until = {next / 1000000000LL, next % 1000000000LL};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
        pid_t child = fork();
        if (child < 0) {
            perror("fork");
            return 1;
        }
        if (child == 0) {
            while (now(CLOCK_PROCESS_CPUTIME_ID) < work)
                ;
            _exit(0);
        }
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
    }
    while (wait(NULL) > 0)
        ;
    printf("%ld %lld\n", count, used(RUSAGE_CHILDREN) + used(RUSAGE_SELF));
    return 0;
}

/* spin COUNT ROUNDS NAPS: forks COUNT children one after another, each of which works ROUNDS times without reading a
 * clock (which would bring the kernel's count up to date), sleeping NAPS times in between. Prints of each its id and
 * the CPU time that wait4 tells of it in nanoseconds. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void work(long rounds) {
    for (volatile long i = 0; i < rounds; i++)
        ;
}

int main(int argc, char **argv) {
    if (argc != 4)
        return 2;
    long rounds = atol(argv[2]), naps = atol(argv[3]);
    for (int count = atoi(argv[1]); count > 0; count--) {
        pid_t pid = fork();
        if (pid == 0) {
            for (long part = 0; part <= naps; part++) {
                struct timespec nap = {0, 700000};
                if (part)
                    nanosleep(&nap, NULL);
                work(rounds / (naps + 1));
            }
            _exit(0);
        }
        struct rusage usage;
        if (pid < 0 || wait4(pid, NULL, 0, &usage) != pid)
            return 1;
        printf("%d %lld\n", pid,
               (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000LL +
                   (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000LL);
    }
    return 0;
}

/* churn all|waited: does what makes CPU time hard to account for, and says how much it used.
 *
 * Waits for a line on standard input, works, prints the CPU time it and all its descendants used in nanoseconds
 * (getrusage; those nobody of ours waits for, left out by "waited", add their own clocks to shared memory), and waits for
 * another line. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ORPHANS = 30, DAEMONS = 10 };

static long long *unwaited; /* CPU time of those nobody of ours waits for, and how many have ended */

static long long now(clockid_t clock) {
    struct timespec at;
    clock_gettime(clock, &at);
    return at.tv_sec * 1000000000LL + at.tv_nsec;
}

static void burn(long milliseconds) {
    long long end = now(CLOCK_THREAD_CPUTIME_ID) + milliseconds * 1000000LL;
    while (now(CLOCK_THREAD_CPUTIME_ID) < end)
        ;
}

static void rest(long milliseconds) {
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    nanosleep(&time, NULL);
}

static long long used(int who) {
    struct rusage usage;
    getrusage(who, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000LL +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000LL;
}

static pid_t child(void) {
    pid_t pid = fork();
    if (pid < 0) {
        perror("fork");
        exit(1);
    }
    return pid;
}

static void storm(int count, long milliseconds) { /* brief children, a few at a time */
    for (int i = 0; i < count; i++) {
        if (child() == 0) {
            burn(milliseconds);
            _exit(0);
        }
        if (i % 4 == 3)
            while (waitpid(-1, NULL, 0) > 0)
                ;
    }
    while (waitpid(-1, NULL, 0) > 0)
        ;
}

static void *worker(void *milliseconds) {
    burn((long)milliseconds);
    return NULL;
}

static void threads(void) { /* some end long before the process does, as does its first thread's work */
    pthread_t ids[8];
    for (long i = 0; i < 8; i++)
        pthread_create(&ids[i], NULL, worker, (void *)(15 * (i + 1)));
    for (int i = 0; i < 8; i++)
        pthread_join(ids[i], NULL);
}

static void zombies(void) { /* children that ended and are waited for only much later */
    for (int i = 0; i < 20; i++)
        if (child() == 0) {
            burn(10);
            _exit(0);
        }
    rest(600);
    while (waitpid(-1, NULL, 0) > 0)
        ;
}

static void unwaited_end(void) {
    __atomic_add_fetch(&unwaited[0], now(CLOCK_PROCESS_CPUTIME_ID), __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&unwaited[1], 1, __ATOMIC_SEQ_CST);
    _exit(0);
}

static void orphans(void) { /* nobody waits: the kernel reaps at once, and cutime never hears of it */
    signal(SIGCHLD, SIG_IGN);
    for (int i = 0; i < ORPHANS; i++) {
        if (child() == 0) {
            burn(5);
            if (i % 3 == 0) /* who slept is harder to account for */
                rest(1);
            burn(5);
            unwaited_end();
        }
        rest(8);
    }
}

static void daemons(void) { /* their parents are gone at once, and init waits for them */
    for (int i = 0; i < DAEMONS; i++) {
        pid_t between = child();
        if (between == 0) {
            if (child() == 0) {
                burn(10);
                unwaited_end();
            }
            _exit(0);
        }
        waitpid(between, NULL, 0);
        rest(20);
    }
}

static void chain(int links) { /* one process, many programs */
    burn(10);
    if (links == 0)
        _exit(0);
    char left[16];
    snprintf(left, sizeof left, "%d", links - 1);
    execl("/proc/self/exe", "churn", "chain", left, (char *)NULL);
    perror("exec");
    _exit(1);
}

static void scene(void (*act)(void)) {
    if (child() == 0) {
        act();
        _exit(0);
    }
}

static void nice_storm(void) {
    if (nice(10) == -1)
        perror("nice");
    storm(20, 10);
}

static void deep_storm(void) { /* grandchildren of parents that are gone at the next sample */
    for (int i = 0; i < 5; i++)
        if (child() == 0) {
            storm(4, 5);
            _exit(0);
        }
    while (waitpid(-1, NULL, 0) > 0)
        ;
}

static void first_storm(void) { storm(60, 5); }

int main(int argc, char **argv) {
    if (argc == 3) /* a link of the chain: chain LEFT */
        chain(atoi(argv[2]));
    int ignoring = argc == 2 && strcmp(argv[1], "all") == 0;
    unwaited = mmap(NULL, 2 * sizeof *unwaited, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (unwaited == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    char line[16];
    if (!fgets(line, sizeof line, stdin))
        return 1;
    long long before = used(RUSAGE_SELF);
    scene(first_storm);
    scene(threads);
    scene(zombies);
    scene(nice_storm);
    scene(deep_storm);
    if (ignoring) {
        scene(orphans);
        scene(daemons);
    }
    if (child() == 0)
        chain(10);
    while (waitpid(-1, NULL, 0) > 0)
        ;
    while (ignoring && __atomic_load_n(&unwaited[1], __ATOMIC_SEQ_CST) < ORPHANS + DAEMONS)
        rest(10);
    printf("%lld\n", used(RUSAGE_SELF) + used(RUSAGE_CHILDREN) + *unwaited - before);
    fflush(stdout);
    return fgets(line, sizeof line, stdin) == NULL;
}

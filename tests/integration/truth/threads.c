/* threads SCENE MILLISECONDS: a process of several threads that ends in a way of its own, after each thread has worked
 * so long. Who waits for it learns its CPU time from the kernel (getrusage), whatever thread ended when. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { WORKERS = 2, BRIEF = 400 };

static long milliseconds;
static long long each; /* nanoseconds of work of a thread */

static void burn(long long nanoseconds) {
    struct timespec at;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
    long long end = at.tv_sec * 1000000000LL + at.tv_nsec + nanoseconds;
    do
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
    while (at.tv_sec * 1000000000LL + at.tv_nsec < end);
}

static void *worker(void *name) { /* threads have names of their own, which no process should get */
    prctl(PR_SET_NAME, name);
    burn(each);
    return NULL;
}

static void *nothing(void *argument) { return argument; }

static void *endless(void *name) {
    prctl(PR_SET_NAME, name);
    for (;;)
        burn(1000000);
    return NULL;
}

static void *executing(void *program) {
    burn(milliseconds * 1000000LL / 2);
    char left[16];
    snprintf(left, sizeof left, "%ld", milliseconds / 2);
    execl("/proc/self/exe", program, "alone", left, (char *)NULL);
    perror("exec");
    exit(1);
}

static pthread_t begin(void *(*work)(void *), void *argument) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, work, argument) != 0) {
        perror("pthread_create");
        exit(1);
    }
    return thread;
}

int main(int argc, char **argv) {
    if (argc != 3)
        return 2;
    const char *scene = argv[1];
    milliseconds = atol(argv[2]);
    each = milliseconds * 1000000LL;
    if (strcmp(scene, "alone") == 0) {
        burn(milliseconds * 1000000LL);
        return 0;
    }
    if (strcmp(scene, "exec") == 0) { /* the thread takes over the process's id, and the first thread ends */
        begin(endless, "endless");
        begin(executing, argv[0]);
        for (;;)
            pause();
    }
    if (strcmp(scene, "tiny") == 0) { /* threads that end before the kernel has brought their run time up to date */
        struct timespec at = {0};
        while (at.tv_sec * 1000 + at.tv_nsec / 1000000 < milliseconds) {
            for (int number = 0; number < 200; number++)
                pthread_join(begin(nothing, NULL), NULL);
            clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
        }
        return 0;
    }
    if (strcmp(scene, "brief") == 0) { /* as a Java program: hundreds of threads come and go */
        each = each * WORKERS / BRIEF;
        for (int number = 0; number < BRIEF; number += WORKERS) {
            pthread_t threads[WORKERS];
            for (int one = 0; one < WORKERS; one++)
                threads[one] = begin(worker, "pool-1-thread-7");
            for (int one = 0; one < WORKERS; one++)
                pthread_join(threads[one], NULL);
        }
        return 0;
    }
    int outlived = strcmp(scene, "outlived") == 0;
    for (int number = 0; number < WORKERS; number++)
        begin(outlived ? worker : endless, "worker");
    if (outlived) /* the first thread ends, the process goes on */
        pthread_exit(NULL);
    burn(milliseconds * 1000000LL);
    if (strcmp(scene, "killed") == 0)
        kill(getpid(), SIGKILL);
    _exit(0); /* "exits": while its threads are busy */
}

/* The peer of the tick: what most exporters do for each process, in C. For every line on standard input it opens,
 * reads and closes PROC/PID/stat of every process, finds utime and stime in it, and answers with the CPU time that
 * took in nanoseconds and the number of processes. */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static unsigned long long cpu_time(const char *pid) {
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%s/stat", pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return 0;
    ssize_t size = read(file, text, sizeof text - 1);
    close(file);
    if (size <= 0)
        return 0;
    text[size] = 0;
    char *at = strrchr(text, ')');
    for (int field = 2; at && field < 14; field++)
        at = strchr(at + 1, ' ');
    if (!at)
        return 0;
    unsigned long long user = strtoull(at, &at, 10);
    return user + strtoull(at, NULL, 10);
}

int main(void) {
    static char pids[65536][12];
    char line[16];
    unsigned long long sum = 0;
    while (fgets(line, sizeof line, stdin)) {
        long count = 0;
        DIR *proc = opendir("/proc"); /* the list itself is given to the peer for nothing */
        for (struct dirent *entry; proc && (entry = readdir(proc));)
            if (isdigit((unsigned char)entry->d_name[0]) && count < 65536)
                strncpy(pids[count++], entry->d_name, sizeof pids[0] - 1);
        closedir(proc);
        struct timespec begin, end;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
        for (long i = 0; i < count; i++)
            sum += cpu_time(pids[i]);
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
        printf("%lld %ld\n", (end.tv_sec - begin.tv_sec) * 1000000000LL + end.tv_nsec - begin.tv_nsec, count);
        fflush(stdout);
    }
    return sum == 1; /* so that the sum is used */
}

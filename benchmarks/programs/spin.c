/* spin N: keeps N processors busy at the lowest priority and touches no memory, so that none of them ever rests. Ends
 * when standard input closes. */
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
    long count = argc > 1 ? strtol(argv[1], NULL, 10) : 1;
    for (long i = 0; i < count; i++)
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (nice(19) == -1)
                _exit(1);
            for (volatile unsigned long turns = 0;; turns++)
                ;
        }
    char byte;
    while (read(0, &byte, 1) > 0)
        ;
    return 0;
}

/* crowd N: a parent with N children that do nothing, as cheap as a process can be. "ready" on standard output when
 * all are there; they end when standard input closes, or when the parent is killed. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
    long count = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
    pid_t parent = getpid();
    for (long i = 0; i < count; i++) {
        pid_t child = fork();
        if (child < 0) {
            perror("fork");
            kill(0, SIGKILL);
            return 1;
        }
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (getppid() != parent)
                _exit(1);
            close(0);
            close(1);
            sigset_t none;
            sigemptyset(&none);
            for (;;)
                sigsuspend(&none);
        }
    }
    puts("ready");
    fflush(stdout);
    char byte;
    while (read(0, &byte, 1) > 0)
        ;
    signal(SIGTERM, SIG_IGN);
    kill(0, SIGTERM); /* the group is this program's own: see Crowd in harness.py */
    while (wait(NULL) > 0)
        ;
    return 0;
}

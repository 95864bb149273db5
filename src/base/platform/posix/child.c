/* child.c - other programs: fork, exec and a pipe. */
#define _GNU_SOURCE
#include "base/platform/child.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

static void become(const char *const *argv, int out, int speaks)
{
    const int null = open("/dev/null", O_RDWR);
    if (null >= 0) dup2(null, 0);
    if (out >= 0)
        dup2(out, 1);
    else if (null >= 0)
        dup2(null, 1);
    if (null >= 0 && !speaks) dup2(null, 2);
    execvp(argv[0], (char *const *)argv);
    _exit(errno == ENOENT || errno == EACCES ? CHILD_MISSING : CHILD_FAILED);
}

static void become_shell(const char *command, int out)
{
    setpgid(0, 0); /* a group of its own, so that all of it can be stopped */
    dup2(out, 1);
    close(out);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(CHILD_MISSING);
}

/* In the parent: keep the reading end. */
static int begun(child *c, pid_t process, int ends[2])
{
    *c = (child){.process = process};
    if (ends[1] >= 0) close(ends[1]);
    if (process > 0 && ends[0] >= 0 && (c->output = fdopen(ends[0], "r"))) return 0;
    if (ends[0] >= 0) close(ends[0]);
    return process > 0 && ends[0] < 0 ? 0 : -1;
}

int child_start(child *c, const char *const *argv, int reads, int speaks)
{
    int ends[2] = {-1, -1};
    if (reads && pipe(ends)) return -1;
    fflush(stdout);
    const pid_t process = fork();
    if (!process) {
        if (reads) close(ends[0]);
        become(argv, ends[1], speaks);
    }
    return begun(c, process, ends);
}

int child_start_shell(child *c, const char *command)
{
    int ends[2];
    if (pipe(ends)) return -1;
    const pid_t process = fork();
    if (!process) {
        close(ends[0]);
        become_shell(command, ends[1]);
    }
    return begun(c, process, ends);
}

/* The group of a shell's command; a program of child_start has no group of its own. */
static void send(const child *c, int number)
{
    const pid_t process = (pid_t)c->process;
    if (kill(-process, number)) kill(process, number);
}

int child_can_pause(void) { return 1; }
void child_pause(const child *c) { send(c, SIGSTOP); }
void child_continue(const child *c) { send(c, SIGCONT); }
void child_end(const child *c) { send(c, SIGTERM); }

int child_wait(child *c, const volatile sig_atomic_t *ended)
{
    int how;
    if (c->output) fclose(c->output);
    c->output = NULL;
    while (waitpid((pid_t)c->process, &how, 0) < 0) {
        if (errno != EINTR) return CHILD_FAILED;
        if (*ended) child_end(c);
    }
    return WIFEXITED(how) ? WEXITSTATUS(how) : -WTERMSIG(how);
}

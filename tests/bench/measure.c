/* Runs commands in turn and says what each run of each took.
 *
 *     measure ROUNDS NAME END COMMAND [WORD...] [::: NAME END COMMAND ...]
 *
 * One line a run: its name, wall time from before the process exists until it
 * is reaped (ns), processor time (us), peak resident memory (KiB). A round runs
 * every command once, so that what else the machine does meets all of them
 * alike; one round more goes first and is not printed. A pause of random length
 * before each run keeps it from beginning always at the same time after a clock
 * tick, on which the kernel lets whole milliseconds depend. Input and output
 * are /dev/null.
 *
 * END is the status that the command has to end with, or "until:TEXT": then it
 * is killed, and its time is over, when TEXT appears in its output. A command
 * that does not end so ends everything with status 1. SIGTERM takes the running
 * command along, so that "timeout" leaves nothing behind.
 *
 * Why C: the kernel counts a process's memory before exec as its peak too, and
 * this program is smaller than anything that it measures; posix_spawn does not
 * copy it either. Deliberately absent: statistics, which "run" does. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_COMMANDS 16
#define MAX_PAUSE_NS 20000000           /* two ticks of the slowest clock */

struct command {
    const char *name;
    int status;
    const char *text;                   /* NULL: it ends by itself */
    char **words;
};

struct cost {
    long long wall_ns;
    long long processor_us;
    long peak_kib;
};

static long long now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void wait_a_little(void)
{
    nanosleep(&(struct timespec){ .tv_nsec = random() % MAX_PAUSE_NS }, NULL);
}

static void fail(const char *name, const char *what, int detail)
{
    fprintf(stderr, "measure: %s: %s (%d)\n", name, what, detail);
    exit(1);
}

static volatile pid_t process;          /* that runs; 0: none */

static void take_along(int signal)
{
    if (process > 0)
        kill(process, SIGKILL);
    _exit(128 + signal);
}

/* Reads until the text has come; false: the output ended without it. */
static bool wait_for(const char *text, int output)
{
    char read_so_far[8192];
    size_t used = 0, keep = strlen(text) - 1;

    for (;;) {
        ssize_t count = read(output, read_so_far + used, sizeof read_so_far - used);
        if (count <= 0)
            return false;
        used += (size_t)count;
        if (memmem(read_so_far, used, text, keep + 1))
            return true;
        if (used > keep) {              /* the text may have begun in what stays */
            memmove(read_so_far, read_so_far + used - keep, keep);
            used = keep;
        }
    }
}

static struct cost run(const struct command *command)
{
    extern char **environ;
    posix_spawn_file_actions_t files;
    struct cost cost;
    struct rusage usage;
    pid_t child;
    int status, output[2];

    if (pipe2(output, O_CLOEXEC))
        fail(command->name, "there is no pipe for it", 0);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
    if (command->text)
        posix_spawn_file_actions_adddup2(&files, output[1], 1);

    long long start = now_ns();
    int error = posix_spawnp(&child, command->words[0], &files, NULL, command->words, environ);
    if (error)
        fail(command->words[0], strerror(error), error);
    process = child;
    close(output[1]);
    bool seen = command->text && wait_for(command->text, output[0]);
    cost.wall_ns = now_ns() - start;
    if (seen)
        kill(child, SIGKILL);
    if (wait4(child, &status, 0, &usage) != child)
        fail(command->name, "cannot be waited for", 0);
    process = 0;
    if (!command->text)
        cost.wall_ns = now_ns() - start;
    close(output[0]);
    posix_spawn_file_actions_destroy(&files);

    if (command->text && !seen)
        fail(command->name, "ended without the text awaited, with status", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    if (!seen && !WIFEXITED(status))
        fail(command->name, "ended by a signal", WTERMSIG(status));
    if (!seen && WEXITSTATUS(status) != command->status)
        fail(command->name, "ended with an unexpected status", WEXITSTATUS(status));
    cost.processor_us = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000LL + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
    cost.peak_kib = usage.ru_maxrss;
    return cost;
}

int main(int argc, char **argv)
{
    struct command commands[MAX_COMMANDS];
    int count = 0;

    for (int i = 2; i + 2 < argc && count < MAX_COMMANDS; count++) {
        bool until = strncmp(argv[i + 1], "until:", 6) == 0 && argv[i + 1][6] != '\0';
        commands[count] = (struct command){ argv[i], until ? 0 : atoi(argv[i + 1]), until ? argv[i + 1] + 6 : NULL, argv + i + 2 };
        for (i += 2; i < argc && strcmp(argv[i], ":::") != 0; i++)
            ;
        if (i < argc)
            argv[i++] = NULL;
    }
    if (count == 0) {
        fprintf(stderr, "usage: measure ROUNDS NAME END COMMAND [WORD...] [::: NAME END COMMAND ...]\n");
        return 64;
    }

    signal(SIGTERM, take_along);
    signal(SIGINT, take_along);
    for (int round = 0; round <= atoi(argv[1]); round++) {
        for (int i = 0; i < count; i++) {
            wait_a_little();
            struct cost cost = run(&commands[i]);
            if (round > 0)
                printf("%s %lld %lld %ld\n", commands[i].name, cost.wall_ns, cost.processor_us, cost.peak_kib);
        }
        fflush(stdout);
    }
    return 0;
}

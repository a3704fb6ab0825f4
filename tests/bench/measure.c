/* Runs commands in turn and says what each run of each took.
 *
 *     measure ROUNDS NAME STATUS COMMAND [WORD...] [::: NAME STATUS COMMAND ...]
 *
 * One line a run: its name, wall time from before the process exists until it
 * is reaped (ns), processor time (us), peak resident memory (KiB). A round runs
 * every command once, so that what else the machine does meets all of them
 * alike; one round more goes first and is not printed. A pause of random length
 * before each run keeps it from beginning always at the same time after a clock
 * tick, on which the kernel lets whole milliseconds depend. Input and output
 * are /dev/null. A status other than STATUS ends everything with status 1.
 *
 * Why C: the kernel counts a process's memory before exec as its peak too, and
 * this program is smaller than anything that it measures; posix_spawn does not
 * copy it either. Deliberately absent: statistics, which "run" does. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
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

static struct cost run(const struct command *command, const posix_spawn_file_actions_t *files)
{
    extern char **environ;
    struct cost cost;
    struct rusage usage;
    pid_t process;
    int status;

    long long start = now_ns();
    int error = posix_spawnp(&process, command->words[0], files, NULL, command->words, environ);
    if (error)
        fail(command->words[0], strerror(error), error);
    if (wait4(process, &status, 0, &usage) != process)
        fail(command->name, "cannot be waited for", 0);
    cost.wall_ns = now_ns() - start;

    if (!WIFEXITED(status))
        fail(command->name, "ended by a signal", WTERMSIG(status));
    if (WEXITSTATUS(status) != command->status)
        fail(command->name, "ended with an unexpected status", WEXITSTATUS(status));
    cost.processor_us = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000LL + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
    cost.peak_kib = usage.ru_maxrss;
    return cost;
}

int main(int argc, char **argv)
{
    struct command commands[MAX_COMMANDS];
    int count = 0;
    posix_spawn_file_actions_t files;

    for (int i = 2; i + 2 < argc && count < MAX_COMMANDS; count++) {
        commands[count] = (struct command){ argv[i], atoi(argv[i + 1]), argv + i + 2 };
        for (i += 2; i < argc && strcmp(argv[i], ":::") != 0; i++)
            ;
        if (i < argc)
            argv[i++] = NULL;
    }
    if (count == 0) {
        fprintf(stderr, "usage: measure ROUNDS NAME STATUS COMMAND [WORD...] [::: NAME STATUS COMMAND ...]\n");
        return 64;
    }

    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
    for (int round = 0; round <= atoi(argv[1]); round++) {
        for (int i = 0; i < count; i++) {
            wait_a_little();
            struct cost cost = run(&commands[i], &files);
            if (round > 0)
                printf("%s %lld %lld %ld\n", commands[i].name, cost.wall_ns, cost.processor_us, cost.peak_kib);
        }
        fflush(stdout);
    }
    return 0;
}

/*
 * Proof that hvrun's declarations of libc and Linux (src/HvRunner.Host/Interop) are those of the headers: as kvm_layout.c, which says
 * how it works, for libc's calls.
 *
 *     gcc -std=c11 -Werror -fsyntax-only -I DIRECTORY_OF_THE_GENERATED_HEADER native/libc_layout.c
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <termios.h>
#include <time.h>

/* The call's name cannot be the structure's name in C#. */
typedef struct statx statx_t;

#include "libc_layout_asserts.h"

/* What the managed signatures in Libc.cs rest on: LP64. */
_Static_assert(sizeof(int) == 4 && sizeof(long) == 8 && sizeof(size_t) == 8 && sizeof(off_t) == 8 && sizeof(nfds_t) == 8, "LP64");

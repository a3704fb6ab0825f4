/* A guest that only computes, for comparing processors that are software.
 *
 * It runs the programs that it is asked for, as often as it is asked to, and
 * judges every result. With count=on it also prints what the time stamp counter
 * went on by: on a machine where an instruction takes one tick, that is the
 * number of instructions. Specification: README.md beside this file.
 * Deliberately absent: taking the time, which is the host's business. */
#include "option.h"
#include "print.h"
#include "programs.h"
#include "serial.h"

#define STATUS_WRONG 1
#define STATUS_UNKNOWN 63

struct program {
    const char *name;
    uint32_t (*run)(void);
    uint32_t calls;             /* a round, which is then some ten million instructions */
    uint32_t result;
};

static const struct program programs[] = {
    { "sieve", sieve, 2, 23000 },
    { "fib", fib, 1, 196418 },
    { "hash", hash, 2, 2555507268 },
    { "sort", sort, 1, 917094400 },
    { "bytes", bytes, 1, 2936537940 },
};

static unsigned long long timestamp(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (unsigned long long)high << 32 | low;
}

int guest_main(const struct hvm_start_info *info)
{
    const char *wanted = option(info, "program");
    uint32_t rounds = option_number(option(info, "rounds"), 1);
    bool counts = option_is(option(info, "count"), "on");
    bool known = false;

    if (counts)
        serial_start();
    for (uint32_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
        const struct program *program = &programs[i];
        if (wanted && !option_is(wanted, program->name))
            continue;
        known = true;
        unsigned long long start = timestamp();
        for (uint32_t call = 0; call < rounds * program->calls; call++) {
            uint32_t result = program->run();
            if (result != program->result) {
                if (counts) {
                    print("compute: %s gave %u\n", program->name, result);
                    serial_drain();
                }
                return STATUS_WRONG;
            }
        }
        if (counts)
            print("compute: %s, %u rounds, 0x%llx ticks\n", program->name, rounds, timestamp() - start);
    }
    if (counts)
        serial_drain();
    return known ? 0 : STATUS_UNKNOWN;
}

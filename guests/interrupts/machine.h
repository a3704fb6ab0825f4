/* The guest's own machinery: vectors, time, and processors that do as told.
 *
 * Handlers count what arrives at each processor, so that a test sends, waits with
 * a bound, and looks at who got what. Every wait here ends. */
#pragma once
#include "layout.h"
#include <stdbool.h>
#include <stdint.h>

/* Vectors that no test uses: a request to look at the mailbox, the end of a sleep. Below EXCEPTIONS they are the processor's own. */
enum { WAKE_VECTOR = 0xf1, RESCUE_VECTOR = 0xf2, SPURIOUS_VECTOR = 0xff, NMI = 2, EXCEPTIONS = 32 };

enum { ORDER = 512 };

struct cpu {
    uint32_t index, id;
    bool x2apic;                        /* how its APIC is reached */
    volatile uint32_t first_vector;     /* from here on, vectors are interrupts */
    volatile uint32_t arrivals;         /* starts that came to C */
    volatile uint32_t count[256];       /* by vector, since the last clear */
    volatile uint32_t taken;
    volatile uint8_t order[ORDER];      /* the vectors, in turn */
    volatile uintptr_t recover;         /* where a refused instruction goes on */
    volatile bool refused;
    void (*volatile work)(void *);
    void *volatile argument;
    volatile uint32_t worked;
    uint32_t at_start[0x400 / 16];      /* its APIC's registers after its last start, from the TPR on */
    uint32_t id_at_start, esr_at_start;
};

extern struct cpu cpus[MAX_CPUS];
extern uint32_t cpu_count;
extern const uint8_t stacks[];

static inline struct cpu *this_cpu(void)
{
    return &cpus[((uintptr_t)__builtin_frame_address(0) - (uintptr_t)stacks) >> STACK_SHIFT];
}

/* Vectors. A handler runs with interrupts off and ends the interrupt itself; without one, that is all that is done. */
void machine_start(void);
void machine_load(void);
void handle(uint8_t vector, void (*handler)(uint8_t vector));
void handle_nothing(void);

/* Forgets what arrived where. */
void clear_counts(void);

/* The sum over all processors. */
uint32_t total(uint8_t vector);

/* Time. */
extern uint64_t tsc_hz;
bool time_start(void);

static inline uint64_t tsc(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

static inline uint64_t tsc_of(uint64_t microseconds)
{
    return tsc_hz / 1000 * microseconds / 1000;
}

static inline void interrupts_on(void) { __asm__ volatile("sti" : : : "memory"); }
static inline void interrupts_off(void) { __asm__ volatile("cli" : : : "memory"); }
static inline void relax(void) { __asm__ volatile("pause" : : : "memory"); }

/* How long anything may take that has to happen, in microseconds. */
extern uint32_t patience;

/* How long is waited for what must not happen. */
enum { GRACE = 200 };

/* Waits until the condition holds; false if it never does. */
#define AWAIT(condition) ({ \
        uint64_t start_ = tsc(), bound_ = tsc_of(patience); \
        bool holds_; \
        while (!(holds_ = (condition)) && tsc() - start_ < bound_) \
            relax(); \
        holds_ || (condition); })

/* The same with interrupts on. */
#define AWAIT_OPEN(condition) ({ \
        interrupts_on(); \
        bool held_ = AWAIT(condition); \
        interrupts_off(); \
        held_; })

/* Waits, with interrupts on, until a count has come so far; each step has all of the patience. */
bool counts_to(volatile uint32_t *count, uint32_t wanted);

/* Lets time pass. */
void spend(uint32_t microseconds);
void spend_open(uint32_t microseconds);

/* Sleeps for a few milliseconds, between begin and end; any interrupt may end it earlier. A virtual clock then need not run through them. */
void naps_begin(void);
void nap(void);
void naps_end(void);

/* Takes what is under way still, and forgets it. */
void drain(void);

/* Sleeps by HLT until an interrupt; the caller has seen to one that comes. */
static inline void sleep(void)
{
    __asm__ volatile("sti; hlt; cli" : : : "memory");
}

/* Privileged registers; a refusal is #GP. */
uint64_t msr_read(uint32_t index);
bool msr_try_read(uint32_t index, uint64_t *value);
bool msr_try_write(uint32_t index, uint64_t value);

static inline void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    __asm__ volatile("cpuid" : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3]) : "a"(leaf), "c"(subleaf));
}

/* Bits 15 to 0 of CPUID leaf 1's registers. */
static inline bool has_x2apic(void)
{
    uint32_t r[4];
    cpuid(1, 0, r);
    return r[2] >> 21 & 1;
}

static inline bool has_tsc_deadline(void)
{
    uint32_t r[4];
    cpuid(1, 0, r);
    return r[2] >> 24 & 1;
}

/* Processors. */
extern uint8_t *trampoline_page;        /* of the last start */
void cpus_start(uint32_t expected);
bool cpu_arrived(struct cpu *cpu, uint32_t arrivals);
void place_trampoline(uint32_t page);
uint32_t starts_at(uint32_t page);
uint32_t segment_at(uint32_t page);
uint32_t cr0_at(uint32_t page);

/* Runs a function on another processor, with its interrupts off; false if it does not come to its end. */
bool run_on(uint32_t index, void (*work)(void *), void *argument);

/* The same in two halves, to have several run at once. */
void begin_on(uint32_t index, void (*work)(void *), void *argument);
bool end_on(uint32_t index);

/* On every processor, this one last. */
bool run_everywhere(void (*work)(void *), void *argument);

/* Everything as a section expects it: APICs on and empty, all sources masked, handlers and counts cleared. */
void baseline(void);

/* Vectors, time and model-specific registers.
 *
 * The time stamp counter measures every wait; it is calibrated once, against
 * channel 2 of the 8254. An exception that no test asked for ends the run.
 * Specification: Intel SDM volume 3A, chapter 6. Deliberately absent: a second
 * time source for the waits. */
#include "apic.h"
#include "leave.h"
#include "ports.h"
#include "print.h"
#include "serial.h"
#include "wires.h"

#define INTERRUPT_GATE 0x8e00

#define STATUS_EXCEPTION 4

struct frame {
    uint64_t r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax;
    uint64_t vector, error, rip, cs, rflags, rsp, ss;
};

struct gate {
    uint16_t offset_low, selector, type, offset_middle;
    uint32_t offset_high, zero;
};

struct cpu cpus[MAX_CPUS];
uint32_t cpu_count = 1;
uint64_t tsc_hz;
uint32_t patience = 10000000;

extern const uint8_t stubs[];

static struct gate idt[256];
static void (*volatile handlers[256])(uint8_t vector);

void on_vector(struct frame *frame);

void machine_start(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uintptr_t at = (uintptr_t)stubs + i * 16;
        idt[i] = (struct gate){
            .offset_low = (uint16_t)at, .selector = CODE64, .type = INTERRUPT_GATE, .offset_middle = (uint16_t)(at >> 16),
        };
    }
    for (uint32_t i = 0; i < MAX_CPUS; i++)
        cpus[i].first_vector = EXCEPTIONS;
    machine_load();
}

void machine_load(void)
{
    struct { uint16_t limit; uint64_t base; } __attribute__((packed)) idtr = { sizeof idt - 1, (uintptr_t)idt };
    __asm__ volatile("lidt %0" : : "m"(idtr), "m"(idt));
}

void handle(uint8_t vector, void (*handler)(uint8_t vector))
{
    handlers[vector] = handler;
}

void handle_nothing(void)
{
    for (uint32_t i = 0; i < 256; i++)
        handlers[i] = 0;
}

static void unexpected(const struct frame *frame)
{
    print("Bail out! exception %u, error %llx, at %llx on processor %u\n", (uint32_t)frame->vector,
          (unsigned long long)frame->error, (unsigned long long)frame->rip, this_cpu()->index);
    serial_drain();
    leave(STATUS_EXCEPTION);
}

/* Called by vectors.S. */
void on_vector(struct frame *frame)
{
    struct cpu *cpu = this_cpu();
    uint8_t vector = (uint8_t)frame->vector;

    if (vector != NMI && vector < cpu->first_vector) {
        if (!cpu->recover)
            unexpected(frame);
        frame->rip = cpu->recover;
        cpu->recover = 0;
        cpu->refused = true;
        return;
    }
    cpu->order[cpu->taken++ % ORDER] = vector;
    cpu->count[vector]++;
    if (handlers[vector])
        handlers[vector](vector);
    else if (vector != NMI && vector != SPURIOUS_VECTOR)
        apic_eoi();
}

void clear_counts(void)
{
    for (uint32_t c = 0; c < cpu_count; c++) {
        for (uint32_t v = 0; v < 256; v++)
            cpus[c].count[v] = 0;
        cpus[c].taken = 0;
    }
}

uint32_t total(uint8_t vector)
{
    uint32_t sum = 0;
    for (uint32_t c = 0; c < cpu_count; c++)
        sum += cpus[c].count[vector];
    return sum;
}

/* The count of channel 2, which falls from 65536 over and over. */
static uint16_t pit_count(void)
{
    outb(0x43, 0x80);
    uint8_t low = inb(0x42);
    return (uint16_t)(low | inb(0x42) << 8);
}

/* A lower bound, so that nothing seems to come before its time: the counts of a try took at least from the end of the first reading to the begin of
 * the last. The highest bound is the best; but a try that took much longer than the shortest may have seen the counter begin anew, and is none. */
bool time_start(void)
{
    enum { TRIES = 50, COUNTS = 1200 };        /* of a millisecond, less than what a busy host gives at a time */
    struct { uint64_t length, least; uint32_t counted; } tries[TRIES];
    uint64_t shortest = ~0ull;

    outb(0x61, (inb(0x61) & 0xfc) | 1);
    outb(0x43, 0xb4);
    outb(0x42, 0);
    outb(0x42, 0);
    for (uint32_t i = 0; i < TRIES; i++) {
        uint64_t before = tsc();
        uint16_t first = pit_count(), counted = 0;
        uint64_t after = tsc(), look = after;
        for (uint32_t k = 0; k < 1000000 && counted < COUNTS; k++) {
            look = tsc();
            counted = (uint16_t)(first - pit_count());
        }
        tries[i].length = tsc() - before;
        tries[i].least = look - after;
        tries[i].counted = counted;
        if (counted >= COUNTS && tries[i].length < shortest)
            shortest = tries[i].length;
    }
    for (uint32_t i = 0; i < TRIES; i++) {
        uint64_t hz = tries[i].least * PIT_HZ / (tries[i].counted + 1u);
        if (tries[i].counted >= COUNTS && tries[i].length < 2 * shortest && hz > tsc_hz)
            tsc_hz = hz;
    }
    outb(0x61, inb(0x61) & 0xfc);
    return tsc_hz >= 1000000;
}

bool counts_to(volatile uint32_t *count, uint32_t wanted)
{
    uint32_t before;
    do
        before = *count;
    while (before < wanted && AWAIT_OPEN(*count != before));
    return *count >= wanted;
}

void spend(uint32_t microseconds)
{
    for (uint64_t start = tsc(), length = tsc_of(microseconds); tsc() - start < length; )
        relax();
}

void spend_open(uint32_t microseconds)
{
    interrupts_on();
    spend(microseconds);
    interrupts_off();
}

void drain(void)
{
    AWAIT_OPEN(apic_none(APIC_IRR));
    spend_open(GRACE);
    clear_counts();
}

/* Two timers, so that one that fails is no sleep without end. */
void naps_begin(void)
{
    pin_set(PIT_PIN, this_cpu()->id, RESCUE_VECTOR);
    pit_rate(PIT_HZ / 250);
    apic_write(APIC_DIVIDE, DIVIDE_BY_1);
    apic_write(APIC_TIMER, TIMER_PERIODIC | RESCUE_VECTOR);
    apic_write(APIC_INITIAL, 5000000);
}

void nap(void)
{
    sleep();
}

void naps_end(void)
{
    pin_set(PIT_PIN, 0, PIN_MASKED);
    pit_stop();
    apic_write(APIC_INITIAL, 0);
    apic_write(APIC_TIMER, LVT_MASKED);
    drain();
}

bool msr_try_read(uint32_t index, uint64_t *value)
{
    struct cpu *cpu = this_cpu();
    uint32_t low = 0, high = 0;
    cpu->refused = false;
    __asm__ volatile("movq $1f, %[recover]\n rdmsr\n1:"
                     : "+a"(low), "+d"(high), [recover] "=m"(cpu->recover) : "c"(index) : "memory");
    cpu->recover = 0;
    *value = (uint64_t)high << 32 | low;
    return !cpu->refused;
}

uint64_t msr_read(uint32_t index)
{
    uint64_t value;
    return msr_try_read(index, &value) ? value : 0;
}

bool msr_try_write(uint32_t index, uint64_t value)
{
    struct cpu *cpu = this_cpu();
    cpu->refused = false;
    __asm__ volatile("movq $1f, %[recover]\n wrmsr\n1:"
                     : [recover] "=m"(cpu->recover) : "c"(index), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
    cpu->recover = 0;
    return !cpu->refused;
}

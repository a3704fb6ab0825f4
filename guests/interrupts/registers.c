/* The local APIC's registers: what they hold, what they refuse, what they log.
 *
 * Specification: Intel SDM volume 3A, "Local APIC Register Address Map", "Local
 * Vector Table", "Error Handling". Deliberately absent: the focus processor bit,
 * which newer processors have as storage or not at all. */
#include "apic.h"
#include "check.h"
#include "sections.h"

enum { ERROR_VECTOR = 0x71, ILLEGAL_VECTOR = 5, NO_REGISTER = 0x3c0 };

static uint32_t keeps(uint32_t offset, uint32_t value)
{
    uint32_t before = apic_read(offset);
    apic_write(offset, value);
    uint32_t kept = apic_read(offset);
    apic_write(offset, before);
    return kept;
}

static bool ignores_writes(uint32_t offset)
{
    uint32_t before = apic_read(offset);
    apic_write(offset, ~before);
    return apic_read(offset) == before;
}

/* Bit 12, delivery status, is read-only and may be either. */
static bool holds_bits(uint32_t entry, uint32_t writable)
{
    uint32_t kept = keeps(entry, ~0x1000u | LVT_MASKED);
    if ((kept & ~0x1000u) == writable)
        return true;
    note("0x%x keeps 0x%x, not 0x%x", entry, kept, writable);
    return false;
}

static void identity(void *good)
{
    uint32_t r[4];
    cpuid(1, 0, r);
    uint64_t base = msr_read(MSR_APIC_BASE);
    bool first = this_cpu()->index == 0;
    *(volatile bool *)good &= apic_read(APIC_ID) == (r[1] & 0xff000000) && !!(base & BASE_BOOTSTRAP) == first && (base & BASE_ENABLE) &&
        (base & 0xffffff000) == APIC_ADDRESS;
}

static bool log_of(uint32_t bits)
{
    uint32_t errors = apic_errors();
    if (errors != bits)
        note("the ESR has 0x%x, not 0x%x", errors, bits);
    return errors == bits && apic_errors() == 0;
}

static void errors(void)
{
    check(apic_errors() == 0, "the ESR is clear when nothing went wrong");
    (void)apic_read(NO_REGISTER);
    check(log_of(ESR_REGISTER), "reading a register that is not there sets bit 7 of the ESR");
    apic_write(NO_REGISTER, 1);
    check(log_of(ESR_REGISTER), "so does writing it");
    (void)apic_read(NO_REGISTER);
    check(apic_read(APIC_ESR) == 0, "the ESR shows what was logged at its last write alone");
    apic_errors();
    /* To nobody, so that no receiver logs. */
    ipi(0xfe, ICR_FIXED | ILLEGAL_VECTOR);
    check(log_of(ESR_SEND_VECTOR), "sending a fixed interrupt of a vector below 16 sets bit 5");
    /* Should it come, it must not be taken for an exception. */
    this_cpu()->first_vector = 0;
    ipi(0, ICR_SELF | ILLEGAL_VECTOR);
    uint32_t logged = apic_errors();
    check((logged & ESR_RECEIVE_VECTOR) && !(logged & ~(ESR_RECEIVE_VECTOR | ESR_SEND_VECTOR)), "receiving it sets bit 6");
    check(!apic_bit(APIC_IRR, ILLEGAL_VECTOR), "and requests nothing");
    stays_away(ILLEGAL_VECTOR);
    this_cpu()->first_vector = EXCEPTIONS;

    apic_write(APIC_ERROR, ERROR_VECTOR);
    (void)apic_read(NO_REGISTER);
    check(arrives(ERROR_VECTOR, 1), "an error raises the error interrupt");
    apic_write(APIC_ERROR, LVT_MASKED | ERROR_VECTOR);
    apic_errors();
    (void)apic_read(NO_REGISTER);
    check(stays_away(ERROR_VECTOR), "but not while it is masked");
    apic_errors();
}

void test_registers(void)
{
    uint32_t version = apic_read(APIC_VERSION);
    note("version 0x%x", version);
    bool good = true;
    good &= run_everywhere(identity, &good);
    check(good, "id and bootstrap bit are each processor's own");
    check((version & 0xff) >= 0x10 && (version & 0xff) <= 0x1f, "the version is an integrated APIC's");
    check((version >> 16 & 0xff) >= 5, "there are six LVT entries at least");
    check(ignores_writes(APIC_VERSION) && ignores_writes(APIC_PPR) && ignores_writes(APIC_ISR) && ignores_writes(APIC_TMR) &&
          ignores_writes(APIC_IRR) && ignores_writes(APIC_CURRENT), "read-only registers ignore writes");
    check(keeps(APIC_TPR, 0xffffff5a) == 0x5a, "the TPR has eight bits");
    check(keeps(APIC_LDR, 0x5affffff) == 0x5a000000, "the LDR has its upper eight bits");
    check(keeps(APIC_DFR, 0) == DFR_CLUSTER, "the DFR's lower 28 bits are ones");
    check((keeps(APIC_SVR, 0x1e0) & 0x1ff) == 0x1e0, "the SVR holds a vector and the enable bit");
    bool suppress = keeps(APIC_SVR, SVR_SUPPRESS_EOI | SVR_ENABLE | SPURIOUS_VECTOR) & SVR_SUPPRESS_EOI;
    check(suppress == !!(version & VERSION_SUPPRESS_EOI), "EOI broadcasts can be suppressed where the version says so");
    check(keeps(APIC_DIVIDE, 0xffffffff) == 0xb, "the divide configuration has bits 0, 1 and 3");
    apic_write(APIC_ICR_HIGH, 0x5affffff);
    check(apic_read(APIC_ICR_HIGH) == 0x5a000000, "the ICR's upper half has the destination alone");
    apic_write(APIC_ICR, ICR_SELF | ICR_ASSERT | 0x72);
    check((apic_read(APIC_ICR) & ~ICR_BUSY) == (ICR_SELF | ICR_ASSERT | 0x72), "the ICR reads back what was sent");
    check(arrives(0x72, 1), "and sends it");
    check(holds_bits(APIC_TIMER, has_tsc_deadline() ? 0x700ff : 0x300ff), "the timer's entry has vector, mask and mode");
    check(holds_bits(APIC_LINT0, 0x1a7ff) && holds_bits(APIC_LINT1, 0x1a7ff), "those of the pins have mode, polarity and trigger");
    check(holds_bits(APIC_ERROR, 0x100ff), "that of errors has vector and mask");
    check(holds_bits(APIC_PERFORMANCE, 0x107ff), "that of performance counters has a mode too");
    errors();
}

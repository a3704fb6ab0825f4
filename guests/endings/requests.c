/* Endings that the guest asks the board for: resets and the panic device.
 *
 * A write may take effect a little later, so the guest gives it time before it
 * says that nothing happened. Specification: IBM PC AT technical reference for
 * the keyboard controller, Intel PIIX3 for port 0xcf9, QEMU docs/specs/pvpanic.
 * Deliberately absent: the ACPI reset register. */
#include "endings.h"
#include "ports.h"

#define KBC_STATUS 0x64
#define KBC_COMMAND 0x64
#define KBC_INPUT_FULL 0x02
#define KBC_PULSE_RESET 0xfe
#define RESET_CONTROL 0xcf9
#define RESET_SYSTEM 0x02       /* cold rather than just the processor */
#define RESET_NOW 0x04
#define PVPANIC 0x505
#define PVPANIC_PANICKED 0x01

static int give_time(void)
{
    for (uint32_t i = 0; i < 200000; i++)
        __asm__ volatile("pause");
    return STILL_RUNNING;
}

int end_reset_kbc(const struct hvm_start_info *info, const char *argument)
{
    (void)info, (void)argument;
    for (uint32_t i = 0; i < 1000 && (inb(KBC_STATUS) & KBC_INPUT_FULL); i++)
        ;
    outb(KBC_COMMAND, KBC_PULSE_RESET);
    return give_time();
}

int end_reset_cf9(const struct hvm_start_info *info, const char *argument)
{
    (void)info, (void)argument;
    outb(RESET_CONTROL, RESET_SYSTEM);
    outb(RESET_CONTROL, RESET_SYSTEM | RESET_NOW);
    return give_time();
}

int end_pvpanic(const struct hvm_start_info *info, const char *argument)
{
    (void)info, (void)argument;
    outb(PVPANIC, PVPANIC_PANICKED);
    return give_time();
}

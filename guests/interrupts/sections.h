/* The sections, one for each file of points. */
#pragma once
#include "pvh.h"

void test_registers(void);
void test_priority(void);
void test_ipi(void);
void test_nmi(void);
void test_startup(void);
void test_modes(void);
void test_x2apic(void);
void test_ioapic(void);
void test_levels(void);
void test_pic(void);
void test_extint(void);
void test_apic_timer(void);
void test_pit(void);
void test_rtc(void);
void test_hpet(void);
void test_clocks(void);
void test_storms(void);
void test_hunts(void);
void test_restart(void);

/* How many rounds a hunt has. */
extern uint32_t rounds;

/* ACPI's PM timer: its port, 0 without; its width in bits. */
void acpi_start(const struct hvm_start_info *info);
extern uint16_t pm_timer_port;
extern uint32_t pm_timer_bits;

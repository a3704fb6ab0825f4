/* The 8259 pair by itself: requests, masks, priorities, EOIs, polling.
 *
 * The pair's output stays closed off, and the acknowledge is a poll, so that what it
 * would deliver can be looked at step by step. IRQ 0 is the 8254's, 4 the serial
 * port's, 8 the clock's. Specification: Intel 8259A data sheet, "Programming the 8259A";
 * the ELCR as in PC chip sets since EISA. Deliberately absent: buffered mode, 8080
 * mode. */
#include "check.h"
#include "machine.h"
#include "ports.h"
#include "sections.h"
#include "wires.h"

enum { NOTHING = 0xffff };

static uint8_t poll(uint16_t chip)
{
    outb(chip, 0x0c);
    return inb(chip);
}

static void pulse(void)
{
    uart_raise();
    uart_drop();
}

/* A wire that rises and stays up. */
static void pit_up(void)
{
    pit_once(20);
    AWAIT(i8259_irr(MASTER) & 1);
}

static bool rtc_up(void)
{
    rtc_rate(6);
    return AWAIT(i8259_irr(SLAVE) & 1);
}

static void requests(void)
{
    i8259_mask(0xa55a);
    check(inb(MASTER + 1) == 0x5a && inb(SLAVE + 1) == 0xa5, "the mask registers hold what is written");
    i8259_mask(0xffff);
    check(i8259_irr(MASTER) == 0 && i8259_isr(MASTER) == 0 && i8259_irr(SLAVE) == 0 && i8259_isr(SLAVE) == 0, "nothing requests at first");
    check((poll(MASTER) & 0x80) == 0, "a poll with nothing to tell has bit 7 clear");
    uart_raise();
    check(i8259_irr(MASTER) == 1 << 4, "a wire that rises requests, masked or not");
    check((poll(MASTER) & 0x80) == 0, "a poll does not see what is masked");
    i8259_mask(NOTHING & ~(1 << 4));
    check((poll(MASTER) & 0x87) == 0x84, "unmasked it does");
    check(i8259_irr(MASTER) == 0 && i8259_isr(MASTER) == 1 << 4, "acknowledged, it moves from request to service");
    uart_drop();
    outb(MASTER, 0x20);
    check(i8259_isr(MASTER) == 0, "the EOI ends it");
    uart_raise();
    uart_drop();
    check(i8259_irr(MASTER) == 0 && (poll(MASTER) & 0x80) == 0, "a wire that falls before the acknowledge takes its request back");
}

static void priorities(void)
{
    i8259_mask(NOTHING & ~(1 << 4 | 1 << 0));
    uart_raise();
    pit_up();
    check((poll(MASTER) & 0x87) == 0x80, "of two requests the lower number is first");
    check((poll(MASTER) & 0x80) == 0, "the other waits for its EOI");
    outb(MASTER, 0x20);
    bool second = (poll(MASTER) & 0x87) == 0x84;
    pit_stop();
    pit_up();
    check(second, "and comes then");
    check((poll(MASTER) & 0x87) == 0x80, "a lower number interrupts it");
    check(i8259_isr(MASTER) == (1 << 4 | 1 << 0), "both are in service");
    outb(MASTER, 0x20);
    check(i8259_isr(MASTER) == 1 << 4, "a non-specific EOI ends the highest priority");
    pit_stop();
    pit_up();
    poll(MASTER);
    outb(MASTER, 0x60 | 4);
    check(i8259_isr(MASTER) == 1 << 0, "a specific EOI ends the one that it names");
    outb(MASTER, 0x60);
    uart_drop();
    pit_stop();

    outb(MASTER, 0xc0 | 3);             /* 3 is lowest now, 4 highest */
    uart_raise();
    pit_up();
    check((poll(MASTER) & 0x87) == 0x84, "set priority: the one behind the lowest is first");
    outb(MASTER, 0xa0);                 /* rotate: 4 becomes lowest */
    uart_drop();
    bool rotated = (poll(MASTER) & 0x87) == 0x80;
    outb(MASTER, 0x20);
    pit_stop();
    uart_raise();
    pit_up();
    rotated &= (poll(MASTER) & 0x87) == 0x80;
    outb(MASTER, 0x20);
    check(rotated, "rotate on EOI makes it the lowest");
    uart_drop();
    pit_stop();
    i8259_start();

    i8259_mask(NOTHING & ~(1 << 4 | 1 << 0));
    pit_up();
    poll(MASTER);
    outb(MASTER, 0x68);                 /* special mask */
    i8259_mask(NOTHING & ~(1 << 4));
    uart_raise();
    check((poll(MASTER) & 0x87) == 0x84, "special mask mode: what is in service and masked holds nothing back");
    outb(MASTER, 0x48);
    uart_drop();
    pit_stop();
    i8259_start();
}

static void cascade(void)
{
    i8259_mask(NOTHING & ~(1 << 8 | 1 << 2));
    if (!check(rtc_up(), "IRQ 8 is the second chip's input 0"))
        return;
    check(AWAIT(i8259_irr(MASTER) & 4), "its output is the first one's input 2");
    bool first = (poll(MASTER) & 0x87) == 0x82;
    bool second = (poll(SLAVE) & 0x87) == 0x80;
    check(first && second, "both are acknowledged");
    rtc_rate(0);
    check(i8259_isr(MASTER) == 4 && i8259_isr(SLAVE) == 1, "and in service");
    i8259_eoi(8);
    check(i8259_isr(MASTER) == 0 && i8259_isr(SLAVE) == 0, "until each has its EOI");
}

static void modes(void)
{
    outb(ELCR, 1 << 4);
    check(inb(ELCR) == 1 << 4, "the ELCR makes IRQ 4 level-triggered");
    i8259_mask(NOTHING & ~(1 << 4));
    uart_raise();
    bool first = (poll(MASTER) & 0x87) == 0x84;
    outb(MASTER, 0x20);
    check(first && (poll(MASTER) & 0x87) == 0x84, "a level requests again after its EOI");
    outb(MASTER, 0x20);
    uart_drop();
    check((poll(MASTER) & 0x80) == 0, "until its wire falls");
    outb(ELCR, 0);
    uart_raise();
    first = (poll(MASTER) & 0x87) == 0x84;
    outb(MASTER, 0x20);
    check(first && (poll(MASTER) & 0x80) == 0, "an edge does not");
    uart_drop();
    outb(ELCR, 0xff);
    outb(ELCR + 1, 0xff);
    check(inb(ELCR) == 0xf8 && inb(ELCR + 1) == 0xde, "IRQ 0, 1, 2, 8 and 13 are always edges");
    outb(ELCR, 0);
    outb(ELCR + 1, 0);

    outb(MASTER, 0x11);
    outb(MASTER + 1, PIC_BASE);
    outb(MASTER + 1, 1 << 2);
    outb(MASTER + 1, 0x03);             /* automatic EOI */
    i8259_mask(NOTHING & ~(1 << 4));
    uart_raise();
    first = (poll(MASTER) & 0x87) == 0x84;
    check(first && i8259_isr(MASTER) == 0, "automatic EOI: acknowledged, it is not in service");
    uart_drop();
    pulse();
    outb(MASTER + 1, 0);
    outb(MASTER, 0x11);
    outb(MASTER + 1, PIC_BASE);
    outb(MASTER + 1, 1 << 2);
    outb(MASTER + 1, 0x01);
    check(inb(MASTER + 1) == 0 && i8259_isr(MASTER) == 0 && i8259_irr(MASTER) == 0, "initialization clears the mask and what was requested");
    i8259_start();
}

void test_pic(void)
{
    requests();
    priorities();
    cascade();
    modes();
}

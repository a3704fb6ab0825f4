/* Serial output by polling the line status register (16550, register 5), and the test count. */
#include "report.h"

volatile uint32_t deliveries[256];
static int tests, failures;

static void out8(uint16_t port, uint8_t value) { __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }

static uint8_t in8(uint16_t port)
{
	uint8_t value;
	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static void put(const char *text)
{
	for (; *text; text++) {
		for (int i = 0; i < 100000 && !(in8(0x3fd) & 0x20); i++)
			;
		out8(0x3f8, *text);
	}
}

static void put_number(uint64_t value, unsigned base)
{
	char digits[24], *at = digits + sizeof digits - 1;
	*at = 0;
	do {
		*--at = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	put(at);
}

int ok(const char *name, int passed)
{
	failures += !passed;
	put(passed ? "ok " : "not ok ");
	put_number(++tests, 10);
	put(" - ");
	put(name);
	put("\n");
	return passed;
}

void skip(const char *name, const char *why)
{
	put("ok ");
	put_number(++tests, 10);
	put(" - ");
	put(name);
	put(" # SKIP ");
	put(why);
	put("\n");
}

int finish(void)
{
	put("1..");
	put_number(tests, 10);
	put("\n");
	return failures != 0;
}

/* Called by the stubs for an exception that no test asked for; ends the guest. */
void unexpected(uint64_t vector, uint64_t first, uint64_t second)
{
	put("Bail out! exception ");
	put_number(vector, 10);
	put(" frame 0x");
	put_number(first, 16);
	put(" 0x");
	put_number(second, 16);
	put("\n");
	out8(0xf4, 1);
	for (;;)
		__asm__ volatile("cli; hlt");
}

struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid r;
	__asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
	return r;
}

uint64_t flags(void)
{
	uint64_t value;
	__asm__ volatile("pushfq; popq %0" : "=r"(value));
	return value;
}

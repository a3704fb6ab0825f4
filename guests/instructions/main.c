/*
 * Each refused instruction once or a few times, with its result, its flags where it has any, and its fault where that is the point. What CPUID
 * does not offer is skipped. The results are those of the SDM; the same file runs under QEMU's own emulation as a second opinion.
 */
#include "report.h"

#define BIT(value, n) (((value) >> (n)) & 1)

static uint8_t area[4096] __attribute__((aligned(64)));
static uint64_t pair[2] __attribute__((aligned(16)));
static struct cpuid one, seven, ext, xsave1;

static void traps(void)
{
	__asm__ volatile("int3");
	ok("int3 reaches vector 3 and returns", deliveries[3] == 1);
	__asm__ volatile("int $0x81");
	ok("int n reaches its vector", deliveries[0x81] == 1);
}

static void integers(void)
{
	uint64_t a, b;
	uint8_t zf;
	if (BIT(one.ecx, 23)) {
		__asm__ volatile("popcnt %2, %0; setz %1" : "=r"(a), "=q"(zf) : "r"(0xf0f0000000000001ull));
		ok("popcnt counts", a == 9 && !zf);
		__asm__ volatile("popcnt %2, %0; setz %1" : "=r"(a), "=q"(zf) : "r"(0ull));
		ok("popcnt of zero sets ZF", a == 0 && zf);
	} else
		skip("popcnt", "not offered");
	if (BIT(one.ecx, 20)) {
		a = 0xffffffff;
		for (const char *p = "123456789"; *p; p++)
			__asm__ volatile("crc32b %1, %k0" : "+r"(a) : "qm"(*p));
		ok("crc32 is Castagnoli's", (uint32_t)~a == 0xe3069283);
	} else
		skip("crc32", "not offered");
	if (BIT(one.ecx, 13)) {
		pair[0] = 1;
		pair[1] = 2;
		a = 1;
		b = 2;
		__asm__ volatile("lock cmpxchg16b %3; setz %0" : "=q"(zf), "+a"(a), "+d"(b), "+m"(pair) : "b"(3ull), "c"(4ull));
		ok("lock cmpxchg16b stores when equal", zf && pair[0] == 3 && pair[1] == 4);
		__asm__ volatile("cmpxchg16b %3; setz %0" : "=q"(zf), "+a"(a), "+d"(b), "+m"(pair) : "b"(5ull), "c"(6ull));
		ok("cmpxchg16b loads when different", !zf && a == 3 && b == 4 && pair[0] == 3);
	} else
		skip("cmpxchg16b", "not offered");
	if (BIT(seven.ebx, 3)) {
		__asm__ volatile("andn %2, %1, %0" : "=r"(a) : "r"(0x0full), "r"(0xffull));
		ok("andn", a == 0xf0);
	} else
		skip("andn", "not offered");
	if (BIT(seven.ebx, 8)) {
		__asm__ volatile("shlx %2, %1, %0" : "=r"(a) : "r"(1ull), "r"(65ull));
		__asm__ volatile("rorx $8, %1, %0" : "=r"(b) : "r"(0x1ffull));
		ok("shlx and rorx", a == 2 && b == 0xff00000000000001ull);
		__asm__ volatile("pdep %2, %1, %0" : "=r"(a) : "r"(5ull), "r"(0xf0f0ull));
		__asm__ volatile("pext %2, %1, %0" : "=r"(b) : "r"(0x1234ull), "r"(0xff00ull));
		ok("pdep and pext", a == 0x50 && b == 0x12);
	} else
		skip("shlx, rorx, pdep and pext", "not offered");
}

static void system_instructions(void)
{
	uint32_t low, high, aux;
	uint8_t zf;
	if (BIT(seven.ebx, 20)) {
		__asm__ volatile("stac");
		uint64_t set = flags();
		__asm__ volatile("clac");
		ok("stac and clac move AC", BIT(set, 18) && !BIT(flags(), 18));
	} else
		skip("stac and clac", "not offered");
	if (BIT(ext.edx, 27)) {
		uint64_t first, second;
		__asm__ volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(aux));
		first = ((uint64_t)high << 32) | low;
		__asm__ volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(aux));
		second = ((uint64_t)high << 32) | low;
		ok("rdtscp moves on", second > first);
	} else
		skip("rdtscp", "not offered");
	if (BIT(seven.ecx, 22)) {
		uint64_t id;
		__asm__ volatile("rdpid %0" : "=r"(id));
		__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(0xc0000103));
		ok("rdpid reads TSC_AUX", id == low);
	} else
		skip("rdpid", "not offered");
	if (BIT(seven.ebx, 10)) {
		pair[0] = pair[1] = 0;
		__asm__ volatile("invpcid %0, %1" : : "m"(pair), "r"(2ull) : "memory");
		ok("invpcid of everything returns", 1);
	} else
		skip("invpcid", "not offered");
	__asm__ volatile("verw %w1; setz %0" : "=q"(zf) : "r"(0x10));
	ok("verw of writable data sets ZF", zf);
	__asm__ volatile("verw %w1; setz %0" : "=q"(zf) : "r"(0x18));
	ok("verw of read-only data clears ZF", !zf);
	__asm__ volatile("verr %w1; setz %0" : "=q"(zf) : "r"(0x18));
	ok("verr of read-only data sets ZF", zf);
	if (BIT(one.ecx, 3)) {
		__asm__ volatile("monitor" : : "a"(area), "c"(0), "d"(0));
		ok("monitor arms", 1);

		/* QEMU's emulation takes MWAIT on a single processor for HLT, and no interrupt is on its way here. */
		struct cpuid hypervisor = cpuid(0x40000000, 0);
		if (BIT(one.ecx, 31) && hypervisor.ebx == 0x54474354)
			skip("mwait", "sleeps for good here");
		else {
			__asm__ volatile("mwait" : : "a"(0), "c"(0));
			ok("mwait returns", 1);
		}
	} else
		skip("monitor and mwait", "not offered");
}

static void x87(void)
{
	uint64_t bits = 0;
	uint16_t control = 0x27f, status;
	uint32_t n355 = 355, n113 = 113, zero = 0;
	__asm__ volatile("fninit; fwait");
	ok("fninit and fwait", 1);
	__asm__ volatile("fld1; fstpl %0" : "=m"(bits));
	ok("fld1", bits == 0x3ff0000000000000);
	__asm__ volatile("fldpi; fstpl %0" : "=m"(bits));
	ok("fldpi", bits == 0x400921fb54442d18);
	__asm__ volatile("fldcw %1; fildl %2; fidivl %3; fstpl %0" : "=m"(bits) : "m"(control), "m"(n355), "m"(n113));
	ok("355 / 113", bits == 0x400921fb78121fb8);
	__asm__ volatile("fldz; fld1; fcompp; fnstsw %0" : "=a"(status));
	ok("fcompp orders", (status & 0x4500) == 0);
	__asm__ volatile("fninit; fld1; fdivs %1; fnstsw %0; fnclex" : "=a"(status) : "m"(zero));
	ok("division by zero raises only its flag", (status & 0x3f) == 4);
}

static void vectors(void)
{
	uint32_t single = 0, r;
	__asm__ volatile("pcmpeqd %%xmm0, %%xmm0; pxor %%xmm1, %%xmm1; pmovmskb %%xmm0, %0" : "=r"(r) :);
	ok("pcmpeqd and pmovmskb", r == 0xffff);
	__asm__ volatile("movd %1, %%xmm0; movd %2, %%xmm1; addss %%xmm1, %%xmm0; movd %%xmm0, %0"
			 : "=r"(single) : "r"(0x3f800000), "r"(0x40000000));
	ok("addss", single == 0x40400000);
	__asm__ volatile("movd %1, %%xmm0; movd %2, %%xmm1; divss %%xmm1, %%xmm0; movd %%xmm0, %0"
			 : "=r"(single) : "r"(0x3f800000), "r"(0x40400000));
	ok("divss rounds to nearest", single == 0x3eaaaaab);
}

static void xsave(void)
{
	uint32_t low, high;
	uint64_t cr4, value;
	if (!BIT(one.ecx, 26)) {
		skip("xgetbv, xsetbv, xsave, xrstor and AVX", "not offered");
		return;
	}
	__asm__ volatile("mov %%cr4, %0; or $0x40000, %0; mov %0, %%cr4" : "=&r"(cr4));
	uint32_t wanted = cpuid(0xd, 0).eax & 7;
	__asm__ volatile("xsetbv" : : "a"(wanted), "d"(0), "c"(0));
	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	ok("xgetbv reads what xsetbv wrote", low == wanted && high == 0);

	__asm__ volatile("movq %0, %%xmm7" : : "r"(0x1122334455667788ull));
	__asm__ volatile("xsave %0" : "+m"(area) : "a"(7), "d"(0));
	ok("xsave stores a register", *(uint64_t *)(area + 160 + 112) == 0x1122334455667788 && BIT(area[512], 1));
	__asm__ volatile("pxor %%xmm7, %%xmm7" :);
	__asm__ volatile("xrstor %0" : : "m"(area), "a"(7), "d"(0));
	__asm__ volatile("movq %%xmm7, %0" : "=r"(value) :);
	ok("xrstor loads it", value == 0x1122334455667788);
	if (BIT(xsave1.eax, 0)) {
		__asm__ volatile("xsaveopt %0" : "+m"(area) : "a"(7), "d"(0));
		ok("xsaveopt", BIT(area[512], 1));
	} else
		skip("xsaveopt", "not offered");
	if (BIT(xsave1.eax, 1)) {
		__asm__ volatile("xsavec %0" : "+m"(area) : "a"(7), "d"(0));
		ok("xsavec marks its format", *(uint64_t *)(area + 520) == ((1ull << 63) | wanted));
		__asm__ volatile("pxor %%xmm7, %%xmm7" :);
		__asm__ volatile("xrstor %0" : : "m"(area), "a"(7), "d"(0));
		__asm__ volatile("movq %%xmm7, %0" : "=r"(value) :);
		ok("xrstor of the compacted format", value == 0x1122334455667788);
	} else
		skip("xsavec", "not offered");
	if (BIT(xsave1.eax, 3)) {
		__asm__ volatile("xsaves %0; pxor %%xmm7, %%xmm7; xrstors %0; movq %%xmm7, %1"
				 : "+m"(area), "=r"(value) : "a"(7), "d"(0));
		ok("xsaves and xrstors", value == 0x1122334455667788);
	} else
		skip("xsaves and xrstors", "not offered");
	if (BIT(one.ecx, 28) && BIT(wanted, 2)) {
		for (int i = 0; i < 32; i++)
			area[i] = i + 1;
		__asm__ volatile("vmovdqu (%0), %%ymm1; vpxor %%xmm0, %%xmm0, %%xmm0; vmovdqu %%ymm1, 64(%0)" : : "r"(area) : "memory");
		int same = 1;
		for (int i = 0; i < 32; i++)
			same &= area[64 + i] == i + 1;
		ok("vmovdqu moves 32 bytes", same);
		__asm__ volatile("vzeroupper; vmovdqu %%ymm1, %0" : "+m"(area) :);
		ok("vzeroupper clears the upper half", area[15] == 16 && area[16] == 0 && area[31] == 0);
	} else
		skip("vmovdqu and vzeroupper", "not offered");
}

int main(void)
{
	one = cpuid(1, 0);
	seven = cpuid(0, 0).eax >= 7 ? cpuid(7, 0) : (struct cpuid){0};
	ext = cpuid(0x80000001, 0);
	xsave1 = cpuid(0, 0).eax >= 0xd ? cpuid(0xd, 1) : (struct cpuid){0};
	traps();
	integers();
	system_instructions();
	x87();
	vectors();
	xsave();
	return finish();
}

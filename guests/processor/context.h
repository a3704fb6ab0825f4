/* What a fragment starts with and what it left: shared by assembly and C.
 *
 * A context is entered by IRET with every register in it, and a trap of any
 * kind, an interrupt included, ends the run and stores every register back, so
 * that another run goes on where this one stopped. Deliberately absent: what no
 * mode switch of the guest changes (descriptor tables, debug registers, MSRs);
 * tests set these directly. */
#pragma once

#define CONTEXT_RAX      0
#define CONTEXT_RCX      8
#define CONTEXT_RDX      16
#define CONTEXT_RBX      24
#define CONTEXT_RSP      32
#define CONTEXT_RBP      40
#define CONTEXT_RSI      48
#define CONTEXT_RDI      56
#define CONTEXT_R8       64
#define CONTEXT_RIP      128
#define CONTEXT_RFLAGS   136
#define CONTEXT_CS       144
#define CONTEXT_SS       152
#define CONTEXT_DS       160
#define CONTEXT_ES       168
#define CONTEXT_FS       176
#define CONTEXT_GS       184
#define CONTEXT_VECTOR   192
#define CONTEXT_ERROR    200
#define CONTEXT_CR2      208
#define CONTEXT_FRAME    216
#define CONTEXT_HFLAGS   224
#define CONTEXT_HSS      232
#define CONTEXT_CR0      240
#define CONTEXT_CR3      248
#define CONTEXT_CR4      256
#define CONTEXT_EFER     264
#define CONTEXT_MODE     272
#define CONTEXT_SIZE     280

/* Selectors. SYSENTER, SYSEXIT, SYSCALL and SYSRET dictate the order. */
#define CODE32      0x08
#define DATA        0x10
#define USER_CODE32 0x18
#define USER_DATA   0x20
#define USER_CODE64 0x28
/*      user data   0x30, again */
#define CODE64      0x38
/*      data        0x40, again */
#define CODE16      0x48        /* the copy of .real, as real mode sees it */
#define DATA16      0x50        /* 64 KiB for stack and data of 16-bit code */
#define TSS64       0x58        /* 16 bytes */
#define TSS32       0x68
#define LDT         0x70        /* 16 bytes in long mode */
#define SCRATCH     0x80        /* 16 descriptors that tests fill */
#define GDT_ENTRIES 32

#define END         0x30        /* the vector by which a fragment says it is done */
#define TRAP        0x31        /* a trap gate, DPL 3 */
#define KERNEL_ONLY 0x32        /* an interrupt gate, DPL 0 */

#define REAL_BASE   0x10000     /* where .real is copied to */
#define REAL_DATA   0x20000

#define LONG        0
#define LEGACY      1
#define REAL        2

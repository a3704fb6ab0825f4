/*
 * Ring 3 of the host's processor, for HvRunner.Hardware.Tests: a process that has the memory of the tests' tiny guest at the very same addresses and
 * runs the guest's own loop in it, so that random instructions meet the real processor where there is no /dev/kvm.
 *
 * Standard input brings one struct plan and its regions, then eight bytes for each batch; standard output takes eight bytes when the memory is there (as
 * descriptor 3, for whoever starts this to open) and after each batch: how often the kernel took the processor away from it, since a kernel that does not
 * know of WRFSBASE loses the bases then. An exception comes as a signal: what the kernel tells of it is put where the loop finds an exception's frame, and
 * the loop goes on at its recovery.
 *
 * The instructions are random, so nothing of the process is left to them: no other mapping above the plan's (no stack, no vDSO), no system call from anywhere
 * but here, and here only five. Freestanding: the loop takes FS and GS for itself, and a libc would want them back.
 *
 *     gcc -std=gnu11 -Werror -O2 -ffreestanding -nostdlib -static -no-pie -fno-stack-protector -mgeneral-regs-only -Wl,-Ttext-segment=0x5a200000
 *
 * Ends with 0 at the end of input, else with a status of enum failure. Deliberately absent: AVX state, which the comparison leaves alone, and ptrace,
 * which would take two switches of process for each instruction.
 */
#include <stddef.h>
#include <stdint.h>
#include <asm/prctl.h>
#include <asm/sigcontext.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <asm/ucontext.h>
#include <asm/unistd.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/seccomp.h>

enum failure { BAD_PLAN = 64, NO_MEMORY = 65, NO_SIGNALS = 66, NO_FILTER = 67, BROKEN_PIPE = 68, OWN_FAULT = 69, NO_BASES = 70 };

enum { MEMORY = 3, PAGE = 4096, ALTERNATE_BYTES = 1 << 16, UNDEFINED_OPCODE = 6, PAGE_FAULT = 14 };

/* Numbers of the guest's layout; regions follow. */
struct plan {
    uint64_t bytes;             /* of RAM */
    uint64_t loop;              /* its page, and the address of the store that hands over */
    uint64_t next;              /* where the loop takes the next block */
    uint64_t recover;           /* where it stores what an exception left */
    uint64_t recover_stack;
    uint64_t exit;              /* the address of that store's operand */
    uint64_t frame;             /* an exception's frame, lowest word first, in a page that can be written here */
    uint64_t regions;
};

struct region {
    uint64_t address, offset, bytes, protection;
};

/* What ring 0 of the guest leaves on its stack, lowest address first. */
struct frame {
    uint64_t cr2, rax, vector, error, rip, cs, rflags, rsp, ss;
};

/* The linker's. */
extern const char __executable_start[], etext[];

static struct plan plan;
static uint8_t alternate[ALTERNATE_BYTES] __attribute__((aligned(PAGE)));
uint8_t own_stack[ALTERNATE_BYTES] __attribute__((aligned(PAGE)));

__asm__(".text\n"
        ".globl _start\n"
        "_start: lea own_stack+65536(%rip), %rsp\n"
        "        xor %ebp, %ebp\n"
        "        call run\n"
        "restore: mov $15, %eax\n"
        "        syscall\n");
void restore(void) __attribute__((visibility("hidden")));

static long system_call(long number, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
    return result;
}

static void end(int status)
{
    for (;;)
        system_call(__NR_exit_group, status, 0, 0, 0, 0, 0);
}

/* Ends with the input, which is how a run ends. */
static void take(void *to, size_t bytes, int status)
{
    for (size_t have = 0; have < bytes;) {
        long got = system_call(__NR_read, 0, (long)to + (long)have, (long)(bytes - have), 0, 0, 0);
        if (got <= 0)
            end(got == 0 && have == 0 ? status : BROKEN_PIPE);
        have += (size_t)got;
    }
}

static uint64_t switches(void)
{
    struct rusage usage;
    system_call(__NR_getrusage, RUSAGE_SELF, (long)&usage, 0, 0, 0, 0);
    return (uint64_t)(usage.ru_nvcsw + usage.ru_nivcsw);
}

static void hand_over(void)
{
    static uint64_t before;
    uint64_t word = switches() - before;
    if (system_call(__NR_write, 1, (long)&word, sizeof word, 0, 0, 0) != sizeof word)
        end(BROKEN_PIPE);
    take(&word, sizeof word, 0);
    before = switches();
}

/* Registers are as the instruction left them; behind this the kernel puts them back, but for those that lead to the recovery. */
static void caught(int signal, siginfo_t *info, void *context)
{
    (void)info;
    struct sigcontext *at = (struct sigcontext *)&((struct ucontext *)context)->uc_mcontext;
    if (at->rip >= (uint64_t)__executable_start && at->rip < (uint64_t)etext)
        end(OWN_FAULT);
    if (at->trapno == PAGE_FAULT && at->cr2 == plan.exit && at->rip == plan.loop) {
        hand_over();
        at->rip = plan.next;
        return;
    }
    if (at->trapno == UNDEFINED_OPCODE && at->rip >= plan.loop && at->rip < plan.loop + PAGE)
        end(NO_BASES);
    struct frame *frame = (struct frame *)plan.frame;
    frame->cr2 = at->cr2;
    frame->vector = signal == SIGSYS ? 0x103 : at->trapno;
    frame->error = at->err;
    frame->rip = at->rip;
    frame->rflags = at->eflags;
    frame->rsp = at->rsp;
    at->rip = plan.recover;
    at->rsp = plan.recover_stack;
    at->eflags = 0x202;
}

static void set_up_memory(void)
{
    long made = system_call(__NR_memfd_create, (long)"ring3", 0, 0, 0, 0, 0);
    if (made != MEMORY && (made < 0 || system_call(__NR_dup2, made, MEMORY, 0, 0, 0, 0) != MEMORY))
        end(NO_MEMORY);
    if (system_call(__NR_ftruncate, MEMORY, (long)plan.bytes, 0, 0, 0, 0) != 0)
        end(NO_MEMORY);

    /* The first stack and the vDSO. */
    if (system_call(__NR_munmap, 0x600000000000, 0x7ffffffff000 - 0x600000000000, 0, 0, 0, 0) != 0)
        end(NO_MEMORY);
    for (uint64_t i = 0; i < plan.regions; i++) {
        struct region region;
        take(&region, sizeof region, BAD_PLAN);
        long got = system_call(__NR_mmap, (long)region.address, (long)region.bytes, (long)region.protection,
                               MAP_SHARED | MAP_FIXED_NOREPLACE | MAP_POPULATE, MEMORY, (long)region.offset);
        if (got != (long)region.address)
            end(NO_MEMORY);
    }
}

static void set_up_signals(void)
{
    static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS };
    stack_t stack = { .ss_sp = alternate, .ss_size = sizeof alternate };
    if (system_call(__NR_sigaltstack, (long)&stack, 0, 0, 0, 0, 0) != 0)
        end(NO_SIGNALS);
    struct sigaction action = {
        .sa_handler = (__sighandler_t)(void *)caught,
        .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | SA_RESTORER,
        .sa_restorer = restore,
    };
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        if (system_call(__NR_rt_sigaction, signals[i], (long)&action, 0, sizeof action.sa_mask, 0, 0) != 0)
            end(NO_SIGNALS);
}

/* From here on: read, write, getrusage, sigreturn and exit, from this file's code. Everything else is a SIGSYS. */
static void set_up_filter(void)
{
    uint32_t low = (uint32_t)(uint64_t)__executable_start, high = (uint32_t)(uint64_t)etext;
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 11),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer) + 4),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 9),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, low, 0, 7),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, high, 6, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_read, 5, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_write, 4, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_getrusage, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_rt_sigreturn, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_exit_group, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { .len = sizeof code / sizeof code[0], .filter = code };
    if (system_call(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0) != 0 ||
        system_call(__NR_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, (long)&program, 0, 0, 0) != 0)
        end(NO_FILTER);
}

void run(void)
{
    take(&plan, sizeof plan, BAD_PLAN);
    set_up_memory();
    set_up_signals();
    set_up_filter();
    hand_over();
    __asm__ volatile("jmp *%0" : : "r"(plan.next));
    __builtin_unreachable();
}

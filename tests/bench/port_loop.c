/* What an exit costs in C: runs a PVH guest in the plainest loop over KVM_RUN.
 *
 *     port_loop GUEST.ELF COMMAND-LINE
 *
 * The counterpart of "hvrun run GUEST.ELF -- COMMAND-LINE" for a guest that
 * needs nothing but its entry state: the same image, the same 32-bit protected
 * mode, KVM's own interrupt controllers, one vCPU. A port write is dropped, a
 * read answers all ones; a byte to port 0xf4 ends the run with that status.
 * Specification: Xen docs/misc/pvh; Linux Documentation/virt/kvm/api.rst.
 * Deliberately absent: devices, threads, signals, every check of the guest. */
#include <elf.h>
#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "../../guests/lib/pvh.h"

#define MEMORY_BYTES (32u << 20)
#define START_INFO 0x6000
#define COMMAND_LINE 0x7000
#define EXIT_PORT 0xf4
#define NT_PHYS32_ENTRY 18
#define MAX_CPUID_ENTRIES 256

static int call(int descriptor, unsigned long request, void *argument, const char *name)
{
    int result = ioctl(descriptor, request, argument);
    if (result < 0)
        err(1, "%s", name);
    return result;
}

#define CALL(descriptor, request, argument) call(descriptor, request, (void *)(argument), #request)

/* Puts the image in place; its entry point is in the note that names it. */
static uint32_t load(const char *path, uint8_t *memory)
{
    static uint8_t file[1 << 20];
    int descriptor = open(path, O_RDONLY);
    if (descriptor < 0 || read(descriptor, file, sizeof file) < (ssize_t)sizeof(Elf32_Ehdr))
        err(1, "%s", path);
    close(descriptor);

    const Elf32_Ehdr *header = (const Elf32_Ehdr *)file;
    const Elf32_Phdr *segments = (const Elf32_Phdr *)(file + header->e_phoff);
    uint32_t entry = 0;
    for (int i = 0; i < header->e_phnum; i++) {
        if (segments[i].p_type == PT_LOAD)
            memcpy(memory + segments[i].p_paddr, file + segments[i].p_offset, segments[i].p_filesz);
        const Elf32_Nhdr *note = (const Elf32_Nhdr *)(file + segments[i].p_offset);
        if (segments[i].p_type == PT_NOTE && note->n_type == NT_PHYS32_ENTRY)
            memcpy(&entry, (const uint8_t *)(note + 1) + ((note->n_namesz + 3) & ~3u), sizeof entry);
    }
    if (entry == 0)
        errx(1, "%s: no PVH entry", path);
    return entry;
}

static void set_entry_state(int vcpu, uint32_t entry)
{
    struct kvm_sregs system;
    struct kvm_segment data = { .limit = 0xffffffff, .type = 3, .present = 1, .db = 1, .s = 1, .g = 1 };
    struct kvm_regs general = { .rip = entry, .rbx = START_INFO, .rflags = 2 };

    CALL(vcpu, KVM_GET_SREGS, &system);
    system.ds = system.es = system.ss = system.fs = system.gs = data;
    system.cs = data;
    system.cs.type = 11;
    system.tr = (struct kvm_segment){ .limit = 0x67, .type = 11, .present = 1 };
    system.cr0 = 0x11;
    system.cr4 = 0;
    system.efer = 0;
    CALL(vcpu, KVM_SET_SREGS, &system);
    CALL(vcpu, KVM_SET_REGS, &general);
}

int main(int argc, char **argv)
{
    static struct {
        struct kvm_cpuid2 head;
        struct kvm_cpuid_entry2 entries[MAX_CPUID_ENTRIES];
    } cpuid = { .head.nent = MAX_CPUID_ENTRIES };

    if (argc != 3)
        errx(64, "usage: port_loop GUEST.ELF COMMAND-LINE");
    uint8_t *memory = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        err(1, "mmap");
    uint32_t entry = load(argv[1], memory);
    strcpy((char *)memory + COMMAND_LINE, argv[2]);
    *(struct hvm_start_info *)(memory + START_INFO) =
        (struct hvm_start_info){ .magic = START_INFO_MAGIC, .version = 1, .cmdline_paddr = COMMAND_LINE };

    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (kvm < 0)
        err(1, "/dev/kvm");
    int vm = CALL(kvm, KVM_CREATE_VM, 0);
    struct kvm_userspace_memory_region region = { .memory_size = MEMORY_BYTES, .userspace_addr = (uintptr_t)memory };
    CALL(vm, KVM_CREATE_IRQCHIP, 0);
    CALL(vm, KVM_SET_USER_MEMORY_REGION, &region);
    int vcpu = CALL(vm, KVM_CREATE_VCPU, 0);
    int run_bytes = CALL(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    struct kvm_run *run = mmap(NULL, run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    if (run == MAP_FAILED)
        err(1, "mmap of the vCPU");
    CALL(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid);
    CALL(vcpu, KVM_SET_CPUID2, &cpuid);
    set_entry_state(vcpu, entry);

    for (;;) {
        CALL(vcpu, KVM_RUN, 0);
        if (run->exit_reason == KVM_EXIT_IO) {
            uint8_t *data = (uint8_t *)run + run->io.data_offset;
            if (run->io.direction == KVM_EXIT_IO_IN)
                memset(data, 0xff, run->io.size * run->io.count);
            else if (run->io.port == EXIT_PORT)
                return *data;
        } else if (run->exit_reason == KVM_EXIT_MMIO) {
            if (!run->mmio.is_write)
                memset(run->mmio.data, 0xff, sizeof run->mmio.data);
        } else {
            errx(1, "unexpected exit %u", run->exit_reason);
        }
    }
}

namespace HvRunner.Kvm.Interop;

/// <summary>Numbers of linux/kvm.h and asm/kvm.h on x86-64, native names untouched. A test compiles C asserts over every constant here.</summary>
internal static class KvmConstants
{
    internal const ulong KVM_GET_API_VERSION = 0x0000AE00;
    internal const ulong KVM_CREATE_VM = 0x0000AE01;
    internal const ulong KVM_CHECK_EXTENSION = 0x0000AE03;
    internal const ulong KVM_GET_VCPU_MMAP_SIZE = 0x0000AE04;
    internal const ulong KVM_GET_SUPPORTED_CPUID = 0xC008AE05;
    internal const ulong KVM_CREATE_VCPU = 0x0000AE41;
    internal const ulong KVM_SET_USER_MEMORY_REGION = 0x4020AE46;
    internal const ulong KVM_SET_TSS_ADDR = 0x0000AE47;
    internal const ulong KVM_SET_IDENTITY_MAP_ADDR = 0x4008AE48;
    internal const ulong KVM_CREATE_IRQCHIP = 0x0000AE60;
    internal const ulong KVM_IRQ_LINE = 0x4008AE61;
    internal const ulong KVM_SET_GSI_ROUTING = 0x4008AE6A;
    internal const ulong KVM_SIGNAL_MSI = 0x4020AEA5;
    internal const ulong KVM_X86_SET_MSR_FILTER = 0x4188AEC6;
    internal const ulong KVM_GET_IRQCHIP = 0xC208AE62;
    internal const ulong KVM_ENABLE_CAP = 0x4068AEA3;
    internal const ulong KVM_RUN = 0x0000AE80;
    internal const ulong KVM_GET_REGS = 0x8090AE81;
    internal const ulong KVM_SET_REGS = 0x4090AE82;
    internal const ulong KVM_GET_SREGS = 0x8138AE83;
    internal const ulong KVM_SET_SREGS = 0x4138AE84;
    internal const ulong KVM_INTERRUPT = 0x4004AE86;
    internal const ulong KVM_GET_MSRS = 0xC008AE88;
    internal const ulong KVM_SET_MSRS = 0x4008AE89;
    internal const ulong KVM_SET_SIGNAL_MASK = 0x4004AE8B;
    internal const ulong KVM_GET_LAPIC = 0x8400AE8E;
    internal const ulong KVM_GET_STATS_FD = 0x0000AECE;
    internal const ulong KVM_SET_CPUID2 = 0x4008AE90;
    internal const ulong KVM_GET_MP_STATE = 0x8004AE98;
    internal const ulong KVM_SET_MP_STATE = 0x4004AE99;
    internal const ulong KVM_NMI = 0x0000AE9A;
    internal const ulong KVM_GET_VCPU_EVENTS = 0x8040AE9F;
    internal const ulong KVM_SET_VCPU_EVENTS = 0x4040AEA0;
    internal const ulong KVM_GET_DEBUGREGS = 0x8080AEA1;
    internal const ulong KVM_SET_DEBUGREGS = 0x4080AEA2;
    internal const ulong KVM_GET_XSAVE = 0x9000AEA4;
    internal const ulong KVM_SET_XSAVE = 0x5000AEA5;
    internal const ulong KVM_GET_XCRS = 0x8188AEA6;
    internal const ulong KVM_SET_XCRS = 0x4188AEA7;
    internal const ulong KVM_KVMCLOCK_CTRL = 0x0000AEAD;
    internal const ulong KVM_GET_TSC_KHZ = 0x0000AEA3;
    internal const ulong KVM_SET_DEVICE_ATTR = 0x4018AEE1;
    internal const ulong KVM_GET_DEVICE_ATTR = 0x4018AEE2;

    internal const int KVM_API_VERSION = 12;

    internal const uint KVM_CAP_IRQCHIP = 0;
    internal const uint KVM_CAP_USER_MEMORY = 3;
    internal const uint KVM_CAP_SET_TSS_ADDR = 4;
    internal const uint KVM_CAP_EXT_CPUID = 7;
    internal const uint KVM_CAP_CLOCKSOURCE = 8;
    internal const uint KVM_CAP_NR_VCPUS = 9;
    internal const uint KVM_CAP_NR_MEMSLOTS = 10;
    internal const uint KVM_CAP_MP_STATE = 14;
    internal const uint KVM_CAP_USER_NMI = 22;
    internal const uint KVM_CAP_IRQ_ROUTING = 25;
    internal const uint KVM_CAP_IRQFD = 32;
    internal const uint KVM_CAP_IOEVENTFD = 36;
    internal const uint KVM_CAP_SET_IDENTITY_MAP_ADDR = 37;
    internal const uint KVM_CAP_VCPU_EVENTS = 41;
    internal const uint KVM_CAP_DEBUGREGS = 50;
    internal const uint KVM_CAP_XSAVE = 55;
    internal const uint KVM_CAP_XCRS = 56;
    internal const uint KVM_CAP_TSC_CONTROL = 60;
    internal const uint KVM_CAP_GET_TSC_KHZ = 61;
    internal const uint KVM_CAP_MAX_VCPUS = 66;
    internal const uint KVM_CAP_TSC_DEADLINE_TIMER = 72;
    internal const uint KVM_CAP_SIGNAL_MSI = 77;
    internal const uint KVM_CAP_READONLY_MEM = 81;
    internal const uint KVM_CAP_SPLIT_IRQCHIP = 121;
    internal const uint KVM_CAP_IMMEDIATE_EXIT = 136;
    internal const uint KVM_CAP_X86_USER_SPACE_MSR = 188;
    internal const uint KVM_CAP_X86_MSR_FILTER = 189;
    internal const uint KVM_CAP_EXIT_ON_EMULATION_FAILURE = 204;
    internal const uint KVM_CAP_DISABLE_QUIRKS2 = 213;

    internal const ulong KVM_X86_QUIRK_FIX_HYPERCALL_INSN = 1 << 5;
    internal const ulong KVM_MSR_EXIT_REASON_INVAL = 1;
    internal const ulong KVM_MSR_EXIT_REASON_UNKNOWN = 2;
    internal const ulong KVM_MSR_EXIT_REASON_FILTER = 4;
    internal const uint KVM_MSR_FILTER_READ = 1;
    internal const uint KVM_MSR_FILTER_WRITE = 2;

    internal const uint KVM_VCPU_TSC_CTRL = 0;
    internal const ulong KVM_VCPU_TSC_OFFSET = 0;

    internal const uint KVM_EXIT_UNKNOWN = 0;
    internal const uint KVM_EXIT_EXCEPTION = 1;
    internal const uint KVM_EXIT_IO = 2;
    internal const uint KVM_EXIT_HYPERCALL = 3;
    internal const uint KVM_EXIT_DEBUG = 4;
    internal const uint KVM_EXIT_HLT = 5;
    internal const uint KVM_EXIT_MMIO = 6;
    internal const uint KVM_EXIT_IRQ_WINDOW_OPEN = 7;
    internal const uint KVM_EXIT_SHUTDOWN = 8;
    internal const uint KVM_EXIT_FAIL_ENTRY = 9;
    internal const uint KVM_EXIT_INTR = 10;
    internal const uint KVM_EXIT_SET_TPR = 11;
    internal const uint KVM_EXIT_TPR_ACCESS = 12;
    internal const uint KVM_EXIT_NMI = 16;
    internal const uint KVM_EXIT_INTERNAL_ERROR = 17;
    internal const uint KVM_EXIT_SYSTEM_EVENT = 24;
    internal const uint KVM_EXIT_IOAPIC_EOI = 26;
    internal const uint KVM_EXIT_HYPERV = 27;
    internal const uint KVM_EXIT_X86_RDMSR = 29;
    internal const uint KVM_EXIT_X86_WRMSR = 30;
    internal const uint KVM_EXIT_DIRTY_RING_FULL = 31;
    internal const uint KVM_EXIT_AP_RESET_HOLD = 32;
    internal const uint KVM_EXIT_X86_BUS_LOCK = 33;
    internal const uint KVM_EXIT_XEN = 34;
    internal const uint KVM_EXIT_NOTIFY = 37;

    internal const byte KVM_EXIT_IO_IN = 0;
    internal const byte KVM_EXIT_IO_OUT = 1;

    internal const uint KVM_INTERNAL_ERROR_EMULATION = 1;
    internal const uint KVM_INTERNAL_ERROR_SIMUL_EX = 2;
    internal const uint KVM_INTERNAL_ERROR_DELIVERY_EV = 3;
    internal const uint KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON = 4;
    internal const ulong KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES = 1;

    internal const uint KVM_SYSTEM_EVENT_SHUTDOWN = 1;
    internal const uint KVM_SYSTEM_EVENT_RESET = 2;
    internal const uint KVM_SYSTEM_EVENT_CRASH = 3;

    internal const uint KVM_MP_STATE_RUNNABLE = 0;
    internal const uint KVM_MP_STATE_UNINITIALIZED = 1;
    internal const uint KVM_MP_STATE_INIT_RECEIVED = 2;
    internal const uint KVM_MP_STATE_HALTED = 3;
    internal const uint KVM_MP_STATE_SIPI_RECEIVED = 4;

    internal const uint KVM_VCPUEVENT_VALID_NMI_PENDING = 1;
    internal const uint KVM_VCPUEVENT_VALID_SHADOW = 4;
    internal const byte KVM_X86_SHADOW_INT_STI = 2;
    internal const uint KVM_CPUID_FLAG_SIGNIFCANT_INDEX = 1;
    internal const uint KVM_IRQCHIP_PIC_MASTER = 0;
    internal const uint KVM_IRQCHIP_PIC_SLAVE = 1;
    internal const uint KVM_IRQCHIP_IOAPIC = 2;
    internal const uint KVM_IRQ_ROUTING_IRQCHIP = 1;
    internal const uint KVM_IRQ_ROUTING_MSI = 2;
}

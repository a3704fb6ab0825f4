/*
 * Proof that hvrun's declarations of KVM's interface (src/HvRunner.Kvm/Interop) are those of the headers.
 *
 * C# cannot include a header, so the numbers there were written down. A test of HvRunner.Kvm.Tests generates one _Static_assert for
 * every constant, every structure's size and every field's offset and size, and compiles this file around them:
 *
 *     gcc -std=c11 -Werror -fsyntax-only -I DIRECTORY_OF_THE_GENERATED_HEADER native/kvm_layout.c
 *
 * Nothing is ever linked or run. What stands below the generated part are layouts that the managed code lays out by hand in a buffer.
 * The headers are those of Debian 12 (Linux 6.1, package linux-libc-dev) or newer.
 */
#include <stddef.h>
#include <linux/kvm.h>

#include "kvm_layout_asserts.h"

/* KvmCpuid and KvmVcpu.SetCpuid: a count and a padding word, then the entries. */
_Static_assert(offsetof(struct kvm_cpuid2, nent) == 0, "kvm_cpuid2.nent");
_Static_assert(offsetof(struct kvm_cpuid2, entries) == 8, "kvm_cpuid2.entries");

/* KvmVcpu.MsrList: the same for one register. */
_Static_assert(offsetof(struct kvm_msrs, nmsrs) == 0, "kvm_msrs.nmsrs");
_Static_assert(offsetof(struct kvm_msrs, entries) == 8, "kvm_msrs.entries");

/* VcpuKickSignal.Enter: the length, then the mask without padding between them. */
_Static_assert(offsetof(struct kvm_signal_mask, len) == 0, "kvm_signal_mask.len");
_Static_assert(offsetof(struct kvm_signal_mask, sigset) == 4, "kvm_signal_mask.sigset");

/* KvmPartition.CanDeliverNonMaskable: the redirection table behind the header and three registers. */
_Static_assert(sizeof(struct kvm_irqchip) == 520, "kvm_irqchip");
_Static_assert(offsetof(struct kvm_irqchip, chip_id) == 0, "kvm_irqchip.chip_id");
_Static_assert(offsetof(struct kvm_irqchip, chip.ioapic) + offsetof(struct kvm_ioapic_state, redirtbl) == 8 + 24, "redirection table");
_Static_assert(sizeof(((struct kvm_ioapic_state *)0)->redirtbl[0]) == 8, "redirection entry");

/* ExtendedState.Image and KvmVcpu.NonMaskableWake: buffers of exactly what the kernel fills. */
_Static_assert(sizeof(struct kvm_xsave) == 4096, "kvm_xsave");
_Static_assert(sizeof(struct kvm_lapic_state) == 1024, "kvm_lapic_state");

/* KvmEntryCount: the statistics' header, and a description before its name. */
_Static_assert(offsetof(struct kvm_stats_header, name_size) == 4, "kvm_stats_header.name_size");
_Static_assert(offsetof(struct kvm_stats_header, num_desc) == 8, "kvm_stats_header.num_desc");
_Static_assert(offsetof(struct kvm_stats_header, desc_offset) == 16, "kvm_stats_header.desc_offset");
_Static_assert(offsetof(struct kvm_stats_header, data_offset) == 20, "kvm_stats_header.data_offset");
_Static_assert(sizeof(struct kvm_stats_header) == 24, "kvm_stats_header");
_Static_assert(offsetof(struct kvm_stats_desc, offset) == 8, "kvm_stats_desc.offset");
_Static_assert(sizeof(struct kvm_stats_desc) == 16, "kvm_stats_desc");

/* KvmLevelRoutes.Set: a count and the flags, then the entries. */
_Static_assert(offsetof(struct kvm_irq_routing, nr) == 0, "kvm_irq_routing.nr");
_Static_assert(offsetof(struct kvm_irq_routing, flags) == 4, "kvm_irq_routing.flags");
_Static_assert(offsetof(struct kvm_irq_routing, entries) == 8, "kvm_irq_routing.entries");

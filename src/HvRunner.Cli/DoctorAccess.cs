using HvRunner.Kvm;

namespace HvRunner.Cli;

/// <summary>Why KVM cannot be opened, and the command that mends it. Pure: it speaks of the host that it is given.</summary>
internal static class DoctorAccess
{
    private const string Device = KvmHypervisor.DevicePath;
    private const UnixFileMode GroupAccess = UnixFileMode.GroupRead | UnixFileMode.GroupWrite;
    private const UnixFileMode OtherAccess = UnixFileMode.OtherRead | UnixFileMode.OtherWrite;
    private const string ContainerFix = "in a container, pass the device in: --device /dev/kvm";

    /// <summary>There is no device.</summary>
    internal static (string Text, string Fix) ExplainMissing(DoctorHost host)
    {
        if (host.KernelHasKvm)
        {
            return ($"The kernel has KVM, but there is no {Device} here.", ContainerFix + "; elsewhere: sudo mknod /dev/kvm c 10 232");
        }

        return host.ProcessorFeature switch
        {
            "vmx" => ($"There is no {Device}. The processor offers virtualization (vmx), but the kernel's KVM driver is not loaded.", "sudo modprobe kvm_intel; " + ContainerFix),
            "svm" => ($"There is no {Device}. The processor offers virtualization (svm), but the kernel's KVM driver is not loaded.", "sudo modprobe kvm_amd; " + ContainerFix),
            _ => (
                $"There is no {Device}, and /proc/cpuinfo shows no virtualization (neither vmx nor svm).",
                "enable virtualization in the firmware; if this is a virtual machine itself, enable nested virtualization on its host"),
        };
    }

    /// <summary>There is a device, and this user may not open it.</summary>
    internal static (string Text, string Fix) ExplainForbidden(DoctorHost host)
    {
        if (host.Node is not { } node)
        {
            return ($"{Device} may not be opened by this user.", "run as root");
        }

        var group = host.Group(node.GroupId);
        var belongs = $"it belongs to {(group is { } known ? $"group '{known.Name}'" : $"group {node.GroupId}, which has no name here,")} and has mode {ModeText(node.Mode)}";
        if (host.IsRoot || node.Mode.HasFlag(OtherAccess))
        {
            return (
                $"{Device} exists, and its mode lets '{host.User}' open it ({belongs}), but the system refuses.",
                ContainerFix + "; elsewhere, a security module forbids it");
        }

        var text = $"{Device} exists, but '{host.User}' may not open it: {belongs}.";
        if (!node.Mode.HasFlag(GroupAccess) || node.GroupId == 0)
        {
            return (text, OpenToGroup(host));
        }

        if (group is not { } owner)
        {
            return (text, $"in a container, add the group: --group-add {node.GroupId}; elsewhere: sudo setfacl -m u:{host.User}:rw {Device}");
        }

        return owner.Members.Contains(host.User)
            ? ($"{text} '{host.User}' is a member of '{owner.Name}', but this session began before that.", $"log in again, or run: newgrp {owner.Name}")
            : (text, $"sudo usermod -aG {owner.Name} {host.User}, then log in again");
    }

    /// <summary>Nobody but root has access: the device needs a group of its own, or an entry for this user.</summary>
    private static string OpenToGroup(DoctorHost host)
    {
        var forNow = $"sudo setfacl -m u:{host.User}:rw {Device}";
        var group = host.HasGroup("kvm") ? string.Empty : "sudo groupadd -r kvm; ";
        return $"for now: {forNow}, or run as root; for good: {group}sudo chgrp kvm {Device}; sudo chmod 660 {Device}; sudo usermod -aG kvm {host.User}; then log in again";
    }

    private static string ModeText(UnixFileMode mode) => Convert.ToString((int)mode, 8).PadLeft(4, '0');
}

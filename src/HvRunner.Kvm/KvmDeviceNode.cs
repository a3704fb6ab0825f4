using HvRunner.Host.Interop;
using static HvRunner.Host.Interop.LibcConstants;

namespace HvRunner.Kvm;

/// <summary>The device's node in the file system: who may open it. Read without opening it.</summary>
/// <param name="IsCharacterDevice">It is a character device, as it has to be.</param>
/// <param name="OwnerId">User id of its owner.</param>
/// <param name="GroupId">Id of its group.</param>
/// <param name="Mode">Permission bits.</param>
public sealed record KvmDeviceNode(bool IsCharacterDevice, uint OwnerId, uint GroupId, UnixFileMode Mode)
{
    /// <summary>Looks at a node, as a rule at <see cref="KvmHypervisor.DevicePath"/>; null when there is none that this user can see. Any thread.</summary>
    public static unsafe KvmDeviceNode? Find(string path)
    {
        statx_t found;
        return Libc.statx(AT_FDCWD, path, 0, STATX_TYPE | STATX_MODE | STATX_UID | STATX_GID, &found) < 0
            ? null
            : new KvmDeviceNode((found.stx_mode & S_IFMT) == S_IFCHR, found.stx_uid, found.stx_gid, (UnixFileMode)(found.stx_mode & 0xfff));
    }
}

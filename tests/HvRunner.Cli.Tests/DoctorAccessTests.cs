using HvRunner.Kvm;

namespace HvRunner.Cli.Tests;

public sealed class DoctorAccessTests
{
    private const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode OwnerAndGroup = Owner | UnixFileMode.GroupRead | UnixFileMode.GroupWrite;
    private const UnixFileMode Everyone = OwnerAndGroup | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

    private static DoctorHost Host(uint group, UnixFileMode mode, params IReadOnlyList<string> groups) => new()
    {
        User = "eva",
        Node = new KvmDeviceNode(true, 0, group, mode),
        Groups = groups,
    };

    [Fact]
    public void GroupOfTheDevice_IsNamedAndToBeJoined()
    {
        var (text, fix) = DoctorAccess.ExplainForbidden(Host(104, OwnerAndGroup, "root:x:0:", "kvm:x:104:otto"));

        Assert.Equal("/dev/kvm exists, but 'eva' may not open it: it belongs to group 'kvm' and has mode 0660.", text);
        Assert.Equal("sudo usermod -aG kvm eva, then log in again", fix);
    }

    [Fact]
    public void MemberWhoseSessionIsOlder_IsToLogInAgain()
    {
        var (text, fix) = DoctorAccess.ExplainForbidden(Host(104, OwnerAndGroup, "kvm:x:104:otto,eva"));

        Assert.Contains("'eva' is a member of 'kvm'", text, StringComparison.Ordinal);
        Assert.Equal("log in again, or run: newgrp kvm", fix);
    }

    [Theory]
    [InlineData(Owner)]
    [InlineData(OwnerAndGroup)]
    public void GroupRoot_IsNotToBeJoined(UnixFileMode mode)
    {
        var (_, fix) = DoctorAccess.ExplainForbidden(Host(0, mode, "root:x:0:", "kvm:x:104:"));

        Assert.DoesNotContain("-aG root", fix, StringComparison.Ordinal);
        Assert.DoesNotContain("groupadd", fix, StringComparison.Ordinal);
        Assert.Contains("sudo setfacl -m u:eva:rw /dev/kvm", fix, StringComparison.Ordinal);
        Assert.Contains("sudo chgrp kvm /dev/kvm", fix, StringComparison.Ordinal);
    }

    [Fact]
    public void HostWithoutTheGroup_IsToMakeIt() =>
        Assert.Contains("sudo groupadd -r kvm", DoctorAccess.ExplainForbidden(Host(0, Owner, "root:x:0:")).Fix, StringComparison.Ordinal);

    [Fact]
    public void GroupWithoutAName_IsGivenToTheContainer()
    {
        var (text, fix) = DoctorAccess.ExplainForbidden(Host(993, OwnerAndGroup, "root:x:0:"));

        Assert.Contains("group 993, which has no name here", text, StringComparison.Ordinal);
        Assert.Contains("--group-add 993", fix, StringComparison.Ordinal);
    }

    [Fact]
    public void OpenMode_PointsToTheContainer() =>
        Assert.Contains("--device /dev/kvm", DoctorAccess.ExplainForbidden(Host(104, Everyone, "kvm:x:104:")).Fix, StringComparison.Ordinal);

    [Fact]
    public void Root_IsNotToldToBecomeRoot() =>
        Assert.DoesNotContain("as root", DoctorAccess.ExplainForbidden(Host(0, Owner) with { IsRoot = true }).Fix, StringComparison.Ordinal);

    [Theory]
    [InlineData("vmx", "modprobe kvm_intel")]
    [InlineData("svm", "modprobe kvm_amd")]
    [InlineData(null, "firmware")]
    public void MissingDevice_IsMendedByWhatTheProcessorShows(string? feature, string expected) =>
        Assert.Contains(expected, DoctorAccess.ExplainMissing(new DoctorHost { User = "eva", ProcessorFeature = feature }).Fix, StringComparison.Ordinal);

    [Fact]
    public void MissingNode_OfAKernelWithKvm_IsTheContainers() =>
        Assert.Contains("--device /dev/kvm", DoctorAccess.ExplainMissing(new DoctorHost { User = "eva", KernelHasKvm = true }).Fix, StringComparison.Ordinal);

    [Theory]
    [InlineData("flags\t\t: fpu vme vmx de", "vmx")]
    [InlineData("flags\t\t: fpu svm_lock svm", "svm")]
    [InlineData("flags\t\t: fpu hypervisor", null)]
    public void ProcessorFeature_IsAWholeWord(string line, string? expected) =>
        Assert.Equal(expected, DoctorHost.FeatureOf(["processor\t: 0", "vmx flags\t\t: vnmi", line]));

    [Fact]
    public void UserWithoutAName_IsCalledByTheNumber()
    {
        Assert.Equal("54321", DoctorHost.UserIdOf(["Name:\thvrun", "Uid:\t0\t54321\t0\t0"]));
        Assert.Equal("this user", DoctorHost.UserIdOf([]));
    }

    [Fact]
    public void User_IsTheNumberWhereNobodyKnowsTheName()
    {
        string[] status = ["Uid:\t0\t54321\t0\t0"];
        Assert.Equal("alice", DoctorHost.NameOf(() => "alice", status));
        Assert.Equal("54321", DoctorHost.NameOf(() => string.Empty, status));
        Assert.Equal("54321", DoctorHost.NameOf(() => throw new FileNotFoundException("no /etc/passwd"), status));
    }

    [Fact]
    public void Node_OfAFile_IsNoDevice()
    {
        Assert.True(KvmDeviceNode.Find("/dev/null")!.IsCharacterDevice);
        Assert.False(KvmDeviceNode.Find("/etc/passwd")!.IsCharacterDevice);
        Assert.Equal(Owner | UnixFileMode.GroupRead | UnixFileMode.OtherRead, KvmDeviceNode.Find("/etc/passwd")!.Mode);
        Assert.Equal(0u, KvmDeviceNode.Find("/etc/passwd")!.OwnerId);
        Assert.Null(KvmDeviceNode.Find("/dev/no such device"));
    }
}

using System.Reflection;
using HvRunner.Host;
using HvRunner.Host.Interop;
using HvRunner.Kvm.Interop;

namespace HvRunner.Kvm.Tests.Layout;

/// <summary>Every constant, size and offset of the interop declarations against the C headers: proven, not believed.</summary>
public class LayoutTests
{
    private static readonly string[] Kvm =
    [
        .. LayoutAsserts.ForConstants(typeof(KvmConstants)),
        .. LayoutAsserts.ForStructures("HvRunner.Kvm.Interop", typeof(KvmHypervisor).Assembly),
    ];

    private static readonly string[] Libc =
    [
        .. LayoutAsserts.ForConstants(typeof(LibcConstants)),
        .. LayoutAsserts.ForStructures("HvRunner.Host.Interop", typeof(EventFd).Assembly),
    ];

    [Fact]
    public void KvmDeclarations_AreTheHeaders() => Assert.Equal(string.Empty, CCompiler.Check("kvm_layout.c", "kvm_layout_asserts.h", Kvm));

    [Fact]
    public void LibcDeclarations_AreTheHeaders() => Assert.Equal(string.Empty, CCompiler.Check("libc_layout.c", "libc_layout_asserts.h", Libc));

    [Theory]
    [InlineData("KVM_RUN ==", "KVM_RUN + 1 ==")]
    [InlineData("offsetof(struct kvm_run, internal.data) == 40", "offsetof(struct kvm_run, internal.data) == 48")]
    [InlineData("sizeof(struct kvm_sregs) == 312", "sizeof(struct kvm_sregs) == 320")]
    [InlineData("->io.size) == 1", "->io.size) == 2")]
    public void WrongLine_Fails(string right, string wrong)
    {
        var lines = Kvm.Select(line => line.Replace(right, wrong, StringComparison.Ordinal)).ToArray();
        Assert.NotEqual(Kvm, lines);
        Assert.Contains("static assertion failed", CCompiler.Check("kvm_layout.c", "kvm_layout_asserts.h", lines), StringComparison.Ordinal);
    }

    [Fact]
    public void Asserts_CoverEveryDeclaration()
    {
        AssertCovers(Kvm, typeof(KvmConstants), "HvRunner.Kvm.Interop", typeof(KvmHypervisor).Assembly);
        AssertCovers(Libc, typeof(LibcConstants), "HvRunner.Host.Interop", typeof(EventFd).Assembly);
    }

    private static void AssertCovers(string[] lines, Type constants, string nameSpace, Assembly assembly)
    {
        var types = LayoutAsserts.NativeTypes(nameSpace, assembly).ToList();
        var fields = types.Sum(type => LayoutAsserts.FieldsOf(type).Count());
        var literals = constants.GetFields(BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public).Length;
        Assert.NotEmpty(types);
        Assert.Equal(literals + types.Count + (2 * fields), lines.Length);
    }
}

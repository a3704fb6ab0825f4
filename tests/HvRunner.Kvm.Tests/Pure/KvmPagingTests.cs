namespace HvRunner.Kvm.Tests.Pure;

/// <summary>What the kernel's modules say of their page tables; where none does, they are taken for KVM's own.</summary>
public sealed class KvmPagingTests : IDisposable
{
    private readonly string _modules = Directory.CreateTempSubdirectory().FullName;

    public void Dispose() => Directory.Delete(_modules, recursive: true);

    [Theory]
    [InlineData("kvm_intel", "ept", "Y\n", false)]
    [InlineData("kvm_intel", "ept", "N\n", true)]
    [InlineData("kvm_amd", "npt", "1\n", false)]
    [InlineData("kvm_amd", "npt", "0\n", true)]
    [InlineData("kvm_amd", "ept", "Y\n", true)]
    [InlineData("kvm_other", "npt", "Y\n", true)]
    public void Shadows_UnlessAModuleHasASecondStage(string module, string parameter, string value, bool expected)
    {
        var parameters = Directory.CreateDirectory(Path.Combine(_modules, module, "parameters"));
        File.WriteAllText(Path.Combine(parameters.FullName, parameter), value);
        Assert.Equal(expected, KvmPaging.Shadows(_modules));
    }
}

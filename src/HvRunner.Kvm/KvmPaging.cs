namespace HvRunner.Kvm;

/// <summary>
/// Whether this host's KVM translates by the processor's second stage (EPT, NPT) or by tables of its own, which it derives from the guest's and keeps true by watching the
/// guest's writes. What hvrun writes into guest memory it does not watch.
/// </summary>
internal static class KvmPaging
{
    private static readonly Lazy<bool> OfThisHost = new(() => Shadows("/sys/module"));

    /// <summary>The tables that the processor walks are KVM's own, or it cannot be told.</summary>
    internal static bool ShadowsPageTables => OfThisHost.Value;

    /// <summary>As <see cref="ShadowsPageTables"/>, by what the kernel's modules say of themselves.</summary>
    internal static bool Shadows(string modules) =>
        !IsOn(Path.Combine(modules, "kvm_intel", "parameters", "ept")) && !IsOn(Path.Combine(modules, "kvm_amd", "parameters", "npt"));

    private static bool IsOn(string parameter)
    {
        try
        {
            return File.ReadAllText(parameter).Trim() is "Y" or "1";
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}

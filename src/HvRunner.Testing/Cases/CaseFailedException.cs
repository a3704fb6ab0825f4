namespace HvRunner.Testing.Cases;

/// <summary>A case has failed: carries the sentence from where that is found out to where the case is judged. Users never see it.</summary>
/// <param name="message">What happened, for people.</param>
/// <param name="isTimeout">A time limit passed.</param>
/// <param name="details">More lines, or none.</param>
internal sealed class CaseFailedException(string message, bool isTimeout = false, IReadOnlyList<string>? details = null) : Exception(message)
{
    /// <summary>A time limit passed, so what the guest did last is of interest.</summary>
    internal bool IsTimeout => isTimeout;

    /// <summary>More lines about it.</summary>
    internal IReadOnlyList<string> Details => details ?? [];
}

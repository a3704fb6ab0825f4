namespace HvRunner.Kvm;

/// <summary>A time-stamp counter, read at some moment between two readings of the timer queue's clock.</summary>
/// <param name="BeforeNs">The clock before.</param>
/// <param name="Counter">The counter.</param>
/// <param name="AfterNs">The clock after.</param>
internal readonly record struct TimestampReading(long BeforeNs, ulong Counter, long AfterNs)
{
    /// <summary>How much of the clock the moment may be anywhere in.</summary>
    internal long WidthNs => AfterNs - BeforeNs;
}

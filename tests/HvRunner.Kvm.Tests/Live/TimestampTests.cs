using HvRunner.Abstractions;

namespace HvRunner.Kvm.Tests.Live;

/// <summary>The time-stamp counter of a vCPU whose local APIC is the machine's, as the guest has it and as the machine is told.</summary>
[Collection(KvmDevice.Name)]
public class TimestampTests
{
    private const uint CounterMsr = 0x10;
    private const uint AdjustMsr = 0x3b;

    /// <summary>Some seconds on any host, and more than a slow one needs to look again.</summary>
    private const ulong Soon = 1ul << 36;

    /// <summary>rdmsr of IA32_TSC_DEADLINE; rdtsc; out 0x80, eax; mov eax, edx; out 0x81, eax</summary>
    private static readonly byte[] Tell = [0xb9, 0xe0, 0x06, 0, 0, 0x0f, 0x32, 0x0f, 0x31, 0xe7, 0x80, 0x89, 0xd0, 0xe7, 0x81];

    /// <summary>The guest looks between two answers that the machine gets: it is never behind the first, and hardly before the second.</summary>
    [KvmFact]
    public void Timestamp_IsNeverAheadOfTheGuests()
    {
        using var guest = LiveGuest.OfUserMode([.. Tell, 0xeb, (byte)(0x100 - Tell.Length - 2)]);
        var timestamp = (IVcpuTimestamp)guest.Vcpu;
        var (ahead, rounds, said) = (0, 0, timestamp.Timestamp);
        var seen = new Told(guest, counter =>
        {
            ahead += counter < said ? 1 : 0;
            Assert.InRange(timestamp.Timestamp, counter - Math.Min(counter, Soon), counter + Soon);
            said = timestamp.Timestamp;
            Assert.True(guest.Vcpu.TryGetMsr(CounterMsr, out var now));
            ahead += now < said ? 1 : 0;
            return ++rounds < KvmDevice.Rounds;
        });
        guest.RunUntilStopped(seen.Handler);
        Assert.Equal(0, ahead);
    }

    [KvmCounterTheory]
    [InlineData(0ul)]
    [InlineData(0x1234_5678_9abcul)]
    [InlineData(ulong.MaxValue - Soon)]
    public void WrittenCounter_MovesWhatTheMachineIsTold(ulong value)
    {
        using var guest = LiveGuest.OfUserMode([.. Write(CounterMsr, value), .. Tell, 0xeb, 0xfe]);
        var timestamp = (IVcpuTimestamp)guest.Vcpu;
        Assert.True(guest.Vcpu.TryGetMsr(CounterMsr, out var before));
        Assert.True(guest.Vcpu.TryGetMsr(AdjustMsr, out var adjustBefore));
        var (moved, atMove) = (0, 0ul);
        timestamp.TimestampMoved += () =>
        {
            moved++;
            atMove = timestamp.Timestamp;
        };
        var counter = RunAndRead(guest);
        Assert.Equal(1, moved);
        Assert.InRange(atMove - value, 0ul, Soon);
        Assert.InRange(counter - value, 0ul, Soon);
        Assert.InRange(timestamp.Timestamp - counter, 0ul, Soon);
        Assert.True(timestamp.DeadlineNs(counter) <= System.Diagnostics.Stopwatch.GetTimestamp());
        Assert.True(guest.Vcpu.TryGetMsr(AdjustMsr, out var adjust));
        Assert.InRange(value - before - (adjust - adjustBefore), 0ul, Soon);
    }

    [KvmCounterTheory]
    [InlineData(1ul << 50)]
    [InlineData(0x1234_5678_9abcul)]
    public void WrittenAdjustment_MovesTheCounterByAsMuch(ulong value)
    {
        using var guest = LiveGuest.OfUserMode([.. Write(AdjustMsr, value), .. Tell, 0xeb, 0xfe]);
        var timestamp = (IVcpuTimestamp)guest.Vcpu;
        Assert.True(guest.Vcpu.TryGetMsr(AdjustMsr, out var adjust));
        Assert.True(guest.Vcpu.TryGetMsr(CounterMsr, out var before));
        var moved = 0;
        timestamp.TimestampMoved += () => moved++;
        var counter = RunAndRead(guest);
        Assert.Equal(1, moved);
        Assert.InRange(counter - before - (value - adjust), 0ul, Soon);
        Assert.InRange(timestamp.Timestamp - counter, 0ul, Soon);
        Assert.True(guest.Vcpu.TryGetMsr(AdjustMsr, out adjust));
        Assert.Equal(value, adjust);
    }

    /// <summary>Where KVM shows the host's counter whatever it is set to, the write is dropped, and RDMSR, RDTSC and the machine go on telling one time.</summary>
    [KvmFact]
    public void WrittenCounter_IsDroppedWhereItCannotMove()
    {
        const ulong Written = 1ul << 61;
        using var guest = LiveGuest.OfUserMode([.. Write(CounterMsr, Written), .. Tell, 0xeb, 0xfe]);
        var timestamp = (IVcpuTimestamp)guest.Vcpu;
        Assert.True(guest.Vcpu.TryGetMsr(CounterMsr, out var before));
        var moved = 0;
        timestamp.TimestampMoved += () => moved++;
        var counter = RunAndRead(guest);
        Assert.True(guest.Vcpu.TryGetMsr(CounterMsr, out var after));
        Assert.InRange(after - counter, 0ul, Soon);
        Assert.InRange(timestamp.Timestamp - counter, 0ul, Soon);
        Assert.Equal(KvmDevice.MovesCounterInUserMode ? 1 : 0, moved);
        Assert.InRange(counter - (KvmDevice.MovesCounterInUserMode ? Written : before), 0ul, Soon);
    }

    /// <summary>Runs the guest until it has told its counter, once.</summary>
    private static ulong RunAndRead(LiveGuest guest)
    {
        var counter = 0ul;
        guest.RunUntilStopped(new Told(guest, told =>
        {
            counter = told;
            return false;
        }).Handler);
        return counter;
    }

    /// <summary>mov ecx, msr; mov eax, low; mov edx, high; wrmsr</summary>
    private static byte[] Write(uint msr, ulong value) =>
    [
        0xb9, .. BitConverter.GetBytes(msr), 0xb8, .. BitConverter.GetBytes((uint)value), 0xba, .. BitConverter.GetBytes((uint)(value >> 32)), 0x0f, 0x30,
    ];

    /// <summary>Puts the halves together of what the guest has read.</summary>
    private sealed class Told
    {
        private uint _low;

        /// <summary>Goes on as long as it is told to.</summary>
        internal Told(LiveGuest guest, Func<ulong, bool> goOn) => Handler = new Handler
        {
            OnMsrRead = (uint _, out ulong value) =>
            {
                value = 0;
                return true;
            },
            OnPortWrite = (port, _, data) =>
            {
                var half = BitConverter.ToUInt32(data);
                if (port == 0x80)
                {
                    _low = half;
                }
                else if (!goOn(((ulong)half << 32) | _low))
                {
                    guest.Vcpu.RequestStop();
                }
            },
            OnBeforeEntry = (ref EntryEvents _) => false,
        };

        internal Handler Handler { get; }
    }
}

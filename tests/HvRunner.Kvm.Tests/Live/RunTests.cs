using HvRunner.Abstractions;

namespace HvRunner.Kvm.Tests.Live;

/// <summary>What Run does with the guest's accesses, and what the registers say when it has returned.</summary>
[Collection(KvmDevice.Name)]
public class RunTests
{
    private const byte OutDx = 0xee;
    private const byte InDx = 0xec;

    [KvmFact]
    public void Out_ReachesTheHandlerAndIsCompleteWhenRunReturns()
    {
        // mov al, 0x42; mov dx, 0x3f8; out dx, al; jmp $
        using var guest = new LiveGuest([0xb0, 0x42, 0x66, 0xba, 0xf8, 0x03, OutDx, 0xeb, 0xfe]);
        var seen = new List<(ushort, int, byte[])>();
        var exit = guest.Run(new Handler
        {
            OnPortWrite = (port, size, data) =>
            {
                seen.Add((port, size, data.ToArray()));
                guest.Vcpu.RequestStop();
            },
        });
        Assert.Equal(VcpuExitKind.Stopped, exit.Kind);
        var (port, size, bytes) = Assert.Single(seen);
        Assert.Equal((0x3f8, 1), (port, size));
        Assert.Equal([0x42], bytes);
        Assert.Equal(LiveGuest.Code + 7, guest.State().Rip);
        Assert.Equal(1, guest.Vcpu.Counts.PortOut);
    }

    [KvmTheory]
    [InlineData(1, new byte[] { InDx })]
    [InlineData(2, new byte[] { 0x66, 0xed })]
    [InlineData(4, new byte[] { 0xed })]
    public void In_IsInTheRegisterWhenRunReturns(int size, byte[] input)
    {
        using var guest = new LiveGuest([0x66, 0xba, 0xcd, 0x0c, .. input, 0xeb, 0xfe]);
        guest.Set(state => state[GeneralRegister.Rax] = 0x1111_1111);
        guest.RunUntilStopped(new Handler
        {
            OnPortRead = (port, elementSize, data) =>
            {
                Assert.Equal((0xccd, size, size), (port, elementSize, data.Length));
                data.Fill(0xa5);
                guest.Vcpu.RequestStop();
            },
        });
        var mask = uint.MaxValue >> (32 - (8 * size));
        Assert.Equal((0xa5a5_a5a5 & mask) | (0x1111_1111 & ~mask), guest.State()[GeneralRegister.Rax]);
        Assert.Equal(LiveGuest.Code + 4 + (uint)input.Length, guest.State().Rip);
    }

    [KvmTheory]
    [InlineData(1, new byte[] { 0xa0 })]
    [InlineData(2, new byte[] { 0x66, 0xa1 })]
    [InlineData(4, new byte[] { 0xa1 })]
    [InlineData(8, new byte[] { 0x48, 0xa1 })]
    public void MmioRead_IsInTheRegisterWhenRunReturns(int size, byte[] load)
    {
        using var guest = new LiveGuest([.. load, .. BitConverter.GetBytes((ulong)LiveGuest.Device), 0xeb, 0xfe]);
        guest.EnterLongMode();
        guest.Set(state => state[GeneralRegister.Rax] = 0x1111_1111_1111_1111);
        guest.RunUntilStopped(new Handler
        {
            OnMmioRead = (address, data) =>
            {
                Assert.Equal((LiveGuest.Device, size), (address, data.Length));
                for (var i = 0; i < data.Length; i++)
                {
                    data[i] = (byte)(0xa0 + i);
                }

                guest.Vcpu.RequestStop();
            },
        });
        ulong expected = size switch { 1 => 0x1111_1111_1111_11a0, 2 => 0x1111_1111_1111_a1a0, 4 => 0xa3a2_a1a0, _ => 0xa7a6_a5a4_a3a2_a1a0 };
        Assert.Equal(expected, guest.State()[GeneralRegister.Rax]);
        Assert.Equal(LiveGuest.Code + (uint)load.Length + 8, guest.State().Rip);
        Assert.Equal(1, guest.Vcpu.Counts.MmioRead);
    }

    [KvmTheory]
    [InlineData(1, new byte[] { 0xa2 })]
    [InlineData(2, new byte[] { 0x66, 0xa3 })]
    [InlineData(4, new byte[] { 0xa3 })]
    [InlineData(8, new byte[] { 0x48, 0xa3 })]
    public void MmioWrite_ReachesTheHandler(int size, byte[] store)
    {
        using var guest = new LiveGuest([.. store, .. BitConverter.GetBytes((ulong)LiveGuest.Device + 0x10), 0xeb, 0xfe]);
        guest.EnterLongMode();
        guest.Set(state => state[GeneralRegister.Rax] = 0x8877_6655_4433_2211);
        byte[]? written = null;
        guest.RunUntilStopped(new Handler
        {
            OnMmioWrite = (address, data) =>
            {
                Assert.Equal(LiveGuest.Device + 0x10, address);
                written = data.ToArray();
                guest.Vcpu.RequestStop();
            },
        });
        Assert.Equal(BitConverter.GetBytes(0x8877_6655_4433_2211)[..size], written);
        Assert.Equal(LiveGuest.Code + (uint)store.Length + 8, guest.State().Rip);
    }

    [KvmFact]
    public void MmioAcrossAPage_IsCompleteWhenRunReturns()
    {
        // mov eax, [Device + 0xffe]: two accesses, of which the handler stops the vCPU at the first.
        using var guest = new LiveGuest([0xa1, .. BitConverter.GetBytes(LiveGuest.Device + 0xffe), 0xeb, 0xfe]);
        var bytes = 0;
        guest.RunUntilStopped(new Handler
        {
            OnMmioRead = (_, data) =>
            {
                bytes += data.Length;
                data.Fill(0x3c);
                guest.Vcpu.RequestStop();
            },
        });
        Assert.Equal(4, bytes);
        Assert.Equal(0x3c3c_3c3cul, guest.State()[GeneralRegister.Rax]);
        Assert.Equal(LiveGuest.Code + 5, guest.State().Rip);
    }

    [KvmTheory]
    [InlineData(1, new byte[] { 0xf3, 0x6e })]
    [InlineData(2, new byte[] { 0xf3, 0x66, 0x6f })]
    [InlineData(4, new byte[] { 0xf3, 0x6f })]
    public void RepOuts_DeliversEveryElementInOrder(int size, byte[] outs)
    {
        const uint Source = 0x6000;
        const int Count = 100;
        using var guest = new LiveGuest([.. outs, 0xe6, 0xf4, 0xeb, 0xfe]);
        var text = Enumerable.Range(0, Count * size).Select(i => (byte)(i * 7)).ToArray();
        guest.Put(Source, text);
        guest.Set(state => (state[GeneralRegister.Rsi], state[GeneralRegister.Rcx], state[GeneralRegister.Rdx]) = (Source, Count, 0x3f8));
        var seen = new List<byte>();
        guest.RunUntilStopped(new Handler
        {
            OnPortWrite = (port, elementSize, data) =>
            {
                if (port == 0xf4)
                {
                    guest.Vcpu.RequestStop();
                    return;
                }

                Assert.Equal((0x3f8, size, 0), (port, elementSize, data.Length % size));
                seen.AddRange(data);
            },
        });
        Assert.Equal(text, seen);
        var state = guest.State();
        Assert.Equal((0ul, Source + (ulong)text.Length), (state[GeneralRegister.Rcx], state[GeneralRegister.Rsi]));
    }

    [KvmFact]
    public void RepOutsStoppedMidway_LeavesConsistentRegisters()
    {
        const uint Source = 0x1_0000;
        const int Count = 0x8000;
        using var guest = new LiveGuest([0xf3, 0x6e, 0xeb, 0xfe]);
        guest.Set(state => (state[GeneralRegister.Rsi], state[GeneralRegister.Rcx], state[GeneralRegister.Rdx]) = (Source, Count, 0x3f8));
        ulong seen = 0;
        guest.RunUntilStopped(new Handler
        {
            OnPortWrite = (_, _, data) =>
            {
                seen += (ulong)data.Length;
                if (seen > 10)
                {
                    guest.Vcpu.RequestStop();
                }
            },
        });
        var state = guest.State();
        Assert.InRange(seen, 11ul, Count - 1ul);
        Assert.Equal((Count - seen, Source + seen), (state[GeneralRegister.Rcx], state[GeneralRegister.Rsi]));
        Assert.Equal(LiveGuest.Code, state.Rip);
    }

    [KvmTheory]
    [InlineData(100, false)]
    [InlineData(0x4000, true)]
    public void RepIns_StoresEveryElement(int count, bool stopMidway)
    {
        const uint Target = 0x1_0000;
        using var guest = new LiveGuest([0xf3, 0x6c, 0xe6, 0xf4, 0xeb, 0xfe]);
        guest.Set(state => (state[GeneralRegister.Rdi], state[GeneralRegister.Rcx], state[GeneralRegister.Rdx]) = (Target, (uint)count, 0x3f8));
        var given = 0;
        guest.RunUntilStopped(new Handler
        {
            OnPortWrite = (_, _, _) => guest.Vcpu.RequestStop(),
            OnPortRead = (_, size, data) =>
            {
                Assert.Equal(1, size);
                foreach (ref var value in data)
                {
                    value = (byte)(given++ * 11);
                }

                if (stopMidway && given > 10)
                {
                    guest.Vcpu.RequestStop();
                }
            },
        });
        var state = guest.State();
        Assert.Equal((uint)(count - given), state[GeneralRegister.Rcx]);
        Assert.Equal(Target + (uint)given, state[GeneralRegister.Rdi]);
        Assert.Equal(stopMidway, given < count);
        Assert.Equal(stopMidway ? LiveGuest.Code : LiveGuest.Code + 4, state.Rip);
        Assert.Equal(Enumerable.Range(0, given).Select(i => (byte)(i * 11)), guest.Get(Target, given));
        Assert.Equal(0, guest.Get(Target + (uint)given, 1)[0]);
    }

    [KvmFact]
    public void TripleFault_IsAShutdown()
    {
        // ud2, with an interrupt descriptor table of no entries.
        using var guest = new LiveGuest([0x0f, 0x0b]);
        var exit = guest.Run(new Handler());
        Assert.Equal(VcpuExitKind.Shutdown, exit.Kind);

        // Some hosts lose where it was, and say so.
        Assert.Equal(exit.Sentence is null ? LiveGuest.Code : 0xfff0, guest.State().Rip);
    }

    [KvmFact]
    public void UnknownMsr_ThatIsRefused_RaisesGeneralProtection()
    {
        // mov ecx, 0x12345678; rdmsr; and the handler of #GP: out 0xf4, al
        using var guest = new LiveGuest([0xb9, 0x78, 0x56, 0x34, 0x12, 0x0f, 0x32, 0xeb, 0xfe]);
        guest.Put(0x2000, 0xe6, 0xf4, 0xeb, 0xfe);
        guest.SetGate(13, 0x2000);
        uint asked = 0;
        guest.RunUntilStopped(new Handler
        {
            OnPortWrite = (_, _, _) => guest.Vcpu.RequestStop(),
            OnMsrRead = (uint index, out ulong value) =>
            {
                asked = index;
                value = 0;
                return false;
            },
        });
        Assert.Equal(0x12345678u, asked);
        Assert.Equal(1, guest.Vcpu.Counts.MsrRead);

        // The error code 0, and the address of the instruction itself behind it.
        var state = guest.State();
        Assert.Equal(LiveGuest.Stack - 16, state[GeneralRegister.Rsp]);
        Assert.Equal((0u, LiveGuest.Code + 5), (BitConverter.ToUInt32(guest.Get(LiveGuest.Stack - 16, 4)), BitConverter.ToUInt32(guest.Get(LiveGuest.Stack - 12, 4))));
    }

    [KvmFact]
    public void UnknownMsrs_ThatAreTaken_CarryTheirValues()
    {
        // mov ecx, 0x12345678; rdmsr; wrmsr; out 0xf4, al; jmp $
        using var guest = new LiveGuest([0xb9, 0x78, 0x56, 0x34, 0x12, 0x0f, 0x32, 0x0f, 0x30, 0xe6, 0xf4, 0xeb, 0xfe]);
        ulong written = 0;
        guest.RunUntilStopped(new Handler
        {
            OnPortWrite = (_, _, _) => guest.Vcpu.RequestStop(),
            OnMsrRead = (uint _, out ulong value) =>
            {
                value = 0x1122_3344_5566_7788;
                return true;
            },
            OnMsrWrite = (_, value) =>
            {
                written = value;
                return true;
            },
        });
        Assert.Equal(0x1122_3344_5566_7788ul, written);
        Assert.Equal(1, guest.Vcpu.Counts.MsrWrite);
    }

    [KvmFact]
    public void MsrRead_IsCompleteWhenRunReturns()
    {
        using var guest = new LiveGuest([0xb9, 0x78, 0x56, 0x34, 0x12, 0x0f, 0x32, 0xeb, 0xfe]);
        guest.RunUntilStopped(new Handler
        {
            OnMsrRead = (uint _, out ulong value) =>
            {
                value = 0x1122_3344_5566_7788;
                guest.Vcpu.RequestStop();
                return true;
            },
        });
        var state = guest.State();
        Assert.Equal((0x5566_7788ul, 0x1122_3344ul, LiveGuest.Code + 7ul), (state[GeneralRegister.Rax], state[GeneralRegister.Rdx], state.Rip));
    }

    /// <summary>Refused by a software-assisted KVM and completed by the processor library, executed by any other: the guest sees no difference.</summary>
    [KvmFact]
    public void Popcnt_GivesItsResultOnEveryHost()
    {
        // mov ebx, 0xff; popcnt eax, ebx; out 0xf4, al
        using var guest = new LiveGuest([0xbb, 0xff, 0, 0, 0, 0xf3, 0x0f, 0xb8, 0xc3, 0xe6, 0xf4, 0xeb, 0xfe]);
        byte result = 0;
        guest.RunUntilStopped(new Handler
        {
            OnPortWrite = (_, _, data) =>
            {
                result = data[0];
                guest.Vcpu.RequestStop();
            },
        });
        Assert.Equal(8, result);
    }

    [KvmFact]
    public void SingleStep_TrapsBehindPopcntOnEveryHost()
    {
        // push 0x102; popfd; popcnt eax, ebx; and the handler of #DB: mov eax, dr6; out 0xf4, eax
        using var guest = new LiveGuest([0x68, 0x02, 0x01, 0, 0, 0x9d, 0xf3, 0x0f, 0xb8, 0xc3, 0xeb, 0xfe]);
        guest.Put(0x2000, 0x0f, 0x21, 0xf0, 0xe7, 0xf4, 0xeb, 0xfe);
        guest.SetGate(1, 0x2000);
        uint cause = 0;
        guest.RunUntilStopped(new Handler
        {
            OnPortWrite = (_, _, data) =>
            {
                cause = BitConverter.ToUInt32(data);
                guest.Vcpu.RequestStop();
            },
        });
        Assert.Equal(0x4000u, cause & 0x600f);
        Assert.Equal(LiveGuest.Code + 10, BitConverter.ToUInt32(guest.Get(LiveGuest.Stack - 12, 4)));
    }

    [KvmFact]
    public void SecondVcpu_StartsByInitAndSipi()
    {
        // The first enables its APIC, sends INIT and a start-up IPI for page 8 to the APIC with the identifier 1, then spins.
        using var guest = new LiveGuest(
            [
                0xc7, 0x05, 0xf0, 0x00, 0xe0, 0xfe, 0xff, 0x01, 0x00, 0x00, // mov dword [0xfee000f0], 0x1ff
                0xc7, 0x05, 0x10, 0x03, 0xe0, 0xfe, 0x00, 0x00, 0x00, 0x01, // mov dword [0xfee00310], 1 << 24
                0xc7, 0x05, 0x00, 0x03, 0xe0, 0xfe, 0x00, 0x45, 0x00, 0x00, // mov dword [0xfee00300], INIT
                0xc7, 0x05, 0x00, 0x03, 0xe0, 0xfe, 0x08, 0x46, 0x00, 0x00, // mov dword [0xfee00300], SIPI 8
                0xeb, 0xfe,
            ],
            vcpus: 2);

        // In real mode: mov al, 0x77; out 0xf5, al; jmp $
        guest.Put(0x8000, 0xb0, 0x77, 0xe6, 0xf5, 0xeb, 0xfe);
        Assert.True(guest.Partition.Vcpus[1].GetActivity().WaitingForSipi);
        byte said = 0;
        var other = new Thread(() => guest.Partition.Vcpus[1].Run(new Handler
        {
            OnPortWrite = (port, _, data) =>
            {
                said = port == 0xf5 ? data[0] : (byte)0;
                guest.Partition.Vcpus[0].RequestStop();
                guest.Partition.Vcpus[1].RequestStop();
            },
        }));
        other.Start();
        guest.RunUntilStopped(new Handler());
        guest.Join(other);
        Assert.Equal(0x77, said);
        Assert.Equal(0x8000ul, guest.State(vcpu: 1)[SegmentName.Cs].Base);
        Assert.Equal(4ul, guest.State(vcpu: 1).Rip);
    }

    [KvmTheory]
    [InlineData(true)]
    [InlineData(false)]
    public void Exits_AllocateNothing(bool mmio)
    {
        const int WarmUp = 2_000;
        const int Measured = 20_000;

        // A loop of one write and one read, to a port or to memory.
        byte[] ports = [0xe6, 0x80, 0xe4, 0x80, 0xeb, 0xfa];
        byte[] memory = [0xa3, 0, 0, 0, 0xd0, 0xa1, 0, 0, 0, 0xd0, 0xeb, 0xf4];
        using var guest = new LiveGuest(mmio ? memory : ports);
        var counter = new AllocationCounter(guest.Vcpu, WarmUp, Measured);
        guest.RunUntilStopped(counter);
        Assert.Equal(0, counter.AllocatedBytes);
    }

    /// <summary>Looks at the thread's allocations after so many exits and again after so many more.</summary>
    private sealed class AllocationCounter(IVcpu vcpu, int warmUp, int measured) : IExitHandler
    {
        private long _before;
        private int _exits;

        internal long AllocatedBytes { get; private set; } = -1;

        public void PortRead(ushort port, int elementSize, Span<byte> data) => Count();

        public void PortWrite(ushort port, int elementSize, ReadOnlySpan<byte> data) => Count();

        public void MmioRead(GuestAddress address, Span<byte> data) => Count();

        public void MmioWrite(GuestAddress address, ReadOnlySpan<byte> data) => Count();

        public bool MsrRead(uint index, out ulong value)
        {
            value = 0;
            return false;
        }

        public bool MsrWrite(uint index, ulong value) => false;

        public ulong Hypercall(ulong number, ReadOnlySpan<ulong> arguments, bool longMode) => 0;

        public void InstructionCompleted(ulong rip, ReadOnlySpan<byte> instruction)
        {
        }

        public void EndOfInterrupt(byte vector)
        {
        }

        public ulong TaskPriority { get; set; }

        public bool BeforeEntry(ref EntryEvents events) => false;

        public void Kicked()
        {
        }

        private void Count()
        {
            _exits++;
            if (_exits == warmUp)
            {
                _before = GC.GetAllocatedBytesForCurrentThread();
            }
            else if (_exits == warmUp + measured)
            {
                AllocatedBytes = GC.GetAllocatedBytesForCurrentThread() - _before;
                vcpu.RequestStop();
            }
        }
    }
}

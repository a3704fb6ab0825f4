// RDMSR, WRMSR, RDPMC (SDM vol. 2; vol. 4). EFER and the bases of FS and GS are part of the processor's state; every other register is the
// host's. Registers that hold linear addresses take canonical ones only.
using HvRunner.Abstractions;

namespace HvRunner.Instructions;

/// <summary>Numbers of the model-specific registers that the executor names.</summary>
internal static class Msr
{
    public const uint TimeStampCounter = 0x10;
    public const uint PerformanceCounter = 0xc1;
    public const uint FixedCounter = 0x309;
    public const uint SysenterCs = 0x174;
    public const uint SysenterEsp = 0x175;
    public const uint SysenterEip = 0x176;
    public const uint Efer = 0xc000_0080;
    public const uint Star = 0xc000_0081;
    public const uint Lstar = 0xc000_0082;
    public const uint Cstar = 0xc000_0083;
    public const uint Fmask = 0xc000_0084;
    public const uint FsBase = 0xc000_0100;
    public const uint GsBase = 0xc000_0101;
    public const uint KernelGsBase = 0xc000_0102;
    public const uint TscAux = 0xc000_0103;
}

internal ref partial struct Execution<TMemory, THost>
{
    private Outcome ReadMsr()
    {
        ulong value;
        switch ((uint)_state[GeneralRegister.Rcx])
        {
            case Msr.Efer:
                value = _state.Efer;
                break;
            case Msr.FsBase:
                value = _state.Segments[(int)SegmentName.Fs].Base;
                break;
            case Msr.GsBase:
                value = _state.Segments[(int)SegmentName.Gs].Base;
                break;
            case var index:
                if (!_host.TryReadMsr(index, out value))
                {
                    return GeneralProtection();
                }

                break;
        }

        WritePair(value);
        return Outcome.Done;
    }

    private Outcome WriteMsr()
    {
        var value = (_state[GeneralRegister.Rdx] << 32) | (uint)_state[GeneralRegister.Rax];
        var index = (uint)_state[GeneralRegister.Rcx];
        var isAddress = index is Msr.FsBase or Msr.GsBase or Msr.KernelGsBase or Msr.Lstar or Msr.Cstar or Msr.SysenterEsp or Msr.SysenterEip;
        if (isAddress && !IsCanonical(value))
        {
            return GeneralProtection();
        }

        switch (index)
        {
            case Msr.Efer:
                return WriteEfer(value);
            case Msr.FsBase:
                _state.Segments[(int)SegmentName.Fs].Base = value;
                _changed |= StateParts.System;
                return Outcome.Done;
            case Msr.GsBase:
                _state.Segments[(int)SegmentName.Gs].Base = value;
                _changed |= StateParts.System;
                return Outcome.Done;
            default:
                return _host.TryWriteMsr(index, value) ? Outcome.Done : GeneralProtection();
        }
    }

    /// <summary>RDPMC: counters are the host's registers; one that it does not have is no valid index.</summary>
    private Outcome ReadPerformanceCounter()
    {
        if (_cpl != 0 && (_state.Cr4 & ControlBit.Cr4Pce) == 0)
        {
            return GeneralProtection();
        }

        const uint IsFixed = 1 << 30;
        var index = (uint)_state[GeneralRegister.Rcx];
        var number = index & ~IsFixed;
        if (number > 31 || !_host.TryReadMsr(((index & IsFixed) != 0 ? Msr.FixedCounter : Msr.PerformanceCounter) + number, out var value))
        {
            return GeneralProtection();
        }

        WritePair(value);
        return Outcome.Done;
    }

    /// <summary>EDX:EAX; the upper halves are cleared.</summary>
    private readonly void WritePair(ulong value)
    {
        _state[GeneralRegister.Rax] = (uint)value;
        _state[GeneralRegister.Rdx] = value >> 32;
    }
}

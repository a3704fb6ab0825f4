// The local APIC's registers as the guest sees them: SDM volume 3A, table "Local APIC Register Address Map". Called with the lock held.

namespace HvRunner.Chipset.Apic;

public sealed partial class LocalApic
{
    private static LvtIndex EntryAt(int offset) =>
        offset == LocalApicRegister.LvtCmci ? LvtIndex.Cmci : (LvtIndex)((offset - LocalApicRegister.LvtFirst) / RegisterStep);

    private uint ReadRegister(int offset)
    {
        switch (offset)
        {
            case LocalApicRegister.Id:
                return _id;
            case LocalApicRegister.Version:
                return LocalApicLimits.Version;
            case LocalApicRegister.TaskPriority:
                return _taskPriority;
            case LocalApicRegister.ProcessorPriority:
                return ProcessorPriority;
            case LocalApicRegister.ArbitrationPriority or LocalApicRegister.RemoteRead or LocalApicRegister.EndOfInterrupt:
                return 0;
            case LocalApicRegister.LogicalDestination:
                return _logicalDestination;
            case LocalApicRegister.DestinationFormat:
                return _destinationFormat;
            case LocalApicRegister.SpuriousVector:
                return _spuriousVector.Value;
            case >= LocalApicRegister.InService and < LocalApicRegister.InService + LocalApicLimits.VectorSetBytes:
                return _isr.Register((offset - LocalApicRegister.InService) / RegisterStep);
            case >= LocalApicRegister.TriggerMode and < LocalApicRegister.TriggerMode + LocalApicLimits.VectorSetBytes:
                return _tmr.Register((offset - LocalApicRegister.TriggerMode) / RegisterStep);
            case >= LocalApicRegister.InterruptRequest and < LocalApicRegister.InterruptRequest + LocalApicLimits.VectorSetBytes:
                AdvanceTimer();
                return _irr.Register((offset - LocalApicRegister.InterruptRequest) / RegisterStep);
            case LocalApicRegister.ErrorStatus:
                return (uint)_errorStatus;
            case LocalApicRegister.InterruptCommandLow:
                return _icr.Low;
            case LocalApicRegister.InterruptCommandHigh:
                return _icr.High;
            case LocalApicRegister.LvtCmci or (>= LocalApicRegister.LvtFirst and <= LocalApicRegister.LvtLast):
                return _lvt[(int)EntryAt(offset)].Value;
            case LocalApicRegister.InitialCount:
                return _timer.InitialCount;
            case LocalApicRegister.CurrentCount:
                return _timer.CurrentCount(AdvanceTimer());
            case LocalApicRegister.DivideConfiguration:
                return _timer.DivideConfiguration;
            default:
                LogError(ApicErrors.IllegalRegisterAddress);
                return 0;
        }
    }

    private void WriteRegister(int offset, uint value)
    {
        switch (offset)
        {
            case LocalApicRegister.Id:
                _id = value & LocalApicLimits.IdMask;
                break;
            case LocalApicRegister.TaskPriority:
                SetTaskPriority((byte)value);
                break;
            case LocalApicRegister.EndOfInterrupt:
                EndOfInterrupt();
                break;
            case LocalApicRegister.LogicalDestination:
                _logicalDestination = value & LocalApicLimits.IdMask;
                break;
            case LocalApicRegister.DestinationFormat:
                _destinationFormat = value | LocalApicLimits.DestinationFormatOnes;
                break;
            case LocalApicRegister.SpuriousVector:
                WriteSpuriousVector(value);
                break;
            case LocalApicRegister.ErrorStatus:
                AdvanceTimer();
                _errorStatus = _loggedErrors;
                _loggedErrors = ApicErrors.None;
                break;
            case LocalApicRegister.InterruptCommandLow:
                _icr = _icr with { Low = value & Icr.LowWritable };
                Send(_icr);
                break;
            case LocalApicRegister.InterruptCommandHigh:
                _icr = _icr with { High = value & LocalApicLimits.IdMask };
                break;
            case LocalApicRegister.LvtCmci or (>= LocalApicRegister.LvtFirst and <= LocalApicRegister.LvtLast):
                WriteLvt(EntryAt(offset), value);
                break;
            case LocalApicRegister.InitialCount:
                _timer.WriteInitialCount(value, AdvanceTimer());
                AdvanceTimer();
                break;
            case LocalApicRegister.DivideConfiguration:
                _timer.WriteDivideConfiguration((byte)value, AdvanceTimer());
                AdvanceTimer();
                break;
            case LocalApicRegister.Version or LocalApicRegister.ProcessorPriority or LocalApicRegister.CurrentCount:
            case LocalApicRegister.ArbitrationPriority or LocalApicRegister.RemoteRead:
            case >= LocalApicRegister.InService and < LocalApicRegister.ErrorStatus:
                break;
            default:
                LogError(ApicErrors.IllegalRegisterAddress);
                break;
        }
    }

    private void WriteSpuriousVector(uint value)
    {
        var now = AdvanceTimer();
        _spuriousVector = new SpuriousVectorRegister(value & SpuriousVectorRegister.Writable);
        if (!_spuriousVector.SoftwareEnabled)
        {
            for (var i = 0; i < _lvt.Length; i++)
            {
                _lvt[i] = _lvt[i].WithMask();
            }

            ArmTimer(now);
        }
    }

    private void WriteLvt(LvtIndex index, uint value)
    {
        var now = AdvanceTimer();
        var written = new Lvt((value & Lvt.Writable(index, HasTscDeadline)) | (_lvt[(int)index].Value & Lvt.RemoteIrrBit));
        if (!_spuriousVector.SoftwareEnabled)
        {
            written = written.WithMask();
        }

        // Remote IRR belongs to a level-triggered fixed interrupt alone: with any other, no EOI would ever clear it.
        if (!IsLevelTriggered(index, written))
        {
            written = written.WithRemoteIrr(false);
        }

        _lvt[(int)index] = written;
        if (index == LvtIndex.Timer)
        {
            _timer.SetMode(written.TimerMode, now);
            ArmTimer(now);
        }
        else if (index is LvtIndex.Lint0 or LvtIndex.Lint1)
        {
            Evaluate(_pins[index - LvtIndex.Lint0]);
        }
    }
}

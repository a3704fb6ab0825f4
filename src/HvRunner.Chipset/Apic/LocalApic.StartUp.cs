// INIT, start-up messages and SMI: SDM volume 3A, "Local APIC State After It Receives an INIT-Deassert IPI", "INIT and SIPI" and volume 3C on SMM.
//
// INIT is taken by the vCPU's own thread, which then puts the processor into its INIT state; only then do the registers go to theirs, because
// until then the processor still runs and writes them. Between the two nothing but INIT and SIPI gets in: all else would be lost with the reset.
// INIT keeps IA32_APIC_BASE and the APIC id. An application processor waits for a SIPI after INIT and after a reset; the bootstrap processor
// runs on from the reset vector. A SIPI counts only for one that waits: it ends the wait, so that the second of the usual two is dropped.
//
// There is no system-management mode: an SMI is counted and does nothing.

namespace HvRunner.Chipset.Apic;

public sealed partial class LocalApic
{
    /// <summary>The processor is stopped until a SIPI comes: after INIT or a reset of one that is not the bootstrap processor. Any thread.</summary>
    public bool WaitsForStartUp
    {
        get
        {
            lock (_lock)
            {
                return _waitsForStartUp;
            }
        }
    }

    /// <summary>SMIs that have been dropped since this APIC was made. Any thread.</summary>
    public long SystemManagementInterrupts
    {
        get
        {
            lock (_lock)
            {
                return _systemManagementInterrupts;
            }
        }
    }

    private bool IsBootstrap => (_base & ApicBaseBits.Bootstrap) != 0;

    /// <summary>
    /// Takes a pending INIT, which puts the registers into their INIT state; the caller does the same with the processor's. The vCPU's thread.
    /// </summary>
    public bool TryTakeInit()
    {
        Effects effects;
        lock (_lock)
        {
            if (!_initPending)
            {
                return false;
            }

            _initPending = false;
            _nonMaskable = false;
            var id = _id;
            ResetRegisters();
            _id = id;
            ForgetEdges();
            _wake = true;
            effects = TakeEffects();
        }

        Emit(effects);
        return true;
    }

    /// <summary>Takes a SIPI: the processor starts in real mode at the page of this number. After <see cref="TryTakeInit"/>, on the vCPU's thread.</summary>
    public bool TryTakeStartUp(out byte vector)
    {
        lock (_lock)
        {
            vector = (byte)Math.Max(0, _startUpVector);
            var taken = !_initPending && _startUpVector >= 0;
            _startUpVector = taken ? -1 : _startUpVector;
            return taken;
        }
    }

    private bool AcceptInit()
    {
        if (_start is null)
        {
            return false;
        }

        _initPending = true;
        _startUpVector = -1;
        _waitsForStartUp = !IsBootstrap;
        _startChanged = true;
        return true;
    }

    private bool AcceptStartUp(byte vector)
    {
        if (!_waitsForStartUp)
        {
            return false;
        }

        _waitsForStartUp = false;
        _startUpVector = vector;
        _startChanged = true;
        return true;
    }
}

namespace HvRunner.Soft;

/// <summary>
/// Whose turn it is among the vCPUs of one partition. One runs at a time, each for a number of instructions, in the order of their indices behind the one
/// that ran last, so that a run stays a function of its input; who sleeps is passed over. Each vCPU keeps its own thread, and the turn goes from
/// thread to thread. Any thread, but where a member says otherwise.
/// </summary>
internal sealed class SoftTurns
{
    private const int Nobody = -1;

    private readonly Lock _gate = new();
    private readonly bool[] _awake;
    private readonly bool[] _gone;
    private readonly long[] _waitsSince;
    private readonly long[] _waitedNs;
    private readonly Func<long> _nowNs;
    private int _missing;
    private int _last = Nobody;
    private int _holder = Nobody;

    /// <summary>For so many vCPUs, all of them awake.</summary>
    /// <param name="count">How many.</param>
    /// <param name="nowNs">Guest time.</param>
    internal SoftTurns(int count, Func<long> nowNs)
    {
        _nowNs = nowNs;
        _waitsSince = new long[count];
        Array.Fill(_waitsSince, nowNs());
        _waitedNs = new long[count];
        _awake = new bool[count];
        Array.Fill(_awake, true);
        _gone = new bool[count];
        _missing = count;
    }

    /// <summary>The vCPU whose turn it is, or -1 while all sleep.</summary>
    internal int Holder => Volatile.Read(ref _holder);

    /// <summary>How long this vCPU has waited for its turns, awake. Its own thread.</summary>
    internal long WaitedNs(int vcpu) => Volatile.Read(ref _waitedNs[vcpu]);

    /// <summary>True when another than the holder could run. The holder's thread.</summary>
    internal bool OthersWait(int holder)
    {
        lock (_gate)
        {
            for (var i = 0; i < _awake.Length; i++)
            {
                if (i != holder && _awake[i] && !_gone[i])
                {
                    return true;
                }
            }

            return false;
        }
    }

    /// <summary>This vCPU's thread is there. Nobody runs before all are, lest the first gets ahead by as much as the host pleases. The one to wake, or -1.</summary>
    internal int Join()
    {
        lock (_gate)
        {
            return --_missing == 0 && _holder == Nobody ? Elect() : Nobody;
        }
    }

    /// <summary>Something wants this vCPU to look up. The one to wake because all slept, or -1.</summary>
    internal int Wake(int vcpu)
    {
        lock (_gate)
        {
            if (!_awake[vcpu])
            {
                _awake[vcpu] = true;
                _waitsSince[vcpu] = _nowNs();
            }

            return _holder == Nobody && _missing == 0 ? Elect() : Nobody;
        }
    }

    /// <summary>The holder gives its turn up. The one to wake, or -1 when all sleep.</summary>
    /// <param name="holder">Whose turn it was.</param>
    /// <param name="ran">It has executed something, so others come first from now on.</param>
    internal int Pass(int holder, bool ran)
    {
        lock (_gate)
        {
            if (_holder != holder)
            {
                return Nobody;
            }

            _last = ran ? holder : _last;
            _waitsSince[holder] = _nowNs();
            return Elect();
        }
    }

    /// <summary>The holder has nothing to do until it is woken. False: somebody has woken it meanwhile.</summary>
    /// <param name="holder">Whose turn it is.</param>
    /// <param name="isWoken">Asked with the gate closed to wakers.</param>
    internal bool Sleep(int holder, Func<bool> isWoken)
    {
        lock (_gate)
        {
            return !(_awake[holder] = isWoken());
        }
    }

    /// <summary>All sleep but the holder, which is about to: what comes next does not depend on who was the last to run.</summary>
    internal void Restart()
    {
        lock (_gate)
        {
            _last = Nobody;
        }
    }

    /// <summary>This vCPU will not run any more. The one to wake, or -1.</summary>
    internal int Leave(int vcpu)
    {
        lock (_gate)
        {
            _gone[vcpu] = true;
            return _holder == vcpu ? Elect() : Nobody;
        }
    }

    private int Elect()
    {
        for (var step = 1; step <= _awake.Length; step++)
        {
            var next = (_last + step) % _awake.Length;
            if (_awake[next] && !_gone[next])
            {
                _waitedNs[next] += _nowNs() - _waitsSince[next];
                return _holder = next;
            }
        }

        return _holder = Nobody;
    }
}

using HvRunner.Abstractions;
using HvRunner.Chipset.Power;

namespace HvRunner.Chipset.Tests.Power;

public sealed class PowerDeviceTests
{
    private readonly RecordingPower _power = new();

    [Theory]
    [InlineData(new byte[] { 0x11 }, "status 17")]
    [InlineData(new byte[] { 0x11, 0x22 }, "status 8721")]
    [InlineData(new byte[] { 1, 0, 0, 0x80 }, "status 2147483649")]
    public void ExitPort_ReportsTheValueWritten(byte[] data, string expected)
    {
        Assert.Equal(IoStatus.Ok, new ExitPort("exit-port", _power).Write(0, data));
        Assert.Equal([expected], _power.Events);
    }

    [Fact]
    public void ExitPort_ReadsZeroAndTakesNoEightBytes()
    {
        var port = new ExitPort("exit-port", _power);
        Assert.Equal(0, port.In(0));
        Assert.Equal(IoStatus.BadAccess, port.Write(0, new byte[8]));
        Assert.Empty(_power.Events);
    }

    [Fact]
    public void PvPanic_ReadsWhatItKnows() => Assert.Equal(3, new PvPanic(_power).In(0));

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 0)]
    [InlineData(3, 1)]
    [InlineData(0xfc, 0)]
    public void PvPanic_OnlyThePanicEnds(byte value, int ends)
    {
        new PvPanic(_power).Out(0, value);
        Assert.Equal(ends, _power.Events.Count(text => text == "panic by pvpanic"));
        Assert.Equal(ends, _power.Events.Count);
    }

    [Theory]
    [InlineData(0x06)]
    [InlineData(0x0e)]
    [InlineData(0x04)]
    public void ResetControl_ResetsOnTheRisingBit(byte value)
    {
        var port = new ResetControl(_power);
        port.Out(0, 0x02);
        Assert.Empty(_power.Events);
        Assert.Equal(0x02, port.In(0));
        port.Out(0, value);
        Assert.Equal(["reset by reset control port"], _power.Events);
        Assert.Equal(value, port.In(0));
        port.Out(0, value);
        Assert.Single(_power.Events);
    }

    [Fact]
    public void ResetControl_TakesBytesOnly()
    {
        var port = new ResetControl(_power);
        Assert.Equal(IoStatus.BadAccess, port.Write(0, [6, 0, 0, 0]));
        Assert.Equal(IoStatus.BadAccess, port.Read(0, new byte[4]));
        Assert.Empty(_power.Events);
    }

    [Fact]
    public void KeyboardController_IsIdle()
    {
        var controller = new KeyboardController(_power);
        Assert.Equal(0x1c, controller.CommandPort.In(0));
        controller.DataPort.Out(0, 0xff);
        Assert.Equal(0x14, controller.CommandPort.In(0));
    }

    [Theory]
    [InlineData(0xfe, 1)]
    [InlineData(0xf0, 1)]
    [InlineData(0xff, 0)]
    [InlineData(0xfd, 0)]
    public void KeyboardController_PulsesReset(byte command, int resets)
    {
        new KeyboardController(_power).CommandPort.Out(0, command);
        Assert.Equal(Enumerable.Repeat("reset by keyboard controller", resets), _power.Events);
    }

    [Theory]
    [InlineData(0x03, 0)]
    [InlineData(0x01, 0)]
    [InlineData(0x02, 1)]
    public void KeyboardController_OutputPortBit0Resets(byte value, int resets)
    {
        var controller = new KeyboardController(_power);
        controller.CommandPort.Out(0, 0xd1);
        controller.DataPort.Out(0, value);
        Assert.Equal(resets, _power.Events.Count);
        controller.DataPort.Out(0, 0);
        Assert.Equal(resets, _power.Events.Count);
    }

    [Theory]
    [InlineData(0xaa, 0x55)]
    [InlineData(0xab, 0x00)]
    [InlineData(0xa9, 0x01)]
    [InlineData(0x20, 0x34)]
    [InlineData(0xd0, 0x03)]
    [InlineData(0xc0, 0x00)]
    public void KeyboardController_AnswersItsCommands(byte command, byte answer)
    {
        var controller = new KeyboardController(_power);
        controller.CommandPort.Out(0, command);
        Assert.Equal(0x1d, controller.CommandPort.In(0));
        Assert.Equal(answer, controller.DataPort.In(0));
        Assert.Equal(0x1c, controller.CommandPort.In(0));
    }

    [Fact]
    public void KeyboardController_CommandByteIsWrittenAndFollowsEnables()
    {
        var controller = new KeyboardController(_power);
        controller.CommandPort.Out(0, 0x60);
        controller.DataPort.Out(0, 0x47);
        controller.CommandPort.Out(0, 0xad);
        controller.CommandPort.Out(0, 0x20);
        Assert.Equal(0x57, controller.DataPort.In(0));
    }

    [Fact]
    public void KeyboardController_AuxiliaryEchoIsNotMarkedAsAMouse()
    {
        var controller = new KeyboardController(_power);
        controller.CommandPort.Out(0, 0xd3);
        controller.DataPort.Out(0, 0x5a);
        Assert.Equal(0x01, controller.CommandPort.In(0) & 0x21);
        Assert.Equal(0x5a, controller.DataPort.In(0));
    }
}

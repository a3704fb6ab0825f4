namespace HvRunner.Abstractions;

/// <summary>
/// A message-signalled interrupt as the write that it is: SDM volume 3A, "Message Signalled Interrupts". Nothing is checked here; the fields hold what
/// the guest has programmed.
/// </summary>
/// <param name="Address">Where the device writes: 0xfee in bits 31:20, destination in 19:12, redirection hint in 3, logical destination in 2.</param>
/// <param name="Data">What it writes: level-triggered in bit 15, asserted in 14, delivery mode in 10:8, vector in 7:0.</param>
public readonly record struct MsiMessage(ulong Address, uint Data);

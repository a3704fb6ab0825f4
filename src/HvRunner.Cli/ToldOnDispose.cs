namespace HvRunner.Cli;

/// <summary>A file beside the run, such as a trace: when its last bytes cannot be written, that is told, and the guest's verdict stands.</summary>
/// <param name="option">The option that named the file.</param>
/// <param name="file">What to dispose; null for none.</param>
internal sealed class ToldOnDispose(string option, IDisposable? file) : IDisposable
{
    public void Dispose()
    {
        try
        {
            file?.Dispose();
        }
        catch (IOException exception)
        {
            Console.Error.WriteLine($"hvrun: {option}: {exception.Message}");
        }
    }
}

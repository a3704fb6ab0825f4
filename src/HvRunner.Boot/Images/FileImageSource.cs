using HvRunner.Abstractions;
using Microsoft.Win32.SafeHandles;

namespace HvRunner.Boot;

/// <summary>
/// An image in a regular file, read by position straight into the caller's span: no stream, no buffer, no file position. Pipes and devices
/// are refused before they are opened, because opening one may block for ever.
/// </summary>
public sealed class FileImageSource : IImageSource
{
    private const string NotRegular =
        "an image file was expected, but this one is empty or not a regular file (a pipe or a device); copy its contents into a file first.";

    private readonly SafeFileHandle _handle;

    /// <summary>
    /// Opens <paramref name="path"/> for reading. Throws <see cref="InvalidInputException"/> of kind <see cref="InputFaultKind.NoInput"/> when it is
    /// missing, may not be read, is a directory or another thing that is not a regular file, or is empty.
    /// </summary>
    public FileImageSource(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        Name = path;
        SafeFileHandle? handle = null;
        try
        {
            RefuseUnusable(path);

            // Sharing everything takes no lock, so a file that another program holds open is as good as any.
            handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            LengthBytes = RandomAccess.GetLength(handle);
            _handle = handle;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            handle?.Dispose();
            throw NoInput(path, exception switch
            {
                FileNotFoundException or DirectoryNotFoundException => "there is no such file.",
                UnauthorizedAccessException => "the file exists, but this user may not read it.",
                PathTooLongException => "the path is too long for a file.",
                ArgumentException or NotSupportedException => "the file cannot be opened: this is no path that the system knows.",
                _ => $"the file cannot be opened: {exception.Message.TrimEnd('.')}.",
            });
        }
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public long LengthBytes { get; }

    /// <inheritdoc/>
    public bool TryRead(long offset, Span<byte> destination)
    {
        if (offset < 0 || offset > LengthBytes || destination.Length > LengthBytes - offset)
        {
            return false;
        }

        try
        {
            while (!destination.IsEmpty)
            {
                var count = RandomAccess.Read(_handle, destination, offset);
                if (count <= 0)
                {
                    // The file became shorter since it was opened.
                    return false;
                }

                offset += count;
                destination = destination[count..];
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw NoInput(Name, $"the file cannot be read at offset 0x{offset:x}: {exception.Message.TrimEnd('.')}.");
        }

        return true;
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _handle.Dispose();

    private static void RefuseUnusable(string path)
    {
        if (path.Length == 0)
        {
            throw new InvalidInputException(InputFaultKind.NoInput, "An image file was expected, but its path is empty.");
        }

        var info = new FileInfo(path);
        if ((info.Attributes & FileAttributes.ReparsePoint) != 0 && info.ResolveLinkTarget(returnFinalTarget: true) is { } target)
        {
            info = new FileInfo(target.FullName);
        }

        if ((int)info.Attributes == -1)
        {
            // A link under /dev/fd may lead to a pipe, whose target is no path but reads "pipe:[4711]".
            throw info.Name.Contains(":[", StringComparison.Ordinal) ? NoInput(path, NotRegular) : new FileNotFoundException(null, path);
        }

        if ((info.Attributes & FileAttributes.Directory) != 0)
        {
            throw NoInput(path, "an image file was expected, but this is a directory.");
        }

        // Pipes, sockets and devices have no length either, and their kind cannot be asked for without opening them.
        if (info.Length == 0)
        {
            throw NoInput(path, NotRegular);
        }
    }

    private static InvalidInputException NoInput(string path, string sentence) => new(InputFaultKind.NoInput, $"{path}: {sentence}");
}

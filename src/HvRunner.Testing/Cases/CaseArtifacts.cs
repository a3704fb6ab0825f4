using System.Globalization;
using HvRunner.Abstractions;
using HvRunner.Machine.Diagnostics;
using HvRunner.Machine.Reports;
using HvRunner.Testing.Results;
using HvRunner.Testing.Scripts;

namespace HvRunner.Testing.Cases;

/// <summary>
/// The folder of one case while it runs, and afterwards if it failed: the console's log byte for byte, what the debug console said, the report, the
/// post-mortem, the failure, and the line that runs the guest again. The log is written as it comes, so a run that was killed leaves it behind.
/// </summary>
internal sealed class CaseArtifacts : IDisposable
{
    private const int MaxNameChars = 80;

    private readonly FileStream _console;

    private CaseArtifacts(string folder)
    {
        Folder = folder;

        // Without a buffer: who kills a run wants to see all that the guest said.
        _console = new FileStream(Path.Combine(folder, "console.log"), FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);
    }

    /// <summary>Where they are.</summary>
    internal string Folder { get; }

    /// <summary>Takes the console's bytes.</summary>
    internal Stream Console => _console;

    /// <summary>Makes the case's folder, emptied of what an older run left there. Throws <see cref="InvalidInputException"/> when it cannot.</summary>
    internal static CaseArtifacts Create(string root, ScriptCase one)
    {
        var folder = Path.Combine(root, NameOf(one));
        try
        {
            if (Directory.Exists(folder))
            {
                Directory.Delete(folder, recursive: true);
            }

            Directory.CreateDirectory(folder);
            return new CaseArtifacts(folder);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new InvalidInputException(InputFaultKind.Usage, $"--artifacts: cannot write '{folder}': {exception.Message}");
        }
    }

    /// <summary>Completes the folder of a case that failed.</summary>
    internal void Keep(CaseResult result, byte[] debugOutput)
    {
        _console.Dispose();
        File.WriteAllLines(Path.Combine(Folder, "run.sh"), ["#!/bin/sh", $"# Runs the guest of '{result.Name}' again, without its script.", result.RunLine]);
        if (debugOutput.Length != 0)
        {
            File.WriteAllBytes(Path.Combine(Folder, "debug-console.log"), debugOutput);
        }

        if (result.Report is { } report)
        {
            using var file = File.Create(Path.Combine(Folder, "report.json"));
            RunReportJson.Write(file, report);
        }

        if (result.Failure is { } failure)
        {
            File.WriteAllLines(Path.Combine(Folder, "failure.txt"), [failure.Sentence, .. failure.Details]);
            if (failure.PostMortem is { } postMortem)
            {
                using var text = new StreamWriter(Path.Combine(Folder, "post-mortem.txt"));
                PostMortemText.Write(text, postMortem, string.Empty);
            }
        }
    }

    /// <summary>The case passed: nobody needs the folder.</summary>
    internal void Remove()
    {
        _console.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    /// <inheritdoc/>
    public void Dispose() => _console.Dispose();

    /// <summary>A name that a file system takes and that tells the case, and a number that tells it from others that would look the same.</summary>
    private static string NameOf(ScriptCase one)
    {
        var plain = string.Concat(one.FullName.Select(value => char.IsAsciiLetterOrDigit(value) || value is '.' or '-' or '=' ? value : '-'));
        while (plain.Contains("--", StringComparison.Ordinal))
        {
            plain = plain.Replace("--", "-", StringComparison.Ordinal);
        }

        var number = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(one.Id)).AsSpan(0, 4));
        return string.Create(CultureInfo.InvariantCulture, $"{plain.Trim('-', '.')[..Math.Min(plain.Trim('-', '.').Length, MaxNameChars)]}-{number}");
    }
}

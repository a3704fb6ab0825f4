using System.Text.RegularExpressions;

namespace HvRunner.Architecture.Tests;

/// <summary>What every source file keeps.</summary>
public static partial class SourceRules
{
    public const int LookAgainLines = 400;
    public const int MaxLines = 600;

    /// <summary>Tables of native declarations are as long as the header that they mirror.</summary>
    public static IEnumerable<string> LongerThan(int limit, IEnumerable<TextFile> sources) =>
        from source in sources
        where !source.IsInterop
        let lines = source.Text.AsSpan().Count('\n')
        where lines > limit
        select $"{source.Path} has {lines} lines";

    public static IEnumerable<string> SilentPragmas(IEnumerable<TextFile> sources) =>
        from source in sources
        from Match pragma in Pragma().Matches(source.Text)
        where !ReasonBehind().IsMatch(pragma.Value)
        select $"{source.Path}: '{pragma.Value.Trim()}' gives no reason";

    /// <summary>Before the first type's body stands a comment that says what the file is: on the type, or above it.</summary>
    public static IEnumerable<string> WithoutOpening(IEnumerable<TextFile> sources)
    {
        foreach (var source in sources)
        {
            foreach (var line in source.Text.Split('\n').Select(line => line.Trim()))
            {
                if (line.StartsWith("//", StringComparison.Ordinal))
                {
                    break;
                }

                if (!IsPreamble(line))
                {
                    yield return $"{source.Path} does not open with what it is, but with '{line}'";
                    break;
                }
            }
        }
    }

    public static IEnumerable<string> InputOutputIn(string folder, IEnumerable<TextFile> sources) =>
        from source in sources
        where source.IsUnder(folder)
        let code = CodeText.WithoutCommentsAndStrings(source.Text)
        from Match word in InputOutputOrUnsafe().Matches(code)
        select $"{source.Path} uses {word.Value}";

    /// <summary>The keyword in a project, anywhere but in one of its folders.</summary>
    public static IEnumerable<string> UnsafeIn(string project, string except, IEnumerable<TextFile> sources) =>
        from source in sources
        where source.IsUnder(project) && !source.IsUnder(except)
        where UnsafeKeyword().IsMatch(CodeText.WithoutCommentsAndStrings(source.Text))
        select $"{source.Path} is unsafe, which only {except} may be";

    public static IEnumerable<string> MentionsOf(string word, IReadOnlyList<string> folders, IEnumerable<TextFile> files) =>
        from file in files
        where folders.Any(file.IsUnder)
        where CodeText.WithoutCommentsAndStrings(file.Text).Contains(word, StringComparison.Ordinal)
        select $"{file.Path} mentions {word}";

    public static IEnumerable<string> SilentSkips(IEnumerable<TextFile> sources) =>
        from source in sources
        from Match skip in EmptySkip().Matches(source.Text)
        select $"{source.Path}: a skip without a reason: {skip.Value}";

    /// <summary>What may stand before the opening comment: nothing that declares anything.</summary>
    private static bool IsPreamble(string line) =>
        line.Trim('\ufeff').Length == 0 || line.StartsWith("using ", StringComparison.Ordinal) || line.StartsWith("namespace ", StringComparison.Ordinal) ||
        line.StartsWith("global using ", StringComparison.Ordinal) || line.StartsWith('#');

    [GeneratedRegex(@"^[ \t]*#pragma warning disable[^\n]*", RegexOptions.Multiline)]
    private static partial Regex Pragma();

    [GeneratedRegex(@"//\s*\S+\s+\S+")]
    private static partial Regex ReasonBehind();

    [GeneratedRegex(@"\b(?:System\.IO|File|FileInfo|Directory|DirectoryInfo|Path|Stream|FileStream|StreamReader|StreamWriter|TextReader|TextWriter|Console|Socket|Process|unsafe)\b(?!\s*=>|Info)")]
    private static partial Regex InputOutputOrUnsafe();

    [GeneratedRegex(@"\bunsafe\b")]
    private static partial Regex UnsafeKeyword();

    [GeneratedRegex(@"\bSkip\s*=\s*(?:""\s*""|null|string\.Empty)")]
    private static partial Regex EmptySkip();
}

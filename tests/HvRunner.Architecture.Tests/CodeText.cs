using System.Text;
using System.Text.RegularExpressions;

namespace HvRunner.Architecture.Tests;

/// <summary>C# as far as the rules need to read it: comments and the contents of strings taken out, names taken apart.</summary>
public static partial class CodeText
{
    /// <summary>The text with comments and string contents gone, so that a word found in it is a word of the program.</summary>
    public static string WithoutCommentsAndStrings(string text)
    {
        var code = new StringBuilder(text.Length);
        var position = 0;
        foreach (Match skipped in CommentOrString().Matches(text))
        {
            code.Append(text, position, skipped.Index - position).Append(skipped.Value[0] == '/' ? " " : "\"\"");
            position = skipped.Index + skipped.Length;
        }

        return code.Append(text, position, text.Length - position).ToString();
    }

    /// <summary>The words of a name: "IoApicTests" is Io, Apic, Tests.</summary>
    public static IEnumerable<string> WordsOf(string name) => Word().Matches(name).Select(word => word.Value);

    /// <summary>Names of the types and namespaces that the text declares.</summary>
    public static IEnumerable<string> DeclaredNames(string text) =>
        Declaration().Matches(WithoutCommentsAndStrings(text)).Select(match => match.Groups["name"].Value);

    [GeneratedRegex("""//[^\n]*|/\*.*?\*/|\"{3}.*?\"{3}|@"(?:[^"]|"")*"|"(?:\\.|[^"\\\n])*"|'(?:\\.[^']*|[^'\\\n])'""", RegexOptions.Singleline)]
    private static partial Regex CommentOrString();

    [GeneratedRegex("[A-Z][a-z0-9]*|[a-z0-9]+")]
    private static partial Regex Word();

    [GeneratedRegex(@"\b(?:class|struct|interface|enum|record(?:\s+struct|\s+class)?|namespace|delegate\s+[\w<>\[\]?.,]+)\s+(?!struct\b|class\b)(?<name>[A-Za-z_][\w.]*)")]
    private static partial Regex Declaration();
}

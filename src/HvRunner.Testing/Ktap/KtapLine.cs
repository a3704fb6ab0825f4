namespace HvRunner.Testing.Ktap;

/// <summary>What a line is to TAP, its nesting aside.</summary>
internal enum KtapLineKind
{
    /// <summary>Nothing of TAP: a log line, or what a test printed by the way.</summary>
    Other,

    /// <summary>"TAP version 13", "KTAP version 1".</summary>
    Version,

    /// <summary>"# Subtest: name".</summary>
    Subtest,

    /// <summary>"1..N".</summary>
    Plan,

    /// <summary>"ok ...", "not ok ...".</summary>
    Result,

    /// <summary>"# ...".</summary>
    Diagnostic,

    /// <summary>"---", which opens a block of YAML.</summary>
    Yaml,

    /// <summary>"Bail out!".</summary>
    BailOut,
}

/// <summary>
/// One line, any prefix of a kernel's log gone, as TAP 13, TAP 14 and KTAP 1 spell it. Pure text to fields: whether the line counts where it
/// stands is <see cref="KtapDocument"/>'s. Whatever the text, nothing is thrown, and the time is linear in its length.
/// </summary>
internal readonly ref struct KtapLine
{
    /// <summary>What is as large or larger is this: no test counts so far.</summary>
    internal const long MaxNumber = 1_000_000_000_000_000_000;

    private const int TabColumns = 4;

    internal KtapLineKind Kind { get; private init; }

    /// <summary>Columns of white space in front.</summary>
    internal int Indent { get; private init; }

    /// <summary>A result's description, a suite's name, what a diagnostic or a bail-out says; else what stands behind the indentation.</summary>
    internal ReadOnlySpan<char> Text { get; private init; }

    /// <summary>A result's number or a plan's; null where there is none, or it is cut off.</summary>
    internal long? Number { get; private init; }

    /// <summary>Whether more digits may have been cut off behind the number.</summary>
    internal bool NumberMayGoOn { get; private init; }

    /// <summary>Whether a line of another processor's broke in before the end.</summary>
    internal bool IsCut { get; private init; }

    internal bool IsOk { get; private init; }

    /// <summary>Whether " - " stands between number and description.</summary>
    internal bool HasDash { get; private init; }

    /// <summary>Whether a version line says KTAP.</summary>
    internal bool IsKtap { get; private init; }

    internal KtapDirective Directive { get; private init; }

    /// <summary>The text behind the directive, or behind a <c>#</c> alone.</summary>
    internal ReadOnlySpan<char> Reason { get; private init; }

    /// <summary>Whether reading the line could find anything but <see cref="KtapLineKind.Other"/>, or the beginning of a result that is cut off: a look at a few characters.</summary>
    internal static bool MayBe(ReadOnlySpan<char> text)
    {
        if (text.Length > 0 && text[0] is ' ' or '\t')
        {
            text = text.TrimStart(" \t");
        }

        return text.Length > 1 && text[0] switch
        {
            'o' => text[1] is 'k' or '[',
            'n' => text[1] is 'o' or '[',
            '1' => text[1] == '.',
            'T' => text[1] == 'A',
            'K' => text[1] == 'T',
            'B' => text.StartsWith("Bail"),
            '-' => text[1] == '-',
            '#' => true,
            _ => false,
        } || text is "#";
    }

    /// <summary>Reads a line. <paramref name="isCut"/>: another line broke in where it ends.</summary>
    internal static KtapLine Read(ReadOnlySpan<char> line, bool isCut = false)
    {
        var text = line.TrimStart(" \t");
        var indent = 0;
        foreach (var space in line[..(line.Length - text.Length)])
        {
            indent += space == '\t' ? TabColumns : 1;
        }

        if (text.StartsWith("ok"))
        {
            return ReadResult(text, 2, indent, isCut);
        }

        if (text.StartsWith("not ok"))
        {
            return ReadResult(text, 6, indent, isCut);
        }

        if (text.StartsWith("1.."))
        {
            return ReadPlan(text, indent, isCut);
        }

        if (text.StartsWith('#'))
        {
            var words = text[1..].Trim();
            return words.StartsWith("Subtest:")
                ? new() { Kind = KtapLineKind.Subtest, Indent = indent, Text = words["Subtest:".Length..].Trim() }
                : new() { Kind = KtapLineKind.Diagnostic, Indent = indent, Text = (text.StartsWith("# ") ? text[2..] : text[1..]).TrimEnd() };
        }

        if (text.StartsWith("Bail out!"))
        {
            return new() { Kind = KtapLineKind.BailOut, Indent = indent, Text = text["Bail out!".Length..].Trim() };
        }

        var isKtap = text.StartsWith("KTAP version");
        if (isKtap || text.StartsWith("TAP version"))
        {
            return ReadVersion(text, indent, isKtap, isCut);
        }

        return new() { Kind = text.TrimEnd() is "---" ? KtapLineKind.Yaml : KtapLineKind.Other, Indent = indent, Text = text };
    }

    /// <summary>Digits as a number, at most <see cref="MaxNumber"/>.</summary>
    private static long ToNumber(ReadOnlySpan<char> digits)
    {
        long number = 0;
        foreach (var digit in digits)
        {
            if (number >= MaxNumber / 10)
            {
                return MaxNumber;
            }

            number = (number * 10) + (digit - '0');
        }

        return number;
    }

    private static int DigitsAtStart(ReadOnlySpan<char> text)
    {
        var end = text.IndexOfAnyExceptInRange('0', '9');
        return end < 0 ? text.Length : end;
    }

    private static KtapLine ReadResult(ReadOnlySpan<char> text, int statusLength, int indent, bool isCut)
    {
        var rest = text[statusLength..];
        if (!rest.IsEmpty && !char.IsWhiteSpace(rest[0]))
        {
            return new() { Indent = indent, Text = text };
        }

        rest = rest.TrimStart();
        var digits = DigitsAtStart(rest);
        long? number = null;
        if (digits > 0 && (digits == rest.Length || char.IsWhiteSpace(rest[digits])))
        {
            number = ToNumber(rest[..digits]);
            rest = rest[digits..];
        }

        var mayGoOn = isCut && rest.IsEmpty;
        rest = rest.Trim();
        var hasDash = rest.StartsWith('-') && (rest.Length == 1 || char.IsWhiteSpace(rest[1]));
        if (hasDash)
        {
            rest = rest[1..].TrimStart();
        }

        var directive = KtapDirectives.Split(rest, out var description, out var reason);
        return new()
        {
            Kind = KtapLineKind.Result,
            Indent = indent,
            IsOk = statusLength == 2,
            Number = number,
            NumberMayGoOn = mayGoOn,
            IsCut = isCut,
            HasDash = hasDash,
            Text = description,
            Directive = directive,
            Reason = reason,
        };
    }

    private static KtapLine ReadPlan(ReadOnlySpan<char> text, int indent, bool isCut)
    {
        var rest = text[3..];
        var digits = DigitsAtStart(rest);
        var words = rest[digits..].Trim();
        if ((digits == 0 && !isCut) || (!words.IsEmpty && words[0] != '#') || (digits < rest.Length && words.Length == rest.Length - digits))
        {
            return new() { Indent = indent, Text = text };
        }

        var directive = KtapDirectives.Split(words, out _, out var reason);
        return new()
        {
            Kind = KtapLineKind.Plan,
            Indent = indent,
            Number = isCut && digits == rest.Length ? null : ToNumber(rest[..digits]),
            Directive = directive,
            Reason = reason,
        };
    }

    private static KtapLine ReadVersion(ReadOnlySpan<char> text, int indent, bool isKtap, bool isCut)
    {
        var number = text[(isKtap ? "KTAP version".Length : "TAP version".Length)..];
        var digits = number.Trim();
        var isVersion = digits.IsEmpty ? isCut : char.IsWhiteSpace(number[0]) && !digits.ContainsAnyExceptInRange('0', '9');
        return new()
        {
            Kind = isVersion ? KtapLineKind.Version : KtapLineKind.Other,
            Indent = indent,
            Text = text,
            IsKtap = isKtap,
            Number = digits.IsEmpty || !isVersion ? null : ToNumber(digits),
        };
    }
}

using System.Globalization;
using System.Xml;

namespace HvRunner.Testing.Results;

/// <summary>
/// Results as the JUnit XML that CI systems read: a suite for each script, in it a test for each case, and behind each case its sub-cases, whose
/// class is the script and the case.
/// </summary>
internal static class JUnitReport
{
    /// <summary>Writes the document.</summary>
    internal static void Write(Stream output, IReadOnlyList<CaseResult> results)
    {
        var settings = new XmlWriterSettings { Indent = true, NewLineChars = "\n", CloseOutput = false, Encoding = new System.Text.UTF8Encoding(false) };
        using var xml = XmlWriter.Create(output, settings);
        xml.WriteStartElement("testsuites");
        xml.WriteAttributeString("name", "hvrun");
        WriteCounts(xml, results);
        foreach (var script in results.GroupBy(result => result.Script))
        {
            xml.WriteStartElement("testsuite");
            xml.WriteAttributeString("name", ReportText.ForXml(script.Key));
            WriteCounts(xml, [.. script]);
            foreach (var result in script)
            {
                WriteCase(xml, result);
            }

            xml.WriteEndElement();
        }

        xml.WriteEndElement();
    }

    private static void WriteCounts(XmlWriter xml, IReadOnlyList<CaseResult> results)
    {
        long Count(TestOutcome? outcome) => results.Sum(result =>
            (outcome is null || result.Outcome == outcome ? 1 : 0) + result.SubCases.LongCount(sub => outcome is null || sub.Outcome == outcome));
        xml.WriteAttributeString("tests", Count(null).ToString(CultureInfo.InvariantCulture));
        xml.WriteAttributeString("failures", Count(TestOutcome.Failed).ToString(CultureInfo.InvariantCulture));
        xml.WriteAttributeString("errors", "0");
        xml.WriteAttributeString("skipped", Count(TestOutcome.Skipped).ToString(CultureInfo.InvariantCulture));
        xml.WriteAttributeString("time", ReportText.Seconds(TimeSpan.FromTicks(results.Sum(result => result.Duration.Ticks))));
    }

    private static void WriteCase(XmlWriter xml, CaseResult result)
    {
        xml.WriteStartElement("testcase");
        xml.WriteAttributeString("classname", ReportText.ForXml(result.Script));
        xml.WriteAttributeString("name", ReportText.ForXml(result.Name));
        xml.WriteAttributeString("file", ReportText.ForXml(result.Script));
        if (result.Failure?.Line is { } line)
        {
            xml.WriteAttributeString("line", line.ToString(CultureInfo.InvariantCulture));
        }

        xml.WriteAttributeString("time", ReportText.Seconds(result.Duration));
        WriteOutcome(xml, result.Outcome, result.SkipReason ?? result.Failure?.Sentence, CaseText.DetailsOf(result));
        xml.WriteEndElement();
        foreach (var sub in result.SubCases)
        {
            xml.WriteStartElement("testcase");
            xml.WriteAttributeString("classname", ReportText.ForXml($"{result.Script}.{result.Name}"));
            xml.WriteAttributeString("name", ReportText.ForXml(ReportText.NameOf(sub)));
            xml.WriteAttributeString("time", "0.000");
            WriteOutcome(xml, sub.Outcome, sub.Reason, sub.Diagnostics);
            xml.WriteEndElement();
        }
    }

    private static void WriteOutcome(XmlWriter xml, TestOutcome outcome, string? reason, IReadOnlyList<string> details)
    {
        if (outcome == TestOutcome.Passed)
        {
            return;
        }

        xml.WriteStartElement(outcome == TestOutcome.Failed ? "failure" : "skipped");
        xml.WriteAttributeString("message", ReportText.ForXml(reason ?? (outcome == TestOutcome.Failed ? "not ok" : string.Empty)));
        if (outcome == TestOutcome.Failed && details.Count != 0)
        {
            xml.WriteString(ReportText.ForXml(string.Join('\n', details)));
        }

        xml.WriteEndElement();
    }
}

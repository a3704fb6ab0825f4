using HvRunner.Kvm;

namespace HvRunner.Cli;

/// <summary>Doctor's findings for people: sentences under headings, <c>!</c> before what is missing, slow or wrong.</summary>
internal static class DoctorText
{
    internal static IEnumerable<string> Lines(DoctorFindings findings)
    {
        var sentences = DoctorSentences.Of(findings);
        string[] topics = [DoctorSentences.Hypervisor, DoctorSentences.Processor, DoctorSentences.Interrupts];
        return
        [
            .. topics.SelectMany(topic => Section(topic, sentences)),
            .. Section(DoctorSentences.Software, sentences),
            .. findings.Kvm is { } kvm ? Capabilities(kvm.Capabilities) : [],
            .. Section(DoctorSentences.Meaning, sentences),
        ];
    }

    private static IEnumerable<string> Section(string topic, IReadOnlyList<DoctorSentence> sentences)
    {
        var own = sentences.Where(sentence => sentence.Topic == topic).ToList();
        if (own.Count == 0)
        {
            yield break;
        }

        yield return topic;
        foreach (var sentence in own)
        {
            yield return $"{(sentence.IsProblem ? "! " : "  ")}{sentence.Text}";
            if (sentence.Fix is { } fix)
            {
                yield return $"    What to do: {fix}.";
            }
        }
    }

    private static IEnumerable<string> Capabilities(IReadOnlyList<KvmCapability> capabilities)
    {
        yield return "Capabilities";
        foreach (var one in capabilities.Where(one => one.IsPresent))
        {
            yield return $"  {one.Name,-34} {one.Value,8}  {one.Purpose}";
        }

        foreach (var one in capabilities.Where(one => !one.IsPresent))
        {
            yield return $"  {one.Name,-34}   absent  {one.Purpose}";
        }
    }
}

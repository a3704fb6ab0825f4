using System.CommandLine;
using HvRunner.Abstractions;
using HvRunner.Boot;

namespace HvRunner.Cli;

/// <summary><c>hvrun inspect</c>: what a file is, which boot protocols it offers, which one would be used, and why.</summary>
internal static class InspectCommand
{
    internal static Command Create()
    {
        var file = new Argument<string>("FILE") { Description = "A kernel." };
        var json = new Option<bool>("--json") { Description = "One JSON object instead of text." };
        var command = new Command("inspect", "Says what a file is, which boot protocols it offers, which one would be used, and why.") { file, json };
        command.SetAction(result => Execute(result.GetValue(file)!, result.GetValue(json)));
        return command;
    }

    private static int Execute(string path, bool asJson)
    {
        try
        {
            using var source = new FileImageSource(path);
            var inspection = KernelInspection.Inspect(source);
            if (asJson)
            {
                StandardOutput.Write(output => InspectionJson.Write(output, inspection));
            }
            else
            {
                using var text = new StringWriter();
                InspectionText.Write(text, inspection);
                StandardOutput.Write(text.ToString());
            }

            return inspection.Chosen is null ? (int)InputFaultKind.BadInput : 0;
        }
        catch (InvalidInputException exception)
        {
            return Ending.Tell(exception.Faults);
        }
    }
}

namespace HvRunner.Testing;

/// <summary>What a test expects of a guest did not come. The message says what was awaited, what happened instead, and how the console ends.</summary>
/// <param name="message">All of it.</param>
public sealed class ExpectationException(string message) : Exception(message);

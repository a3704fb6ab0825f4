using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace HvRunner.Kvm.Tests.Layout;

/// <summary>Turns managed declarations of native things into C: one _Static_assert for each constant, structure and field. Nothing is listed by hand.</summary>
internal static class LayoutAsserts
{
    private const BindingFlags All = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;

    internal static IEnumerable<string> ForConstants(Type holder) =>
        from field in holder.GetFields(All)
        where field.IsLiteral
        select Assert(field.Name, Convert.ToDecimal(field.GetRawConstantValue(), CultureInfo.InvariantCulture).ToString(CultureInfo.InvariantCulture) + "LL");

    internal static IEnumerable<string> ForStructures(string nameSpace, Assembly assembly) => NativeTypes(nameSpace, assembly).SelectMany(ForStructure);

    /// <summary>Native names are lower case; a type with a managed name only stands for an array within one.</summary>
    internal static IEnumerable<Type> NativeTypes(string nameSpace, Assembly assembly) =>
        assembly.GetTypes().Where(type => type.Namespace == nameSpace && type.IsValueType && !type.IsEnum && !type.IsNested && char.IsLower(type.Name[0]));

    internal static IEnumerable<FieldInfo> FieldsOf(Type type) =>
        type.GetCustomAttribute<InlineArrayAttribute>() is null ? type.GetFields(All).Where(field => !field.IsStatic) : [];

    private static IEnumerable<string> ForStructure(Type type)
    {
        // C spells a typedef without the keyword.
        var native = type.Name.EndsWith("_t", StringComparison.Ordinal) ? type.Name : "struct " + type.Name;
        yield return Assert($"sizeof({native})", ManagedLayout.SizeOf(type).ToString(CultureInfo.InvariantCulture));
        foreach (var field in FieldsOf(type))
        {
            var member = PathOf(field);
            yield return Assert($"offsetof({native}, {member})", ManagedLayout.OffsetOf(field).ToString(CultureInfo.InvariantCulture));
            yield return Assert($"sizeof((({native} *)0)->{member})", ManagedLayout.SizeOf(field.FieldType).ToString(CultureInfo.InvariantCulture));
        }
    }

    /// <summary>The member as offsetof() takes it: the field's own name, unless an attribute gives the path.</summary>
    private static string PathOf(FieldInfo field) =>
        field.GetCustomAttributesData().FirstOrDefault(data => data.AttributeType.Name == "NativeFieldAttribute") is { } attribute
            ? (string)attribute.ConstructorArguments[0].Value!
            : field.Name;

    private static string Assert(string expression, string value) => $"_Static_assert({expression} == {value}, \"{expression} is not {value}\");";
}

using System.Reflection;
using System.Reflection.Emit;

namespace HvRunner.Kvm.Tests.Layout;

/// <summary>
/// Where the runtime really puts a field: asked with the instruction that takes its address. Marshal.OffsetOf answers another question, the layout
/// after marshalling, and not at all for inline arrays.
/// </summary>
internal static class ManagedLayout
{
    internal static int OffsetOf(FieldInfo field) => Ask(field.DeclaringType!, code =>
    {
        var instance = code.DeclareLocal(field.DeclaringType!);
        code.Emit(OpCodes.Ldloca, instance);
        code.Emit(OpCodes.Ldflda, field);
        code.Emit(OpCodes.Conv_U);
        code.Emit(OpCodes.Ldloca, instance);
        code.Emit(OpCodes.Conv_U);
        code.Emit(OpCodes.Sub);
        code.Emit(OpCodes.Conv_I4);
    });

    internal static int SizeOf(Type type) => Ask(type, code => code.Emit(OpCodes.Sizeof, type));

    private static int Ask(Type owner, Action<ILGenerator> question)
    {
        var method = new DynamicMethod("Ask", typeof(int), [], owner.Module, skipVisibility: true);
        var code = method.GetILGenerator();
        question(code);
        code.Emit(OpCodes.Ret);
        return method.CreateDelegate<Func<int>>()();
    }
}

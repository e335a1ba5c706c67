/**
 * TypeDoc writes `type Gradient = (typeof gradients)[number]` as it stands; who reads it wants the
 * choices. A plugin that puts them there.
 */
import { Converter, LiteralType, ReflectionKind, UnionType } from "typedoc";

const computed = new Set(["indexedAccess", "typeOperator"]);

export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, (context) => {
    const checker = context.programs[0].getTypeChecker();
    for (const alias of context.project.getReflectionsByKind(ReflectionKind.TypeAlias)) {
      const members = alias.type?.type === "union" ? alias.type.types : [alias.type];
      const asWritten = members.filter((member) => member && !computed.has(member.type));
      const symbol = context.getSymbolFromReflection(alias);
      if (asWritten.length === members.length || symbol === undefined) continue;
      const type = checker.getDeclaredTypeOfSymbol(symbol);
      const literals = (type.isUnion() ? type.types : [type])
        .filter((part) => part.isLiteral())
        .map(({ value }) => new LiteralType(value));
      if (literals.length > 0) alias.type = new UnionType([...literals, ...asWritten]);
    }
  });
}

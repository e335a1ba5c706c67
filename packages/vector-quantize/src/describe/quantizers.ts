import { didYouMean } from "../didYouMean.ts";
import { expected } from "../errors.ts";
import type { Kind } from "../options/kinds.ts";
import { meanings, referenceName } from "../options/referenceNames.ts";
import { translations } from "../torch/translations.ts";
import { comments } from "./comments.ts";
import { quantizerTables } from "./tables.ts";

/** What an option of a quantizer may be. */
export interface OptionDescription {
  readonly name: string;
  /** What `typeof` says of its values; `object` for what has values of several kinds. */
  readonly kind: Kind;
  /** The words that it may be, of one that has no others. */
  readonly choices?: readonly string[];
  /** Whether it is an object with functions of the user's own, which no text can say. */
  readonly own?: boolean;
  readonly required: boolean;
  /** Its default, if that is fixed: `text` tells of those that follow from other options. */
  readonly fallback?: unknown;
  /** What its comment says. */
  readonly text: string;
  /** What it is called in the reference; none where it is ours alone. */
  readonly reference: readonly string[];
}

/** A quantizer and all of its options. */
export interface QuantizerDescription {
  readonly type: string;
  /** One sentence. */
  readonly summary: string;
  /** The reference's class, if it has one. */
  readonly reference?: string;
  readonly options: readonly OptionDescription[];
}

/** The types of all quantizers. */
export const quantizerTypes: readonly string[] = Object.keys(quantizerTables);

/**
 * What a quantizer is, and which options it takes, for command lines and forms.
 *
 * ```ts
 * for (const { name, text } of describeQuantizer("fsq").options) console.log(name, text);
 * ```
 *
 * @throws VectorQuantizeError for a type that no quantizer has
 */
export function describeQuantizer(type: string): QuantizerDescription {
  const table = Object.hasOwn(quantizerTables, type) ? quantizerTables[type] : undefined;
  const said = Object.hasOwn(comments, type) ? comments[type] : undefined;
  if (!table || !said) {
    const mend = typeof type === "string" ? didYouMean(type, quantizerTypes) : undefined;
    throw expected("quantizer type", `one of ${quantizerTypes.join(", ")}`, type, mend);
  }
  const translation = translations.find((known) => known.type === type);
  const kwargs = Object.keys(translation?.parts.mapping.kwargs ?? {});
  return {
    type,
    summary: said.summary,
    ...(translation && { reference: translation.className }),
    options: [...table.declarations].map(([name, { kind = "object", choices, own, fallback }]) => ({
      name,
      kind,
      ...(choices && { choices }),
      ...(own && { own }),
      required: fallback === undefined,
      ...(fallback !== undefined && typeof fallback !== "function" && { fallback }),
      text: said.options[name] ?? "",
      reference: kwargs.filter((kwarg) =>
        Object.hasOwn(meanings, kwarg)
          ? meanings[kwarg]?.option === name
          : kwarg === referenceName(name),
      ),
    })),
  };
}

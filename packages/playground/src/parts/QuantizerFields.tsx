import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { OptionDescription, QuantizerDescription } from "vector-quantize/options";
import type { Session } from "../engine/session.ts";
import { Choice, Flag, Range, Select, Text } from "./fields.tsx";

/** An option that stands in sight; a number has a slider between these. */
export interface OptionInSight {
  readonly name: string;
  readonly min?: number;
  readonly max?: number;
  readonly step?: number;
  readonly log?: boolean;
  /** Those of its choices that make sense here. Default: all. */
  readonly among?: readonly string[];
  /** In place of a default that follows from other options. */
  readonly usual?: unknown;
}

type Options = Readonly<Record<string, unknown>>;

interface QuantizerFieldsProps {
  readonly session: Session;
  readonly type: string;
  readonly options: Options;
  readonly shown: readonly OptionInSight[];
  /** Options that the scene settles itself. */
  readonly settled: readonly string[];
  readonly onChange: (options: Options) => void;
}

const described = signal<Readonly<Record<string, QuantizerDescription>>>({});
const asked = new Set<string>();

/** What the library says of a quantizer; the worker has the tables. */
function useDescription(session: Session, type: string): QuantizerDescription | undefined {
  useEffect(() => {
    if (asked.has(type)) return;
    asked.add(type);
    session.describe<QuantizerDescription>(type).then(
      (found) => {
        described.value = { ...described.value, [type]: found };
      },
      () => asked.delete(type),
    );
  }, [session, type]);
  return described.value[type];
}

/** The options of a quantizer, as its table declares them, with what its comments say. */
export function QuantizerFields(props: QuantizerFieldsProps) {
  const { session, type, options, shown, settled, onChange } = props;
  const description = useDescription(session, type);
  if (!description) return <fieldset aria-busy="true" />;
  const find = (name: string) => description.options.find((option) => option.name === name);
  const set = (name: string, value: unknown) => {
    const { [name]: _, ...others } = options;
    onChange(value === undefined ? others : { ...others, [name]: value });
  };
  const inSight = shown.map(({ name }) => name);
  const rest = description.options.filter(
    ({ name, own }) => !own && !inSight.includes(name) && !settled.includes(name),
  );
  return (
    <fieldset>
      {shown.map((each) => {
        const option = find(each.name);
        if (!option) return null;
        const value = options[each.name] ?? option.fallback ?? each.usual;
        return (
          <KnownField
            key={each.name}
            option={option}
            shown={each}
            value={value}
            onChange={(next) => set(each.name, next)}
          />
        );
      })}
      <details>
        <summary>All options of {type}</summary>
        <fieldset>
          {rest.map((option) => (
            <AnyField
              key={option.name}
              option={option}
              value={options[option.name]}
              onChange={(next) => set(option.name, next)}
            />
          ))}
        </fieldset>
      </details>
    </fieldset>
  );
}

interface KnownFieldProps {
  readonly option: OptionDescription;
  readonly shown: OptionInSight;
  readonly value: unknown;
  readonly onChange: (value: unknown) => void;
}

function KnownField({ option, shown, value, onChange }: KnownFieldProps) {
  const { name, text, choices } = option;
  const common = { label: name, hint: text };
  if (choices) {
    const all = (shown.among ?? choices).map((each) => [each, each] as const);
    return <Choice {...common} value={`${value}`} choices={all} onChange={onChange} />;
  }
  if (typeof value === "boolean") return <Flag {...common} value={value} onChange={onChange} />;
  if (Array.isArray(value)) {
    return (
      <>
        {value.map((each, axis) => (
          <Range
            key={axis}
            {...common}
            label={`${name} of ${axis === 0 ? "x" : "y"}`}
            value={each as number}
            min={shown.min ?? 2}
            max={shown.max ?? 16}
            onChange={(next) => onChange(value.map((old, at) => (at === axis ? next : old)))}
          />
        ))}
      </>
    );
  }
  return (
    <Range
      {...common}
      value={Number(value)}
      min={shown.min ?? 0}
      max={shown.max ?? 1}
      step={shown.step ?? 1}
      log={shown.log ?? false}
      onChange={onChange}
    />
  );
}

interface AnyFieldProps {
  readonly option: OptionDescription;
  readonly value: unknown;
  readonly onChange: (value: unknown) => void;
}

/** A field for whatever the option may be; empty is its default. */
function AnyField({ option, value, onChange }: AnyFieldProps) {
  const { name, text, kind, choices, fallback } = option;
  const common = { label: name, hint: text };
  const words = choices ?? (kind === "boolean" ? ["true", "false"] : undefined);
  if (words) {
    const usual = fallback === undefined ? "default" : `default: ${fallback}`;
    return (
      <Select
        {...common}
        value={value === undefined ? "" : `${value}`}
        choices={[["", usual] as const, ...words.map((each) => [each, each] as const)]}
        onChange={(next) => onChange(next === "" ? undefined : read(next, kind === "boolean"))}
      />
    );
  }
  return (
    <Text
      {...common}
      value={value === undefined ? "" : JSON.stringify(value)}
      placeholder={fallback === undefined ? "default" : JSON.stringify(fallback)}
      onChange={(next) => onChange(next.trim() === "" ? undefined : read(next, true))}
    />
  );
}

function read(text: string, json: boolean): unknown {
  if (!json) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text; // the quantizer says what it wanted
  }
}

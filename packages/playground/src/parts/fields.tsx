import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { Hint } from "./Hint.tsx";

interface FieldProps {
  readonly label: string;
  readonly hint?: ComponentChildren;
}

function Name({ label, hint, id, value }: FieldProps & { id: string; value?: string }) {
  return (
    <div class="name">
      <label for={id}>{label}</label>
      {hint && <Hint of={label}>{hint}</Hint>}
      {value !== undefined && <output for={id}>{value}</output>}
    </div>
  );
}

export interface RangeProps extends FieldProps {
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly step?: number;
  /** Even steps are even factors; the least value is then 0, whatever `min` says. */
  readonly log?: boolean;
  readonly format?: (value: number) => string;
  readonly onChange: (value: number) => void;
}

const ticks = 100;

/** At most three digits, and no more zeros than needed. */
export const digits = (value: number): string => `${Number(value.toPrecision(3))}`;

/** A slider, and its value beside its name. */
export function Range(props: RangeProps) {
  const { label, hint, value, min, max, step, log, format = digits, onChange } = props;
  const id = useId();
  const toTick = (at: number) =>
    at <= 0 ? 0 : 1 + (Math.log(Math.max(at, min) / min) / Math.log(max / min)) * (ticks - 1);
  const ofTick = (tick: number) =>
    tick < 1 ? 0 : Number((min * (max / min) ** ((tick - 1) / (ticks - 1))).toPrecision(2));
  return (
    <div class="field">
      <Name label={label} hint={hint} id={id} value={format(value)} />
      <input
        id={id}
        type="range"
        min={log ? 0 : min}
        max={log ? ticks : max}
        step={log ? 1 : (step ?? 1)}
        value={log ? toTick(value) : value}
        aria-valuetext={format(value)}
        onInput={({ currentTarget }) => {
          const at = currentTarget.valueAsNumber;
          onChange(log ? ofTick(at) : at);
        }}
      />
    </div>
  );
}

export interface ChoiceProps<Value extends string> extends FieldProps {
  readonly value: Value;
  readonly choices: readonly (readonly [value: Value, label: string])[];
  readonly onChange: (value: Value) => void;
}

/** One of a few, all in sight. */
export function Choice<Value extends string>(props: ChoiceProps<Value>) {
  const { label, hint, value, choices, onChange } = props;
  const name = useId();
  return (
    <div class="field" role="radiogroup" aria-label={label}>
      <div class="name">
        <span>{label}</span>
        {hint && <Hint of={label}>{hint}</Hint>}
      </div>
      <div class="choices">
        {choices.map(([each, text]) => (
          <label key={each}>
            <input
              type="radio"
              name={name}
              checked={each === value}
              onChange={() => onChange(each)}
            />
            {text}
          </label>
        ))}
      </div>
    </div>
  );
}

/** One of many. */
export function Select<Value extends string>(props: ChoiceProps<Value>) {
  const { label, hint, value, choices, onChange } = props;
  const id = useId();
  return (
    <div class="field">
      <Name label={label} hint={hint} id={id} />
      <select
        id={id}
        value={value}
        onChange={({ currentTarget }) => onChange(currentTarget.value as Value)}
      >
        {choices.map(([each, text]) => (
          <option key={each} value={each}>
            {text}
          </option>
        ))}
      </select>
    </div>
  );
}

export interface FlagProps extends FieldProps {
  readonly value: boolean;
  readonly onChange: (value: boolean) => void;
}

export function Flag({ label, hint, value, onChange }: FlagProps) {
  const id = useId();
  return (
    <div class="field">
      <div class="name">
        <input
          id={id}
          type="checkbox"
          checked={value}
          onChange={({ currentTarget }) => onChange(currentTarget.checked)}
        />
        <label for={id}>{label}</label>
        {hint && <Hint of={label}>{hint}</Hint>}
      </div>
    </div>
  );
}

export interface TextProps extends FieldProps {
  readonly value: string;
  readonly placeholder?: string;
  readonly onChange: (value: string) => void;
}

export function Text({ label, hint, value, placeholder, onChange }: TextProps) {
  const id = useId();
  return (
    <div class="field">
      <Name label={label} hint={hint} id={id} />
      <input
        id={id}
        type="text"
        value={value}
        placeholder={placeholder}
        spellcheck={false}
        onChange={({ currentTarget }) => onChange(currentTarget.value)}
      />
    </div>
  );
}

import { Command } from "commander";
import type { OptionDescription } from "vector-quantize/options";
import { createConsole } from "../output/console.ts";
import { flagOf } from "../output/words.ts";

/** `vq quantizers [type]` */
export function quantizersCommand(): Command {
  return new Command("quantizers")
    .description("list all quantizers, or the options of one")
    .argument("[type]", "a quantizer, such as lfq")
    .option("--json", "print JSON lines instead of text", false)
    .action(async (type: string | undefined, { json }: { json: boolean }) => {
      const { describeQuantizer, quantizerTypes } = await import("vector-quantize/options");
      const console = createConsole(json);
      if (type === undefined) {
        const width = Math.max(...quantizerTypes.map((name) => name.length)) + 2;
        for (const name of quantizerTypes) {
          const { summary } = describeQuantizer(name);
          console.say(`${name.padEnd(width)}${firstSentence(summary)}`);
          console.record("quantizer", { type: name, summary });
        }
        console.say("");
        console.say("vq quantizers <type> tells the options of one.");
        return;
      }
      const { summary, reference, options } = describeQuantizer(type);
      console.record("quantizer", { type, summary, reference, options });
      console.say(`${type}: ${summary}`);
      if (reference) console.say(`In the reference: ${reference}.`);
      console.say("");
      for (const option of options) {
        console.say(`  ${usage(option)}`);
        console.say(`      ${option.text}`);
        if (option.reference.length > 0) {
          console.say(`      In the reference: ${option.reference.join(", ")}.`);
        }
      }
    });
}

/** How an option is written, and whether it must be. */
function usage({ name, kind, choices, required, own, fallback }: OptionDescription): string {
  const flag = `--${flagOf(name)}`;
  if (name === "layout") return `${name} (set by the architecture of vq train)`;
  if (name === "dim") return "--code-dim <n>";
  if (own) return `${name} (a function of your own, in programs)`;
  const value = choices ? choices.join("|") : kind === "number" ? "n" : "value";
  const words = [kind === "boolean" ? `${flag}, --no-${flagOf(name)}` : `${flag} <${value}>`];
  if (required) words.push("required");
  if (fallback !== undefined) words.push(`[${JSON.stringify(fallback)}]`);
  return words.join("  ");
}

const firstSentence = (text: string) => /^.*?[^.][.](?= |$)/.exec(text)?.[0] ?? text;

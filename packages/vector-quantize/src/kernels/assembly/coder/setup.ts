import { openCoder } from "./bits";
import { placeMixer, placeTables } from "./state";

/** Begins a layer: see `placeTables` and `placeMixer`; bytes of the coder from `input` to `inputEnd`, for a decoder. */
export function begin(
  tables: usize,
  weights: usize,
  slots: usize,
  log2: i32,
  contexts: i32,
  input: usize,
  inputEnd: usize,
  decodes: bool,
): void {
  placeTables(tables);
  placeMixer(weights, slots, log2, contexts);
  openCoder(input, inputEnd, decodes);
}

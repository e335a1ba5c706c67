/** Which option is meant where a file has other tensors than `kwargs` say. */

/** Parts of a `state_dict` that an option counts. */
const counted = [
  [/^rvqs\.(\d+)\./, "groups"],
  [/^(?:rvqs\.\d+\.)?layers\.(\d+)\./, "num_quantizers"],
  [/^phi_levels\.(\d+)\./, "share_quant_resi"],
] as const;

/** Parts of a `state_dict` that an option brings, and how that option is written. */
const brought = [
  [/(^|\.)mlps\.0\./, "implicit_neural_codebook: true"],
  [/_codebook\.vq_bridge\./, "vq_bridge: an object of yours"],
  [/_codebook\.codebook_mean$/, "affine_param: true"],
  [/(^|\.)orthogonal_rot$/, "orthogonal_rotation: true"],
  [/(^|\.)project_in\.1\./, "layernorm_after_project_in: true"],
  [/(^|\.)project_in(\.0)?\.bias$/, "projection_has_bias, or dim and codebook_dim"],
  [/(^|\.)project_in(\.0)?\.weight$/, "dim and codebook_dim"],
  [/^values_per_latent\./, "levels and optimize_values"],
] as const;

type Shaped = Readonly<Record<string, { readonly shape: readonly number[] }>>;

/** A question that ends the error, or nothing. */
export function hinted(tensors: Shaped, wanted: readonly string[]): string {
  const given = Object.keys(tensors);
  for (const [pattern, option] of counted) {
    const [most, expected] = [count(given, pattern), count(wanted, pattern)];
    if (most > 0 && expected > 0 && most !== expected) return `. ${option}: ${most}?`;
  }
  for (const [pattern, option] of brought) {
    const [there, meant] = [given, wanted].map((names) => names.some((name) => pattern.test(name)));
    if (there && !meant) return `. ${option}?`;
    if (meant && !there && given.length > 0) return `. Without ${option}?`;
  }
  const prefix = prefixOf(given, wanted);
  return prefix === undefined ? "" : `. prefix: ${JSON.stringify(prefix)}?`;
}

/** How many parts are numbered so. */
function count(names: readonly string[], pattern: RegExp): number {
  const numbers = names.map((name) => Number(pattern.exec(name)?.[1] ?? -1));
  return numbers.reduce((most, number) => Math.max(most, number), -1) + 1;
}

/** Where in the file a module with all these tensors stands. */
function prefixOf(given: readonly string[], wanted: readonly string[]): string | undefined {
  const [first] = wanted;
  if (first === undefined) return undefined;
  const names = new Set(given);
  return given
    .filter((name) => name.endsWith(`.${first}`))
    .map((name) => name.slice(0, -first.length - 1))
    .find((prefix) => wanted.every((name) => names.has(`${prefix}.${name}`)));
}

/** The option that a shape tells, if it is one. */
export function shapeHint(
  name: string,
  given: readonly number[],
  wanted: readonly number[],
): string | undefined {
  const axes = axesOf(name);
  if (given.length !== wanted.length || !axes) return undefined;
  const other = given.findIndex((size, axis) => size !== wanted[axis]);
  const option = axes[other];
  return option && `${option}: ${given[other]}?`;
}

function axesOf(name: string): readonly (string | undefined)[] | undefined {
  if (/(^|\.)(_codebook\.)?(embed|embed_avg)$/.test(name)) {
    return ["heads", "codebook_size", "codebook_dim"];
  }
  if (/(^|\.)_codebook\.cluster_size$/.test(name)) return ["heads", "codebook_size"];
  if (/(^|\.)frozen_codebook$/.test(name)) return ["codebook_size", "frozen_codebook_dim"];
  if (/(^|\.)project_in(\.0)?\.weight$/.test(name)) return [undefined, "dim"];
  if (/(^|\.)rand_projs$/.test(name)) return ["num_codebooks", "dim", "codebook_dim"];
  return undefined;
}

import { numpy as np, random, tree } from "@jax-js/jax";
import {
  codeCounts,
  createTrainingPass,
  type Quantizer,
  type Variables,
  type VectorQuantizeOptions,
  vectorQuantize,
} from "vector-quantize";
import { hostRandom } from "vector-quantize/data";
import { pointsOf } from "../../plane/points.ts";
import type { CommitmentRow, CommitmentSettings } from "./contract.ts";

const count = 240;
/** Vectors that ran away this far are held, so that numbers stay numbers. */
const farthest = 40;

type Numbers = Float32Array<ArrayBuffer>;

/** Weights of the two losses in a training call. */
interface Parts {
  readonly reconstruction: number;
  readonly commitment: number;
}

const quantizerOf = ({ options }: CommitmentSettings): Quantizer =>
  vectorQuantize({ dim: 2, ...options } as unknown as VectorQuantizeOptions) as never;

/** An encoder that knows little yet: all close to the middle, and blurred. */
function untrained(homes: Numbers): Numbers {
  const { uniform } = hostRandom(5);
  return homes.map((value) => 0.35 * value + 0.3 * (uniform() + uniform() - 1));
}

/**
 * An encoder that can put every vector where it likes, and a decoder that changes nothing: what is left
 * are the two forces on a vector. The one is the gradient of `||q - x||^2` as it comes back through the
 * quantizer, the other that of the commitment loss.
 */
export class FreeVectors {
  readonly homes: Numbers;
  readonly vectors: Numbers;
  #settings: CommitmentSettings;
  #quantizer: Quantizer;
  #run: ReturnType<typeof createTrainingPass>;
  #variables: Variables;
  #key = random.key(1);

  private constructor(settings: CommitmentSettings, homes: Numbers, vectors: Numbers) {
    this.#settings = settings;
    this.homes = homes;
    this.vectors = vectors;
    this.#quantizer = quantizerOf(settings);
    this.#run = createTrainingPass(this.#quantizer);
    this.#variables = this.#quantizer.init(random.key(0));
  }

  /** Vectors before their training, and the codes that k-means finds for them. */
  static async begin(settings: CommitmentSettings): Promise<FreeVectors> {
    const homes = pointsOf(settings.shape, count, settings.seed, settings.drawn);
    const made = new FreeVectors(settings, homes, untrained(homes));
    const fit = { key: random.key(2), warn: () => {} };
    made.#variables = await made.#quantizer.fit(made.#variables, made.#array(made.vectors), fit);
    return made;
  }

  get quantizer(): Quantizer {
    return this.#quantizer;
  }

  get variables(): Variables {
    return this.#variables;
  }

  get #size(): number {
    return this.#quantizer.codebookSizes[0] as number;
  }

  /** Goes on with other settings; tells whether that can be. */
  use(next: CommitmentSettings): boolean {
    const now = this.#settings;
    const same = (["shape", "drawn", "seed"] as const).every((name) => next[name] === now[name]);
    const moves = ["commitmentWeight", "decay"];
    const fixed = ({ options }: CommitmentSettings) =>
      JSON.stringify(Object.entries(options).filter(([name]) => !moves.includes(name)));
    if (!same || fixed(next) !== fixed(now)) return false;
    this.#quantizer = quantizerOf(next);
    this.#run = createTrainingPass(this.#quantizer);
    this.#settings = next;
    return true;
  }

  async step(): Promise<void> {
    const [next, key] = [...random.split(this.#key)] as [np.Array, np.Array];
    this.#key = next;
    const { rate } = this.#settings;
    const found = await this.#pass({ reconstruction: 1, commitment: 1 }, key);
    for (const [i, value] of this.vectors.entries()) {
      const moved = value + rate * (found.force[i] as number);
      this.vectors[i] = Math.max(-farthest, Math.min(farthest, moved));
    }
    this.#moveCodes(found.params, rate * found.scale);
    tree.dispose(this.#variables.state as never);
    this.#variables.state = found.state;
  }

  /** Where one of the two losses alone would move the vectors. */
  async force(of: keyof Parts): Promise<Numbers> {
    const parts = { reconstruction: 0, commitment: 0, [of]: 1 };
    const { force, params, state } = await this.#pass(parts, this.#key.ref);
    tree.dispose([params, state] as never);
    return force;
  }

  /** The codes, and that of each vector. */
  async codes(): Promise<{ codeOf: Int32Array<ArrayBuffer>; codes: Numbers }> {
    const indices = await this.#quantizer.encode(this.#own(), this.#array(this.vectors));
    const all = this.#quantizer.decode(this.#own(), np.arange(this.#size));
    return {
      codeOf: Int32Array.from(await indices.data()),
      codes: Float32Array.from(await all.data()),
    };
  }

  async measure(step: number): Promise<CommitmentRow> {
    const { codeOf, codes } = await this.codes();
    let [reconstruction, commitment, size] = [0, 0, 0];
    for (const [i, vector] of this.vectors.entries()) {
      const code = codes[2 * (codeOf[i >> 1] as number) + (i % 2)] as number;
      reconstruction += (code - (this.homes[i] as number)) ** 2;
      commitment += (code - vector) ** 2;
      size += vector ** 2;
    }
    const vectors = this.homes.length / 2;
    return [step, reconstruction / vectors, commitment / vectors, Math.sqrt(size / vectors)];
  }

  #own = () => tree.ref(this.#variables as never) as Variables;
  #array = (values: Numbers) => np.array(values, { shape: [values.length / 2, 2] });

  /** One training call on the vectors, and where it would move them. */
  async #pass(parts: Parts, key: np.Array) {
    const { quantized: found, back } = await this.#run(this.#own(), this.#array(this.vectors), {
      key,
    });
    const { quantized, indices, loss, losses, state } = found;
    const lossShape = loss.shape;
    tree.dispose([loss, losses] as never);
    const most = Math.max(...codeCounts(await indices.data(), this.#size));
    const out = Float32Array.from((await quantized.data()) as Float32Array);
    // Gradients of means are small: times this they are those of each vector's own loss, halved.
    const scale = this.homes.length / 2;
    const byOutput = out.map(
      (value, i) => (parts.reconstruction * (value - (this.homes[i] as number))) / scale,
    );
    const gradients = await back({
      quantized: this.#array(byOutput),
      loss: np.full(lossShape, parts.commitment),
    });
    const force = Float32Array.from(await gradients.x.data(), (value: number) => -value * scale);
    return { force, params: gradients.params, state, scale: scale / most };
  }

  /** Codes that are trained by gradients go along the mean of their vectors' ones. */
  #moveCodes(gradients: Variables["params"], scale: number): void {
    const { params } = this.#variables;
    const along = tree.leaves(gradients as never) as np.Array[];
    const before = tree.leaves(params as never) as np.Array[];
    const moved = along.map((leaf, i) => (before[i] as np.Array).ref.sub(leaf.mul(scale)));
    const structure = tree.structure(params as never);
    tree.dispose(params as never);
    this.#variables.params = tree.unflatten(structure, moved) as Variables["params"];
  }

  dispose(): void {
    tree.dispose([this.#variables, this.#key] as never);
  }
}

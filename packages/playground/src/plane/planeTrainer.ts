import { numpy as np, random, tree } from "@jax-js/jax";
import { createTrainingPass, type Quantizer, type Variables } from "vector-quantize";
import { adam, applyUpdates, type OptState } from "vector-quantize/train";

/** What a step found, on the host. */
export interface PlaneStep {
  readonly quantized: Float32Array;
  readonly indices: Int32Array;
  /** The quantizer's losses by name, unweighted. */
  readonly losses: Readonly<Record<string, number>>;
}

/**
 * Trains a quantizer on points of the plane that stay where they are: its codebook follows them, and
 * parameters that it has take a step of Adam by `mean (quantized - x)^2` and its own losses.
 */
export class PlaneTrainer {
  readonly #x: np.Array;
  readonly #points: Float32Array;
  readonly #optimizer = adam(0.02);
  #moments: OptState | undefined;
  #key = random.key(1);
  #run: ReturnType<typeof createTrainingPass>;

  constructor(
    public quantizer: Quantizer,
    public variables: Variables,
    points: Float32Array<ArrayBuffer>,
  ) {
    this.#points = points;
    this.#x = np.array(points, { shape: [points.length / 2, 2] });
    this.#run = createTrainingPass(quantizer);
  }

  /** Goes on with another quantizer of the same variables. */
  use(quantizer: Quantizer): void {
    this.quantizer = quantizer;
    this.#run = createTrainingPass(quantizer);
  }

  async step(): Promise<PlaneStep> {
    const [next, key] = [...random.split(this.#key)] as [np.Array, np.Array];
    this.#key = next;
    const pass = await this.#run(tree.ref(this.variables as never) as Variables, this.#x.ref, {
      key,
    });
    const { quantized, indices, loss, losses, state } = pass.quantized;
    const shape = quantized.shape;
    const lossShape = loss.shape;
    loss.dispose();
    const out = Float32Array.from((await quantized.data()) as Float32Array);
    const codes = Int32Array.from((await indices.data()) as Int32Array);
    const named: Record<string, number> = {};
    for (const [name, value] of Object.entries(losses)) {
      const [sum] = await np.sum(value).data();
      named[name] = sum as number;
    }
    if (tree.leaves(this.variables.params as never).length > 0) {
      const size = out.length;
      const error = out.map((value, i) => (2 * (value - (this.#points[i] as number))) / size);
      const gradients = { quantized: np.array(error, { shape }), loss: np.ones(lossShape) };
      const { params, x } = await pass.back(gradients);
      x.dispose();
      this.#move(params);
    } else pass.dispose();
    tree.dispose(this.variables.state as never);
    this.variables.state = state;
    return { quantized: out, indices: codes, losses: named };
  }

  #move(gradients: Variables["params"]): void {
    const { params } = this.variables;
    this.#moments ??= this.#optimizer.init(tree.ref(params as never));
    const kept = tree.ref(params as never);
    const [updates, moments] = this.#optimizer.update(gradients as never, this.#moments, kept);
    this.#moments = moments;
    this.variables.params = applyUpdates(params as never, updates as never) as Variables["params"];
  }

  dispose(): void {
    tree.dispose([this.variables, this.#key, this.#x] as never);
    if (this.#moments) tree.dispose(this.#moments as never);
  }
}

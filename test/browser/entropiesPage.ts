type Jax = typeof import("@jax-js/jax");
type Entropy = typeof import("../../packages/vector-quantize/src/losses/codeEntropy.ts");

/** Logits `[rows, bits]`, and the smallest probability in a logarithm. */
export interface EntropyOrder {
  readonly bits: number;
  readonly floor: number;
  readonly logits: readonly number[];
}

export interface EntropyAnswer {
  /** Of each kind, per sample and of the batch, the entropy and its gradient by the logits. */
  readonly entropies: readonly { value: number; gradient: number[] }[];
  /** Bytes of the largest buffer that was made. */
  readonly largest: number;
}

/** Entropies of codes in a graph on WebGPU. It is sent to a page as text, so it uses nothing around it. */
export async function entropiesInPage(
  jax: Jax,
  { codeEntropies }: Entropy,
  { bits, floor, logits }: EntropyOrder,
): Promise<EntropyAnswer> {
  const { numpy: np } = jax;
  await jax.init("webgpu");
  jax.defaultDevice("webgpu");
  const device = jax.getWebGPUDevice();
  const make = device.createBuffer.bind(device);
  let largest = 0;
  device.createBuffer = (descriptor) => {
    largest = Math.max(largest, descriptor.size);
    return make(descriptor);
  };
  try {
    const entropies: { value: number; gradient: number[] }[] = [];
    for (const which of ["perSample", "batch"] as const) {
      const of = (x: InstanceType<Jax["numpy"]["Array"]>) => {
        const { perSample, batch } = codeEntropies(x, undefined, floor);
        return which === "perSample" ? perSample : batch;
      };
      const x = np.array(new Float32Array(logits), { shape: [logits.length / bits, bits] });
      const [value, gradient] = jax.jit(jax.valueAndGrad(of))(x);
      entropies.push({
        value: (await value.data())[0] as number,
        gradient: [...(await gradient.data())],
      });
    }
    return { entropies, largest };
  } finally {
    device.createBuffer = make;
  }
}

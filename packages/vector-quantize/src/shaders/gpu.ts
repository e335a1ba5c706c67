import { getWebGPUDevice } from "@jax-js/jax";
import { VectorQuantizeError } from "../errors.ts";

/** A kernel in WGSL: its entry is `main`, its bindings are those of group 0 in their order. */
export interface Shader {
  readonly name: string;
  readonly code: string;
}

/** Puts a shader to work: so many workgroups, and a buffer for each binding. */
export type Dispatch = (
  shader: Shader,
  groups: readonly [number, number?],
  buffers: readonly GPUBuffer[],
) => void;

/** Flags of `GPUBufferUsage`, which TypeScript's library doesn't know. */
export const USAGE = { read: 1, copySource: 4, copyTarget: 8, uniform: 64, storage: 128 } as const;

/** `GPUMapMode.READ` */
const MAP_TO_READ = 1;

/** Most workgroups along one axis that every device takes. */
export const MOST_GROUPS = 65535;

const known = new WeakMap<GPUDevice, Gpu>();

/** The device of jax-js as shaders see it. Arrays lie on one, so there is one. */
export function gpu(): Gpu {
  const device = getWebGPUDevice();
  const made = known.get(device) ?? new Gpu(device);
  known.set(device, made);
  return made;
}

export class Gpu {
  readonly device: GPUDevice;
  readonly #pipelines = new Map<string, GPUComputePipeline>();
  #lost: GPUDeviceLostInfo | undefined;

  constructor(device: GPUDevice) {
    this.device = device;
    device.lost.then((info) => {
      this.#lost = info;
    });
  }

  /** Compiles what isn't yet, so that `submit` can use it. */
  async load(shaders: readonly Shader[]): Promise<void> {
    this.#checkAlive();
    await Promise.all(
      [...new Set(shaders)].map(async ({ name, code }) => {
        if (this.#pipelines.has(code)) return;
        const module = this.device.createShaderModule({ label: name, code });
        const compute = { module, entryPoint: "main" };
        const pipeline = await this.answered(
          this.device.createComputePipelineAsync({ label: name, layout: "auto", compute }),
        );
        this.#pipelines.set(code, pipeline);
      }),
    );
  }

  /**
   * Submits what `work` dispatches, in its order.
   *
   * @throws VectorQuantizeError if the device refuses it, lacks the memory, or was lost
   */
  async submit(work: (dispatch: Dispatch, encoder: GPUCommandEncoder) => void): Promise<void> {
    const { device } = this;
    this.#checkAlive();
    // From here to the pops nothing waits: the scopes belong to the device, and thus to all.
    device.pushErrorScope("out-of-memory");
    device.pushErrorScope("validation");
    const ended = () => Promise.all([device.popErrorScope(), device.popErrorScope()]);
    try {
      const encoder = device.createCommandEncoder();
      work((...given) => this.#dispatch(encoder, ...given), encoder);
      device.queue.submit([encoder.finish()]);
    } catch (error) {
      void ended();
      throw error;
    }
    const [found] = (await this.answered(ended())).filter((error) => error !== null);
    if (found) throw new VectorQuantizeError(`webgpu: ${found.message}`);
  }

  #dispatch(encoder: GPUCommandEncoder, ...[shader, groups, buffers]: Parameters<Dispatch>): void {
    const pipeline = this.#pipelines.get(shader.code) as GPUComputePipeline;
    const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
    const layout = pipeline.getBindGroupLayout(0);
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, this.device.createBindGroup({ layout, entries }));
    pass.dispatchWorkgroups(...(groups as [number]));
    pass.end();
  }

  /** The first `bytes` of a buffer, once all before is done. */
  async read(buffer: GPUBuffer, bytes: number): Promise<ArrayBuffer> {
    using scratch = new Scratch(this.device);
    const staging = scratch.take(bytes, USAGE.read | USAGE.copyTarget);
    await this.submit((_, encoder) => encoder.copyBufferToBuffer(buffer, 0, staging, 0, bytes));
    await this.answered(staging.mapAsync(MAP_TO_READ));
    return staging.getMappedRange().slice(0);
  }

  #checkAlive(): void {
    if (this.#lost) throw lostError(this.#lost);
  }

  /**
   * What the device answers: one that was lost answers with errors of any kind, or as if all were well.
   *
   * @throws VectorQuantizeError if it was lost
   */
  async answered<T>(answer: Promise<T>): Promise<T> {
    const result = await answer.catch(async (error: unknown) => {
      // The loss may be told a moment after what it breaks.
      await new Promise((resolve) => setTimeout(resolve, 50));
      this.#checkAlive();
      throw error;
    });
    this.#checkAlive();
    return result;
  }
}

function lostError({ reason, message }: GPUDeviceLostInfo): VectorQuantizeError {
  return new VectorQuantizeError(
    `webgpu: expected a device, but it was lost (${reason}: ${message}). All arrays on it are gone: ` +
      "load the page or start the process anew, and go on from the last checkpoint",
  );
}

/** Buffers for the time of one call. */
export class Scratch implements Disposable {
  readonly #device: GPUDevice;
  readonly #taken: GPUBuffer[] = [];

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** A buffer of zeros. */
  take(
    bytes: number,
    usage: number = USAGE.storage | USAGE.copySource | USAGE.copyTarget,
  ): GPUBuffer {
    const buffer = this.#device.createBuffer({ size: Math.max(4, bytes), usage });
    this.#taken.push(buffer);
    return buffer;
  }

  /** A buffer with these numbers. */
  hold(
    numbers: Uint32Array<ArrayBuffer> | Int32Array<ArrayBuffer>,
    usage: number = USAGE.storage,
  ): GPUBuffer {
    const buffer = this.take(numbers.byteLength, usage | USAGE.copyTarget);
    this.#device.queue.writeBuffer(buffer, 0, numbers);
    return buffer;
  }

  /** What is submitted still runs to its end. */
  [Symbol.dispose](): void {
    for (const buffer of this.#taken) buffer.destroy();
  }
}

/** The optimizer that moves a codebook, and its bridge, inside the forward pass. */
import { lax, numpy as np, tree, vjp } from "@jax-js/jax";
import { gradientOfCodes } from "../../codebook/affine.ts";
import { type CodebookOptimizer, codeError } from "../../codebook/inPlace.ts";
import { type ArrayTree, jitted } from "../../tree.ts";
import type { SearchedBook } from "./applyMode.ts";
import {
  added,
  type Bookkeeping,
  stillOf,
  storedBridge,
  storedCodes,
  type VectorQuantizeState,
  type VectorQuantizeVariables,
  withStoredCodes,
} from "./books.ts";
import type { CodebookBridge } from "./bridge.ts";
import type { CompleteOptions } from "./options.ts";

/** What the optimizer moves: the codes, or these and the bridge's parameters. */
type Moved = np.Array | { codebook: np.Array; vqBridge: ArrayTree };

/** The optimizer's part of a fresh state. Takes ownership. */
export function startInPlace(
  { optimizer }: CodebookOptimizer,
  codebook: np.Array,
  vqBridge?: ArrayTree,
): VectorQuantizeState {
  const waits = { codebookGradient: zeros(codebook) as np.Array };
  const own = vqBridge && { bridgeShift: zeros(vqBridge), bridgeGradient: zeros(vqBridge) };
  const moved: Moved = vqBridge ? { codebook, vqBridge } : codebook;
  return { optimizer: optimizer.init(moved), ...waits, ...own } as VectorQuantizeState;
}

/** Zeros in the shapes of a tree, of which it keeps no reference. */
const zeros = (values: ArrayTree): ArrayTree =>
  tree.map((x: np.Array) => np.zerosLike(x.ref), values as never) as never;

/** The traced steps of the in-place optimizer. */
export function inPlaceSteps(options: CompleteOptions, { split, join }: Bookkeeping) {
  const { inPlaceCodebookOptimizer, vqBridge: bridge, manualInPlaceOptimizerUpdate } = options;
  const backThrough = bridge && wayBack(bridge);

  /** Gradients of what is stored, from those of the codes as they are compared, one per book. */
  function storedGradients(variables: VectorQuantizeVariables, compared: np.Array[]) {
    const affine = variables.state.affine ? split(tree.ref(variables.state.affine)) : [];
    const bridged = compared.map((gradient, book) => {
      const place = affine[book];
      return place ? gradientOfCodes(place, gradient) : gradient;
    });
    if (!backThrough) return { codes: join(bridged) };
    const params = stillOf(storedBridge(variables));
    const backs = split(lax.stopGradient(storedCodes(variables))).map((codes, book) =>
      backThrough({ params: tree.ref(params), codes, gradient: bridged[book] as np.Array }),
    );
    return {
      codes: join(backs.map(({ codes }) => codes)),
      bridge: backs.map((back) => back.params).reduce(added),
    };
  }

  /** The state after the optimizer's step along the gradient that waits. */
  function step(variables: VectorQuantizeVariables): VectorQuantizeState {
    const { params, state } = variables;
    const { optimizer } = inPlaceCodebookOptimizer as CodebookOptimizer;
    const { codebookGradient, bridgeGradient, bridgeShift, optimizer: own } = state;
    const codes = lax.stopGradient(storedCodes(variables));
    const rest = zeros(codebookGradient as np.Array) as np.Array;
    const run = <T extends Moved>(gradient: T, moved: T) =>
      optimizer.update<T>(gradient, own as ArrayTree, moved);
    if (!bridgeGradient) {
      const [update, next] = run(codebookGradient as np.Array, codes.ref);
      const moved = { ...state, optimizer: next, codebookGradient: rest };
      return withStoredCodes({ params, state: moved }, codes.add(update));
    }
    const bridgeRest = zeros(bridgeGradient);
    const [update, next] = run(
      { codebook: codebookGradient as np.Array, vqBridge: bridgeGradient },
      { codebook: codes.ref, vqBridge: stillOf(storedBridge(variables)) },
    );
    const moved: VectorQuantizeState = {
      ...state,
      optimizer: next,
      codebookGradient: rest,
      bridgeShift: added(bridgeShift as ArrayTree, update.vqBridge),
      bridgeGradient: bridgeRest,
    };
    return withStoredCodes({ params, state: moved }, codes.add(update.codebook));
  }

  return {
    step,

    /** One step along the gradient of the books' error, or that gradient kept for a manual one. */
    run(variables: VectorQuantizeVariables, books: readonly SearchedBook[]) {
      const { params, state } = variables;
      const { loss, gradients } = codeError(
        books.map((book) => ({
          codes: lax.stopGradient(book.codebook.ref),
          vectors: lax.stopGradient(book.vectors.ref),
          indices: book.indices.ref,
        })),
      );
      const { codes, bridge: own } = storedGradients(variables, gradients);
      const kept = {
        ...state,
        codebookGradient: (state.codebookGradient as np.Array).ref.add(codes),
        ...(own && { bridgeGradient: added(state.bridgeGradient as ArrayTree, own) }),
      };
      return { loss, state: manualInPlaceOptimizerUpdate ? kept : step({ params, state: kept }) };
    },
  };
}

type Back = { params: ArrayTree; codes: np.Array; gradient: np.Array };

/**
 * From the gradient of the codes behind a bridge to those of its parameters and of the codes before
 * it. Compiled, so that a trace around it meets a graph and no other trace.
 */
const wayBack = ({ apply }: CodebookBridge) =>
  jitted(({ params, codes, gradient }: Back): Pick<Back, "params" | "codes"> => {
    const [output, back] = vjp(apply as never, [params, codes] as never) as unknown as [
      np.Array,
      ((gradient: np.Array) => [ArrayTree, np.Array]) & { dispose(): void },
    ];
    output.dispose();
    const [byParams, byCodes] = back(gradient);
    back.dispose();
    return { params: byParams, codes: byCodes };
  });

import { lax, type numpy as np, random, tree } from "@jax-js/jax";
import { moveAffine, toCodes } from "../../codebook/affine.ts";
import { type CodeStatistics, codesFromAverages } from "../../codebook/averages.ts";
import { replaceDeadCodes } from "../../codebook/deadCodes.ts";
import { codebookMoves, moveCodebook } from "../../codebook/move.ts";
import {
  bookkeeping,
  storedCodes,
  type VectorQuantizeState,
  type VectorQuantizeVariables,
  withStoredCodes,
} from "./books.ts";
import type { CompleteOptions } from "./options.ts";

/** Vectors to replace dead codes by. */
export interface BooksBatch {
  /** `[M, C]` per book. */
  vectors: np.Array[];
  /** int32 `[M]` per book; -1 where a vector does not count. */
  indices: np.Array[];
  key?: np.Array | undefined;
}

/** A batch as the codebooks see it. */
export interface CountedBatch {
  /** `[M, C]` per book, where the codes are. */
  vectors: np.Array[];
  /** int32 `[M]` per book; -1 where a vector does not count. */
  indices: np.Array[];
  /** What each code got, per book. */
  statistics: CodeStatistics[];
  /** Factors on the rates of the averages, `[K]` or `[H, K]`. */
  weight?: np.Array | undefined;
  key?: np.Array | undefined;
}

/** How this step moves the books. */
export interface MoveMode {
  /** Whether the averages and codes follow the vectors. */
  emaUpdate: boolean;
  /** Whether the batch's statistics only wait for the next step. */
  accumulate: boolean;
}

/** The traced functions that move the state of a `vectorQuantize` quantizer. */
export function motionGraph(options: CompleteOptions) {
  const deal = bookkeeping(options);
  const { books, split, join } = deal;
  const keysOf = (key: np.Array | undefined): (np.Array | undefined)[] =>
    key && books > 1 ? [...random.split(key, books)] : [key];

  /** Codes, counts and sums per book. */
  const averages = (variables: VectorQuantizeVariables) => {
    const { clusterSize, codeSums } = variables.state;
    return split({
      codebook: lax.stopGradient(storedCodes(variables)),
      clusterSize: clusterSize.ref,
      codeSums: codeSums.ref,
    });
  };

  return {
    /** The running means and variances after this batch. */
    affine(variables: VectorQuantizeVariables, vectors: np.Array[], mask: np.Array | undefined) {
      const { state } = variables;
      if (!state.affine) return state;
      const stored = split(storedCodes(variables));
      const decays = {
        batch: options.affineParamBatchDecay,
        codebook: options.affineParamCodebookDecay,
      };
      const moved = split(tree.ref(state.affine)).map((part, book) =>
        moveAffine(
          part,
          (vectors[book] as np.Array).ref,
          mask?.ref,
          stored[book] as np.Array,
          decays,
        ),
      );
      return { ...state, affine: join(moved) };
    },

    /** The vectors where the codes are, per book: before the affine map. */
    placed({ state }: VectorQuantizeVariables, vectors: np.Array[]): np.Array[] {
      const affine = state.affine ? split(tree.ref(state.affine)) : [];
      return vectors.map((rows, book) => {
        const fixed = lax.stopGradient(rows.ref);
        const place = affine[book];
        return place ? toCodes(place, fixed) : fixed;
      });
    },

    /** The averages, codes and replacements after this batch. */
    move(
      variables: VectorQuantizeVariables,
      batch: CountedBatch,
      { emaUpdate, accumulate }: MoveMode,
    ): VectorQuantizeState {
      const { state } = variables;
      const moving = { ...options, emaUpdate };
      if (!codebookMoves(moving)) return state;
      const waiting = state.pending ? split(tree.ref(state.pending)) : [];
      const statistics = batch.statistics.map((now, book): CodeStatistics => {
        const before = waiting[book];
        if (!before) return now;
        return { counts: now.counts.add(before.counts), sums: now.sums.add(before.sums) };
      });
      const { pending: _done, ...rest } = state;
      if (accumulate) return { ...rest, pending: join(statistics) };

      const weights = batch.weight ? split(batch.weight) : [];
      const keys = keysOf(batch.key);
      const moved = averages(variables).map((part, book) => {
        const own = statistics[book] as CodeStatistics;
        const weight =
          weights[book] ?? options.emaUpdateWeight?.weight(own.sums.ref, own.counts.ref);
        const key = keys[book];
        return moveCodebook(moving, part, {
          statistics: own,
          vectors: batch.vectors[book] as np.Array,
          indices: (batch.indices[book] as np.Array).ref,
          ...(weight && { weight }),
          ...(key && { key }),
        });
      });
      const { codebook, ...counted } = join(moved);
      return withStoredCodes(
        { params: variables.params, state: { ...rest, ...counted } },
        codebook,
      );
    },

    /** The codes at the moving averages. */
    follow(variables: VectorQuantizeVariables): VectorQuantizeState {
      const { eps, metric } = options;
      const moved = averages(variables).map((part) => codesFromAverages(part, eps, metric));
      return withStoredCodes(variables, join(moved.map(({ codebook }) => codebook)));
    },

    /** Dead codes replaced by vectors of the batch. */
    expire(variables: VectorQuantizeVariables, batch: BooksBatch): VectorQuantizeState {
      const { thresholdEmaDeadCode, metric } = options;
      const keys = keysOf(batch.key);
      const moved = averages(variables).map((part, book) => {
        const [vectors, indices] = [batch.vectors[book], batch.indices[book]] as np.Array[];
        const key = keys[book] as np.Array;
        return replaceDeadCodes(
          part,
          vectors as np.Array,
          indices as np.Array,
          thresholdEmaDeadCode,
          metric,
          key,
        );
      });
      const { codebook, ...counted } = join(moved);
      const state = { ...variables.state, ...counted };
      return withStoredCodes({ params: variables.params, state }, codebook);
    },
  };
}

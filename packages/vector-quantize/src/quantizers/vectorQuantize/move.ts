import { lax, type numpy as np, random, tree } from "@jax-js/jax";
import { moveAffine, toCodes } from "../../codebook/affine.ts";
import { type CodeStatistics, codesFromAverages } from "../../codebook/averages.ts";
import {
  type DrawnRows,
  type Replacements,
  type RowsToDraw,
  replaceDeadCodes,
} from "../../codebook/deadCodes.ts";
import { codebookMoves, moveCodebook } from "../../codebook/move.ts";
import {
  type Bookkeeping,
  storedCodes,
  type VectorQuantizeState,
  type VectorQuantizeVariables,
  withStoredCodes,
} from "./books.ts";
import type { CompleteOptions } from "./options.ts";

/** A batch as the codebooks see it, an entry per book. */
export interface CountedBatch {
  /** What each code got. */
  statistics: CodeStatistics[];
  /** What dead codes are replaced by, where they are: vectors lie where the codes are. */
  replacements?: (DrawnRows | Omit<RowsToDraw, "key">)[] | undefined;
  /** For the draw of these. */
  key?: np.Array | undefined;
  /** Factors on the rates of the averages, `[K]` or `[H, K]`. */
  weight?: np.Array | undefined;
}

/** How this step moves the books. */
export interface MoveMode {
  /** Whether the averages and codes follow the vectors. */
  emaUpdate: boolean;
  /** Whether the batch's statistics only wait for the next step. */
  accumulate: boolean;
}

/** The traced functions that move the state of a `vectorQuantize` quantizer. */
export function motionGraph(options: CompleteOptions, { books, split, join }: Bookkeeping) {
  /** What dead codes of each book are replaced by: nothing without a key to draw it. */
  const replacementsOf = ({ replacements = [], key }: Omit<CountedBatch, "statistics">) => {
    const keys = key && books > 1 ? [...random.split(key, books)] : [key];
    return replacements.flatMap((own, book) =>
      "rows" in own ? own : keys[book] ? { ...own, key: keys[book] } : [],
    );
  };

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
      const replacements = replacementsOf(batch);
      const moved = averages(variables).map((part, book) => {
        const own = statistics[book] as CodeStatistics;
        const weight =
          weights[book] ?? options.emaUpdateWeight?.weight(own.sums.ref, own.counts.ref);
        return moveCodebook(moving, part, {
          statistics: own,
          replacements: replacements[book],
          weight,
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
    expire(
      variables: VectorQuantizeVariables,
      batch: Omit<CountedBatch, "statistics">,
    ): VectorQuantizeState {
      const { thresholdEmaDeadCode, metric } = options;
      const replacements = replacementsOf(batch);
      const moved = averages(variables).map((part, book) =>
        replaceDeadCodes(part, replacements[book] as Replacements, thresholdEmaDeadCode, metric),
      );
      const { codebook, ...counted } = join(moved);
      const state = { ...variables.state, ...counted };
      return withStoredCodes({ params: variables.params, state }, codebook);
    },
  };
}

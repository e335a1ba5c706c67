import { lax, numpy as np, random, tree } from "@jax-js/jax";
import { codeStatistics } from "../../codebook/averages.ts";
import { lookUp } from "../../codebook/codebook.ts";
import { directionalReparametrisation } from "../../gradients/directional.ts";
import { straightThroughGumbel } from "../../gradients/gumbel.ts";
import { rotationTrick } from "../../gradients/rotation.ts";
import { straightThrough } from "../../gradients/straightThrough.ts";
import { positionShape } from "../../layout/layout.ts";
import { hideMasked, maskOfVectors } from "../../layout/mask.ts";
import { lookUpOwn, similaritiesToOwn, topIndices } from "../../search/candidates.ts";
import { firstLargest } from "../../search/firstLargest.ts";
import {
  nearestInGraph,
  normalise,
  sampleInGraph,
  searchScores,
  similarities,
} from "../../search/graph.ts";
import { usableRows } from "../../search/usable.ts";
import { both } from "../../tracing.ts";
import type { Quantized } from "../contract.ts";
import { type ApplyMode, type Drawing, drawingsOf, type SearchedBook } from "./applyMode.ts";
import { storedCodes, type VectorQuantizeState } from "./books.ts";
import type { Call, Parts } from "./graph.ts";
import { lossesGraph } from "./losses.ts";

export type QuantizedBooks = Quantized<VectorQuantizeState>;

/** From the codes `[K, C]` to codes of each vector's own, `[M, K, C]`. */
export type CodebookTransform = (codes: np.Array) => np.Array;

/**
 * The traced call of a `vectorQuantize` quantizer: search, losses, gradients, and the state after
 * the step. Its arguments are checked before.
 */
export function applyGraph(parts: Parts) {
  const { options, deal, inMotion, inPlaceSteps, toBooks, fromBooks, compared } = parts;
  const { shapeOfIndices, fill } = parts;
  const { metric, layout } = options;
  const lossesOf = lossesGraph(options);
  const cosine = metric === "cosine";

  return (call: Call, mode: ApplyMode, transform?: CodebookTransform): QuantizedBooks => {
    const { variables, x, key, indices, targets, temperature, emaUpdateWeight, ...masks } = call;
    const { params } = variables;
    const k = Math.max(mode.topk, 1);
    const { moves } = mode;
    const keys = dealKeys(key, drawingsOf(options, mode));
    const positions = positionShape(x.shape, layout);
    const mask = maskOfVectors(masks, positions); // [N]
    const perBook = deal.maskOfBook(mask?.ref); // [M]
    const vectors = toBooks(tree.ref(params), x.ref); // [M, C] per book

    /** Codes with their gradient, unless they are frozen. */
    const ifMoving = (codes: np.Array) => (mode.frozen ? lax.stopGradient(codes) : codes);

    /** Searches the books at a state of theirs. */
    const search = (state: VectorQuantizeState): SearchedBook[] => {
      const sampleKeys = keysOfBooks(keys.sample);
      return compared({ params, state }).map((codes, book) => {
        const rows = vectors[book] as np.Array;
        const codebook = ifMoving(codes);
        const own = transform?.(codebook.ref); // [M, K, C]
        const usable = usableRows(rows.ref); // [M]
        // A row of NaN would turn the gradient of every code into NaN.
        const real = () => np.where(usable.ref.reshape([-1, 1]), rows.ref, 0);
        const logits = () => {
          const numbers = real();
          if (!own) return similarities(numbers, codebook.ref, metric);
          if (!cosine) return similaritiesToOwn(numbers, own.ref);
          return np.sum(np.expandDims(numbers, 1).mul(normalise(own.ref)), -1);
        };
        const find = (): np.Array => {
          if (indices) return deal.splitIndices(indices.ref)[book] as np.Array;
          const draw = mode.sampled ? (sampleKeys[book] as np.Array) : undefined;
          if (mode.topk > 0) {
            const exact = !draw && !own; // as it is without `topk`
            const scores = exact ? searchScores(real(), codebook.ref, metric) : logits();
            const noise = draw && random.gumbel(draw, scores.shape);
            const noisy = noise ? scores.div((temperature as np.Array).ref).add(noise) : scores;
            return topIndices(noisy, k).reshape([-1]);
          }
          if (draw) return sampleInGraph(logits(), (temperature as np.Array).ref, draw);
          if (own) return firstLargest(lax.stopGradient(logits()));
          return nearestInGraph(lax.stopGradient(rows.ref), codebook.ref, metric);
        };
        const found = hideMasked(find(), repeatRows(usable.ref, k)); // [M k]
        const chosen = own
          ? lookUpOwn(repeatRows(cosine ? normalise(own.ref) : own.ref, k), found.ref)
          : lookUp(codebook.ref, found.ref); // [M k, C]
        const wide = perBook && repeatRows(perBook.ref, k);
        const counted = perBook ? both(usable.ref, perBook.ref) : usable;
        return {
          vectors: rows,
          codebook,
          indices: hideMasked(found, wide),
          codes: chosen,
          logits,
          counted,
        };
      });
    };

    const moveBy = (books: SearchedBook[]) => {
      const rows = inMotion.placed({ params, state: started }, vectors);
      const seen = rows.map((part, book) => {
        const { indices } = books[book] as SearchedBook;
        return { vectors: part, indices: indices.ref };
      });
      const statistics = seen.map(({ vectors, indices }) =>
        codeStatistics(vectors.ref, indices.ref, options.codebookSize),
      );
      const drawn = { replacements: seen, key: keys.replace };
      const batch = { statistics, weight: emaUpdateWeight, ...drawn };
      return inMotion.move({ params, state: started }, batch, mode);
    };

    const keysOfBooks = (own: np.Array | undefined) =>
      own && deal.books > 1 ? [...random.split(own.ref, deal.books)] : [own?.ref];

    // Statistics of the vectors first: the codes follow them before they are compared.
    const started = moves ? inMotion.affine(variables, vectors, perBook?.ref) : variables.state;
    const first = search(started);
    let state = moves ? moveBy(first) : started;
    let inPlace = np.zeros([]);
    let found = first;
    if (options.inPlaceCodebookOptimizer && moves) {
      const step = inPlaceSteps.run({ params, state }, first);
      inPlace = step.loss;
      state = step.state;
      found = search(state);
    }

    const passed = found.map((book, at) => {
      if (!mode.training) return book.codes.ref;
      const rows = repeatRows(book.vectors.ref, k);
      const routed = route(rows, book, keysOfBooks(keys.noise)[at], temperature);
      const v = options.syncUpdateV;
      if (v === 0) return routed;
      return routed.add(book.codes.ref.sub(lax.stopGradient(book.codes.ref)).mul(v));
    });
    const spread = mode.topk > 0 ? [...positions, k] : positions;
    const output = fromBooks(params, passed, spread, k);
    const padding = mode.topk > 0 ? withCandidateAxis(x, k) : x;
    const { loss, losses } = lossesOf(
      found,
      {
        mask: perBook,
        targets: targets && deal.splitIndices(targets),
        stored: () => deal.split(ifMoving(storedCodes({ params, state }))),
        subsetKeys: keysOfBooks(keys.subset),
        mode,
      },
      mode.topk > 0 ? spread : undefined,
    );
    const joined = deal.joinIndices(
      found.map((book) => book.indices),
      k,
    );
    return {
      quantized: fill(output, padding, mask && repeatRows(mask.ref, k)),
      indices: joined.reshape(shapeOfIndices(spread)),
      loss,
      losses: { ...losses, inPlace },
      state: tree.map(
        (leaf: np.Array) => lax.stopGradient(leaf),
        state as never,
      ) as VectorQuantizeState,
    };
  };

  /** The codes in value, their gradient as the options say. */
  function route(
    rows: np.Array,
    { codes, codebook, logits }: SearchedBook,
    key: np.Array | undefined,
    temperature: np.Array | undefined,
  ): np.Array {
    switch (options.gradient) {
      case "rotation":
        return rotationTrick(rows, codes.ref);
      case "straightThrough":
        return straightThrough(rows, codes.ref);
      case "directional": {
        const variance = options.directionalReparamVariance;
        return directionalReparametrisation(rows, codes.ref, variance, key as np.Array);
      }
      case "gumbel":
        return straightThroughGumbel(
          codes.ref,
          logits(),
          codebook.ref,
          (temperature as np.Array).ref,
        );
      case "none":
        return codes.ref;
    }
  }

  /** `[rows, ...]` with every row `count` times. */
  function repeatRows(values: np.Array, count: number): np.Array {
    return count === 1 ? values : np.repeat(values, count, 0);
  }

  /** The input once for each candidate, on an axis after the positions. */
  function withCandidateAxis(x: np.Array, count: number): np.Array {
    const axis = layout === "channelLast" ? x.ndim - 1 : x.ndim;
    return np.repeat(np.expandDims(x, axis), count, axis);
  }
}

/** Splits the key into one for each of the `drawings`; a single one takes the key itself. */
function dealKeys(key: np.Array | undefined, drawings: readonly Drawing[]) {
  const keys: Partial<Record<Drawing, np.Array>> = {};
  if (!key) return keys;
  const parts = drawings.length > 1 ? [...random.split(key, drawings.length)] : [key];
  drawings.forEach((drawing, at) => {
    keys[drawing] = parts[at] as np.Array;
  });
  return keys;
}

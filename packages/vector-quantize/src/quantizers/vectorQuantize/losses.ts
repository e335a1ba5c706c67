import { lax, numpy as np } from "@jax-js/jax";
import { commitmentLoss } from "../../losses/commitment.ts";
import { crossEntropy } from "../../losses/crossEntropy.ts";
import { diversityLoss } from "../../losses/diversity.ts";
import { activeCodes, orthogonalLoss, someCodes } from "../../losses/orthogonal.ts";
import { present } from "../../tracing.ts";
import type { ApplyMode, SearchedBook } from "./applyMode.ts";
import type { CompleteOptions } from "./options.ts";

/** What the losses of a call depend on beside the books. */
interface LossInputs {
  /** Real vectors of a book, bool `[M]`, if some are padding. */
  mask: np.Array | undefined;
  /** Indices to score the similarities by, `[M]` per book. */
  targets: np.Array[] | undefined;
  /** The codes as stored after the step, `[K, C]` per book. */
  stored: () => np.Array[];
  subsetKeys: (np.Array | undefined)[];
  mode: ApplyMode;
}

/** The losses of `vectorQuantize`, by name and summed with their weights. */
export function lossesGraph(options: CompleteOptions) {
  const {
    commitmentWeight,
    commitment,
    orthogonalRegWeight,
    codebookDiversityLossWeight,
    codebookDiversityTemperature,
    heads,
  } = options;
  /** Books one under another; a single one as it is. */
  const concatenate = (parts: np.Array[]) =>
    parts.length === 1 ? (parts[0] as np.Array) : np.concatenate(parts, 0);
  const mean = (values: np.Array[]) =>
    values.reduce((sum, value) => sum.add(value)).div(values.length);

  const commit = (books: SearchedBook[], mask: np.Array | undefined, frozen: boolean) => {
    const learns = options.learnableCodebook && !frozen;
    const all = (pick: (book: SearchedBook) => np.Array) => concatenate(books.map(pick));
    const wide = mask && concatenate(books.map(() => mask.ref));
    return commitmentLoss(commitment, {
      vectors: all((book) => book.vectors.ref),
      codes: all(({ codes }) => (learns ? codes.ref : lax.stopGradient(codes.ref))),
      indices: all((book) => book.indices.ref),
      similarities: () => all((book) => book.logits()),
      ...(wide && { mask: wide }),
    });
  };

  /** The squared error of each candidate by itself, `[...positions, k]`; 0 where masked. */
  const commitCandidates = (books: SearchedBook[], shape: number[], frozen: boolean) => {
    const k = shape[shape.length - 1] as number;
    const learns = options.learnableCodebook && !frozen;
    const errors = books.map(({ vectors, codes, indices }) => {
      const rows = np.repeat(vectors.ref, k, 0); // [M k, C]
      const near = learns ? codes.ref : lax.stopGradient(codes.ref);
      const error = np.mean(np.square(rows.sub(near)), -1); // [M k]
      return np.where(present(indices.ref), error, 0);
    });
    const shared = heads > 1 && books.length === 1;
    const byPosition = shared
      ? np.mean((errors[0] as np.Array).reshape([-1, heads, k]), 1)
      : mean(errors);
    return byPosition.reshape(shape);
  };

  const orthogonal = (books: SearchedBook[], { stored, subsetKeys }: LossInputs) =>
    mean(
      stored().map((codes, at) => {
        const { indices } = books[at] as SearchedBook;
        const K = options.codebookSize;
        const active = options.orthogonalRegActiveCodesOnly;
        const counted = active ? activeCodes(indices.ref, K) : np.ones([K]);
        const most = options.orthogonalRegMaxCodes ?? K;
        const key = subsetKeys[at];
        return orthogonalLoss(codes, most < K && key ? someCodes(counted, most, key) : counted);
      }),
    );

  /** `candidates` is the shape of the losses with several codes a vector. */
  return (books: SearchedBook[], inputs: LossInputs, candidates: number[] | undefined) => {
    const { mask, targets, mode } = inputs;
    const { frozen } = mode;
    const none = () => np.zeros([]);
    const logits = () => concatenate(books.map((book) => book.logits()));
    // Scored by targets, that is the only loss, also in evaluation; otherwise there are none then.
    const silent = targets !== undefined || !mode.training;
    const losses = {
      crossEntropy: targets ? crossEntropy(logits(), concatenate(targets)) : none(),
      commitment:
        silent || commitmentWeight === 0
          ? none()
          : candidates
            ? commitCandidates(books, candidates, frozen)
            : commit(books, mask, frozen),
      codebookDiversity:
        silent || codebookDiversityLossWeight === 0
          ? none()
          : mean(
              books.map((book) =>
                diversityLoss(book.logits(), codebookDiversityTemperature, book.counted.ref),
              ),
            ),
      orthogonal: silent || orthogonalRegWeight === 0 ? none() : orthogonal(books, inputs),
    };
    const loss = losses.crossEntropy.ref
      .add(losses.commitment.ref.mul(commitmentWeight))
      .add(losses.codebookDiversity.ref.mul(codebookDiversityLossWeight))
      .add(losses.orthogonal.ref.mul(orthogonalRegWeight));
    return { loss, losses };
  };
}

import { kinds } from "./codebook/kinds.ts";
import { imageKinds } from "./images/kinds.ts";
import type { Scene } from "./scene.ts";

/** The scenes, in the order of the menu. */
export const scenes: readonly Scene[] = [
  {
    id: "codebook",
    title: "Codebook",
    question: "Where do the codes go?",
    lead: "A small dot is a point, two numbers. It is stored as the number of the code nearest to it, a large dot of the same colour. Training moves the codes to where the points are.",
    defaults: {
      shape: "moons",
      drawn: "",
      seed: 1,
      start: "corner",
      quantizer: "vectorQuantize",
      options: kinds.vectorQuantize?.options,
    },
    pace: 15,
    plays: true,
    view: () => import("./codebook/View.tsx").then((of) => of.CodebookScene),
  },
  {
    id: "commitment",
    title: "Commitment",
    question: "What does the commitment loss do?",
    lead: "An encoder puts vectors into the plane, and each is replaced by its code. Two forces then move a vector: the decoder wants the code to be where the vector's home is, and the commitment loss wants the vector to stay near its code. The weight decides which one wins.",
    defaults: {
      shape: "blobs",
      drawn: "",
      seed: 1,
      rate: 0.03,
      options: {
        codebookSize: 10,
        decay: 0.9,
        gradient: "straightThrough",
        commitmentWeight: 0.25,
        thresholdEmaDeadCode: 0,
      },
    },
    pace: 15,
    plays: true,
    view: () => import("./commitment/View.tsx").then((of) => of.CommitmentScene),
  },
  {
    id: "levels",
    title: "Levels",
    question: "How do FSQ and ResidualFSQ make codes without a codebook?",
    lead: "Every number is bounded, then rounded to one of a few levels: nothing is trained and no code can die. What the bound does to large numbers is what matters, and where ResidualFSQ's four ways differ.",
    defaults: {
      view: "fsq",
      shape: "rings",
      drawn: "",
      seed: 1,
      spread: 1,
      layers: 1,
      options: { levels: [5, 4] },
    },
    pace: 15,
    plays: true,
    view: () => import("./levels/View.tsx").then((of) => of.LevelsScene),
  },
  {
    id: "images",
    title: "Images",
    question: "How does a picture become codes, and a picture again?",
    lead: "A model learns here, in your browser, to describe patches of pictures by single codes. Each pair shows a picture that it was not trained on, and what comes back from its codes.",
    defaults: {
      source: "shapes",
      quantizer: "vectorQuantize",
      options: imageKinds.vectorQuantize?.options,
      patch: 2,
      width: 32,
      rate: 0.003,
    },
    pace: Number.POSITIVE_INFINITY,
    plays: true,
    view: () => import("./images/View.tsx").then((of) => of.ImagesScene),
  },
];

/** Words that not everybody knows, each said in a sentence or two. */
export const words = {
  code: "A vector of the codebook. A point is stored as the number of its code alone.",
  codebook: "The list of all codes. It is what training moves.",
  cell: "All places of the plane that get the same code.",
  "dead code":
    "A code that no point uses. It never moves, since codes move to the points that use them. With replacement on, it is put where a point is.",
  perplexity:
    "As how many evenly used codes the codebook counts. 16 codes of which one gets nearly all points have a perplexity near 1.",
  "commitment loss":
    "The mean squared distance between a vector and its code. Its gradient goes to the encoder alone: it pulls vectors to their codes.",
  encoder: "The part of a model that turns its input into vectors, which are then quantized.",
  decoder: "The part of a model that makes the output of the quantized vectors.",
  "straight-through":
    "The gradient at the code is handed to the vector as if there were no rounding between them.",
  "rotation trick":
    "The gradient at the code is turned and scaled as the vector is turned and scaled into its code.",
  DiVeQ:
    "In training the output is the vector plus a step towards its code, with a little noise on the direction. So gradients reach both of them, and no commitment loss is needed.",
  residual: "What is left of a vector once its code is taken off. The next layer quantizes that.",
  "k-means": "Puts every code into the middle of the points nearest to it, again and again.",
  "moving average":
    "Each step, a code keeps a share of where it was (decay) and takes the rest from the mean of its points.",
  "reconstruction error": "Mean squared distance between what goes in and what comes out.",
  bound: "The function that brings any number into the range that the levels cover.",
  level: "One of the few values that a number is rounded to.",
  PSNR: "How close two pictures are, in decibel: 20 is rough, 30 is good, 40 can't be told apart.",
  "bits a pixel":
    "The size of the codes, spread over the picture's pixels. A plain picture has 24.",
} as const;

export type Word = keyof typeof words;

import { amount, grouped, small } from "../output/words.ts";
import type { FullEvaluation } from "./pictureEvaluation.ts";

/** The numbers of an evaluation, one a line. */
export function findingsOf(evaluation: FullEvaluation): string[] {
  const { psnr, ssim, msSsim, images, perplexity, usedCodes, counts, bytes, losses } = evaluation;
  return [
    `PSNR             ${psnr.toFixed(2)} dB, of ${amount(images, "image")}`,
    ...(ssim === undefined ? [] : [`SSIM             ${ssim.toFixed(4)}`]),
    ...(msSsim === undefined ? [] : [`MS-SSIM          ${msSsim.toFixed(4)}`]),
    `bits per pixel   ${evaluation.bitsPerPixel.toFixed(3)}: ${grouped(bytes)} bytes as a .vq file`,
    `  packed         ${evaluation.packedBitsPerPixel.toFixed(3)}`,
    `  entropy        ${evaluation.entropyBitsPerPixel.toFixed(3)}, code by code`,
    `perplexity       ${perplexity.toFixed(1)}`,
    `used codes       ${usedCodes} of ${counts.length}`,
    ...lossLines(losses),
  ];
}

/** Losses by name, one a line. */
export const lossLines = (losses: Readonly<Record<string, number>>) =>
  Object.entries(losses).map(([name, loss]) => `${`${name} loss`.padEnd(17)}${small(loss)}`);

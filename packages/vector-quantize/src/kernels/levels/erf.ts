/**
 * The error function `2 / sqrt(pi) * integral of exp(-t^2) from 0 to x`, to double precision.
 *
 * `2 / sqrt(pi) * exp(-x^2) * sum of 2^n x^(2n + 1) / (1 * 3 * ... * (2n + 1))`: all terms have one
 * sign, so nothing cancels. NIST Digital Library of Mathematical Functions, 7.6.2,
 * https://dlmf.nist.gov/7.6.E2
 *
 * @param x any number
 */
export function erf(x: number): number {
  if (Math.abs(x) >= 6) return Math.sign(x); // 1 - erf(6) is 2e-17
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

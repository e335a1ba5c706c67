/**
 * Where many codes are kept of very many, most of those that are found on the way are not among them in the end. A
 * sample tells beforehand about how near the last of them will be; what is kept does not depend on it.
 */
import { LANES, ScanItem, ScanJob } from "./job";

/** Of so many blocks one is in the sample. */
const STEP: i32 = 32;
/** Codes kept from which on a sample is worth its time, and codes in all for each of them. */
const LEAST_KEPT: i32 = 256;
const LEAST_EACH: i32 = 24;

/** From block to block of the sample of an item; 1: none. */
export function sampleStep(job: ScanJob, item: ScanItem): i32 {
  if (job.keep < LEAST_KEPT) return 1;
  return item.count * LANES >= job.keep * LEAST_EACH ? STEP : 1;
}

/** The code of the sample that is the limit: as many as are expected below the last, and three deviations more. */
export function sampleRank(job: ScanJob, step: i32): i32 {
  const expected = <f64>job.keep / <f64>step;
  return <i32>(expected + 3 * sqrt(expected)) + 2;
}

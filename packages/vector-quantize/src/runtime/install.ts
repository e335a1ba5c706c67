/** Gives jax-js its threads in Node. For its side effect, before anything else imports jax-js. */
import { endOffer } from "./offerWorker.ts";
// While it loads, jax-js decides whether it has workers, and how many.
import "@jax-js/jax";

endOffer();

import "../../runtime/install.ts"; // first: jax-js must find the Worker when it loads

export * from "../options.ts";

/** Runs the commands of the built `vq` that it is sent, one after another: see `runVq`. */
import { run } from "../../packages/cli/dist/program.js";

process.on("message", async (args) => {
  const outcome = { code: null, stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"]) {
    process[stream].write = (text) => {
      outcome[stream] += text;
      return true;
    };
  }
  outcome.code = await run(args);
  process.send(outcome);
});

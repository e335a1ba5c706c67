import { type ChildProcess, spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";
import type { Reply, Request } from "./protocol.ts";

/** A side in a process of its own. */
export class Child {
  readonly #process: ChildProcess;
  readonly #lines: Interface;
  #waiting: ((reply: Reply) => void) | undefined;
  #ended: string | undefined;

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    this.#process = spawn(command, args, {
      env: { ...process.env, ...env },
      stdio: ["pipe", "pipe", process.env.VQ_BENCH_VERBOSE ? "inherit" : "ignore"],
    });
    this.#lines = createInterface({ input: this.#process.stdout as NodeJS.ReadableStream });
    this.#lines.on("line", (line) => this.#answer(JSON.parse(line) as Reply));
    this.#process.on("error", (error) => this.#end(`cannot be started (${error.message})`));
    this.#process.on("exit", (code, signal) => this.#end(`ended with ${signal ?? code}`));
    this.#process.stdin?.on("error", () => {}); // the exit says it
  }

  /** Sends a request and waits for its answer; a dead side answers with an error. */
  ask(request: Request): Promise<Reply> {
    if (this.#ended !== undefined) return Promise.resolve({ error: this.#ended });
    return new Promise((resolve) => {
      this.#waiting = resolve;
      this.#process.stdin?.write(`${JSON.stringify(request)}\n`);
    });
  }

  stop(): void {
    this.#process.kill("SIGKILL");
  }

  #answer(reply: Reply): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.(reply);
  }

  #end(why: string): void {
    this.#ended = why;
    this.#answer({ error: why });
  }
}

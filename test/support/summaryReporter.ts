import type { Reporter, SerializedError, TestModule } from "vitest/node";

/** Ends a run with one line that tools can read: `123 passed, 0 failed, 4 skipped`. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const count = { passed: 0, failed: 0, skipped: 0 };
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        // A test that never got a result was cut off: it did not pass.
        count[state === "pending" ? "failed" : state] += 1;
      }
      // A file that cannot be loaded, or whose hooks throw, has no failed test to show for it.
      count.failed += module.errors().length;
      for (const suite of module.children.allSuites()) count.failed += suite.errors().length;
    }
    count.failed += unhandled.length;
    const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : "";
    const line = `${count.passed} passed, ${count.failed} failed${skipped}`;
    // The default reporter prints its own summary in this same event: ours comes after it.
    process.once("exit", () => console.log(line));
  }
}

import axe from "axe-core";
import type { Page } from "playwright-core";

/** What axe finds in a page and its frames, by all its rules or by one. */
export async function foundByAxe(page: Page, rule?: string): Promise<string[]> {
  for (const frame of page.frames()) {
    if (!(await frame.evaluate("'axe' in window"))) await frame.evaluate(axe.source);
  }
  const options = { resultTypes: ["violations"], ...(rule && { runOnly: [rule] }) };
  const { violations } = await page.evaluate<axe.AxeResults>(
    `axe.run(document, ${JSON.stringify(options)})`,
  );
  return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
}

import { Listr } from "listr2";
import { WIDTH } from "./table";

/** One step of a tool, shown with its progress and the seconds that it took. */
export interface Step {
  readonly title: string;
  /** Does the step; `show` says what it is at, its return value stands behind the title when it is done. */
  readonly run: (show: (line: string) => void) => Promise<string | undefined>;
}

/** Duration of a step. */
export interface StepTime {
  readonly step: string;
  readonly seconds: number;
}

/**
 * Runs steps one after another; the first that fails ends all, and its error is thrown.
 *
 * On a terminal the current step moves; elsewhere each step is a line when it begins and when it ends, and one every ten
 * seconds in between, so that a log shows that it lives.
 */
export async function runSteps(steps: Step[]): Promise<StepTime[]> {
  const times: StepTime[] = [];
  let failure: unknown;
  const list = new Listr(
    steps.map(({ title, run }) => ({
      title,
      task: async (_context: unknown, task: { title?: string; output: string }) => {
        const start = Date.now();
        let shown = 0;
        const result = await run((line) => {
          if (!process.stdout.isTTY && Date.now() - shown < 10_000) return;
          shown = Date.now();
          task.output = line.slice(0, Math.min(process.stdout.columns ?? WIDTH, WIDTH) - 8);
        }).catch((error: unknown) => {
          failure = error;
          throw new Error("see below"); // the caller shows the whole line, once
        });
        const seconds = Math.round((Date.now() - start) / 100) / 10;
        times.push({ step: title, seconds });
        task.title = `${title}${result === undefined ? "" : `: ${result}`} (${seconds.toFixed(1)} s)`;
      },
    })),
    {
      fallbackRenderer: "simple",
      registerSignalListeners: false, // the tool ends by itself, and says what it stopped
      rendererOptions: { collapseErrors: true, showErrorMessage: false },
    },
  );
  await list.run().catch(() => {
    throw failure;
  });
  return times;
}

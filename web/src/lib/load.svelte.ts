/** One thing that is read from the gateway: what came, what went wrong, and whether it is under way. Asking again ends what was
 * asked before, so that the last answer is that of the last question. */
import type { Problem, Result } from "./api";

export class Load<T> {
  value = $state.raw<T | null>(null);
  problem = $state.raw<Problem | null>(null);
  busy = $state(false);
  private before: AbortController | null = null;

  async run(question: (signal: AbortSignal) => Promise<Result<T>>): Promise<T | null> {
    this.before?.abort();
    const mine = (this.before = new AbortController());
    this.busy = true;
    const result = await question(mine.signal);
    if (this.before !== mine) return null;
    this.busy = false;
    if (result.ok) {
      this.value = result.value;
      this.problem = null;
      return result.value;
    }
    this.problem = result.problem;
    return null;
  }

  /** Forget what is under way and what came. */
  clear(): void {
    this.before?.abort();
    this.before = null;
    this.value = null;
    this.problem = null;
    this.busy = false;
  }
}

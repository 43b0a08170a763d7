/** One model that is asked: what it says as it comes, how long it takes, and what it has cost. */
import { address, ask, open, type Problem } from "../../lib/api";
import type { LogDetail, PlayAsked } from "../../lib/schema";
import { Reader, type Piece } from "./pieces";

/** Who pays: a key that the gateway knows, by its id; or the text of one, which is in this page's memory and nowhere else. */
export type Payer = { id: string; text?: never } | { text: string; id?: never };

export class Run {
  text = $state("");
  thinking = $state("");
  problem = $state.raw<Problem | null>(null);
  phase = $state<"idle" | "asking" | "answering" | "done" | "stopped">("idle");
  /** ms until the first word, and until the last. */
  first = $state<number | null>(null);
  took = $state<number | null>(null);
  tokens = $state.raw<{ input: number; output: number } | null>(null);
  finish = $state("");
  /** The request's id, and what the log says of it, where one may see it. */
  id = $state("");
  log = $state.raw<LogDetail | null>(null);
  private stopping: AbortController | null = null;

  get busy(): boolean {
    return this.phase === "asking" || this.phase === "answering";
  }

  async go(said: Partial<PlayAsked>, payer: Payer): Promise<void> {
    this.stop();
    const mine = (this.stopping = new AbortController());
    this.text = this.thinking = this.finish = this.id = "";
    this.problem = this.first = this.took = this.tokens = this.log = null;
    this.phase = "asking";
    const begun = performance.now();
    const opened = payer.text
      ? await open("/v1/chat/completions", { ...said, stream: true, stream_options: { include_usage: true } }, { key: payer.text, signal: mine.signal })
      : await open(address("/v1/playground"), { ...said, key: payer.id }, { signal: mine.signal });
    if (this.stopping !== mine) return;
    if (!opened.ok) {
      this.took = performance.now() - begun;
      this.id = opened.problem.requestId;
      this.end(opened.problem);
      return;
    }
    this.id = opened.response.headers.get("x-lockgate-request-id") ?? "";
    this.phase = "answering";
    const problem = await this.read(opened.response, begun, mine);
    if (this.stopping !== mine) return;
    this.took = performance.now() - begun;
    this.end(problem);
    await this.look(mine);
  }

  /** Ask no further. What has come stays. */
  stop(): void {
    this.stopping?.abort();
    this.stopping = null;
    if (this.busy) this.phase = "stopped";
  }

  private end(problem: Problem | null): void {
    this.problem = problem;
    this.phase = "done";
  }

  private async read(response: Response, begun: number, mine: AbortController): Promise<Problem | null> {
    const reader = new Reader();
    const decoder = new TextDecoder();
    const body = response.body?.getReader();
    let problem: Problem | null = null;
    try {
      for (;;) {
        const { done, value } = (await body?.read()) ?? { done: true, value: undefined };
        if (this.stopping !== mine) return null;
        for (const piece of reader.feed(done ? `${decoder.decode()}\n\n` : decoder.decode(value, { stream: true }))) {
          problem = this.take(piece, begun) ?? problem;
        }
        if (done) break;
      }
    } catch {
      return this.broken("broken", "The connection broke before the answer was whole.");
    }
    return problem ?? (reader.isDone || this.finish ? null : this.broken("broken", "The answer broke off before it was whole."));
  }

  private take(piece: Piece, begun: number): Problem | null {
    if (piece.text || piece.thinking) this.first ??= performance.now() - begun;
    if (piece.text) this.text += piece.text;
    if (piece.thinking) this.thinking += piece.thinking;
    if (piece.finish) this.finish = piece.finish;
    if (piece.tokens) this.tokens = piece.tokens;
    return piece.error ? this.broken(piece.error.code, piece.error.message) : null;
  }

  private broken(code: string, message: string): Problem {
    return { status: 0, code, message, param: null, remedy: "change", requestId: this.id };
  }

  /** What the log says of it. A key that was pasted may be of a place that one does not see: then there is nothing to tell. */
  private async look(mine: AbortController): Promise<void> {
    if (!this.id) return;
    const url = address("/v1/logs/{id}", { id: this.id });
    for (let tries = 0; tries < 2 && !this.log; tries++) {
      if (tries) await new Promise((go) => setTimeout(go, 400));
      const found = await ask<LogDetail>("GET", url, undefined, { quiet: true, signal: mine.signal });
      if (this.stopping !== mine) return;
      if (found.ok) this.log = found.value;
      else if (found.problem.status !== 404) return;
    }
  }
}

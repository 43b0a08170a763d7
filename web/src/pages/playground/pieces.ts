/** What a stream of `POST /v1/chat/completions` says, piece by piece (server-sent events, WHATWG HTML § 9.2). */
export interface Piece {
  text?: string;
  thinking?: string;
  finish?: string;
  tokens?: { input: number; output: number };
  error?: { code: string; message: string };
}

interface Chunk {
  choices?: { delta?: { content?: string | null; reasoning_content?: string | null; refusal?: string | null }; finish_reason?: string | null }[];
  usage?: { prompt_tokens?: number; completion_tokens?: number } | null;
  error?: { code?: string | null; message?: string };
}

/** Takes a stream in pieces of any size, and gives what its events say. */
export class Reader {
  private rest = "";
  /** Whether the stream has said that it is over. */
  isDone = false;

  feed(text: string): Piece[] {
    const events = (this.rest + text).split(/\r?\n\r?\n/);
    this.rest = events.pop() ?? "";
    return events.flatMap((event) => {
      const data = event
        .split(/\r?\n/)
        .filter((line) => line.startsWith("data:"))
        .map((line) => line.slice(5).trimStart())
        .join("\n");
      if (data === "[DONE]") this.isDone = true;
      return data && data !== "[DONE]" ? [pieceOf(data)] : [];
    });
  }
}

function pieceOf(data: string): Piece {
  let chunk: Chunk;
  try {
    chunk = JSON.parse(data) as Chunk;
  } catch {
    return { error: { code: "unreadable", message: "A piece of the answer could not be read." } };
  }
  if (chunk.error) return { error: { code: chunk.error.code ?? "failed", message: chunk.error.message ?? "The answer broke off." } };
  const [choice] = chunk.choices ?? [];
  const piece: Piece = {};
  const text = choice?.delta?.content ?? choice?.delta?.refusal;
  if (text) piece.text = text;
  if (choice?.delta?.reasoning_content) piece.thinking = choice.delta.reasoning_content;
  if (choice?.finish_reason) piece.finish = choice.finish_reason;
  if (chunk.usage) piece.tokens = { input: chunk.usage.prompt_tokens ?? 0, output: chunk.usage.completion_tokens ?? 0 };
  return piece;
}

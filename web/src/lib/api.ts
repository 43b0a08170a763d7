/**
 * The admin API and the logins. What goes wrong is a value: `{ ok: false, problem }`, and a problem says what to do.
 *
 * The session is a cookie that scripts do not see. A change brings the session's token (`x-lockgate-csrf`), which `session.ts`
 * puts here when somebody is logged in.
 */
import type { Operations } from "./schema";

export interface Problem {
  /** The HTTP status; 0: nobody answered. */
  status: number;
  code: string;
  message: string;
  /** The member at fault, for forms. */
  param: string | null;
  /** What helps: logging in, asking again, or only other words. */
  remedy: "login" | "retry" | "change";
  requestId: string;
}

export type Result<T> = { ok: true; value: T; etag: string } | { ok: false; problem: Problem };

type Paths<Method extends string> = keyof Operations extends infer Key
  ? Key extends `${Method} ${infer Path}`
    ? Path
    : never
  : never;
type At<Method extends string, Path extends string> = `${Method} ${Path}` extends keyof Operations
  ? Operations[`${Method} ${Path}`]
  : never;
type Holes<Path extends string> = Path extends `${string}{${infer Hole}}${infer Rest}` ? Hole | Holes<Rest> : never;

export interface Said<Method extends string, Path extends string> {
  path?: Record<Holes<Path>, string>;
  /** Texts will do: that is what a query is made of. */
  query?: { [Name in keyof At<Method, Path>["query"]]?: At<Method, Path>["query"][Name] | string };
  body?: At<Method, Path>["body"];
  /** Of what was read: the change is refused when somebody else has changed it since. */
  etag?: string;
  signal?: AbortSignal;
}

type Listener = () => void;

let csrf = "";
let workspace = "";
let whenLoggedOut: Listener = () => undefined;

/** Whose token changes bring, and what to do when the session is over. */
export function configure(said: { csrf?: string; workspace?: string; whenLoggedOut?: Listener }): void {
  csrf = said.csrf ?? csrf;
  workspace = said.workspace ?? workspace;
  whenLoggedOut = said.whenLoggedOut ?? whenLoggedOut;
}

/** A path with its holes filled, and a query without what was not said; in the workspace that one is looking at. */
export function address(path: string, holes: Record<string, string> = {}, query: Record<string, unknown> = {}): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(holes[name] ?? ""));
  const params = new URLSearchParams();
  const said: Record<string, unknown> = path.startsWith("/v1/") && workspace ? { workspace_id: workspace, ...query } : query;
  for (const [name, value] of Object.entries(said)) {
    if (value !== undefined && value !== null && value !== "") params.set(name, String(value));
  }
  const text = params.toString();
  return text ? `${filled}?${text}` : filled;
}

/** One request, in the session. `quiet`: a session that is over is no surprise. */
export async function ask<T>(
  method: string,
  url: string,
  body?: unknown,
  more: { etag?: string; signal?: AbortSignal; quiet?: boolean } = {},
): Promise<Result<T>> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (method !== "GET") {
    headers["content-type"] = "application/json";
    if (csrf) headers["x-lockgate-csrf"] = csrf;
  }
  if (more.etag) headers["if-match"] = more.etag;
  let response: Response;
  try {
    const init: RequestInit = { method, headers, credentials: "same-origin", signal: more.signal ?? null };
    if (method !== "GET") init.body = JSON.stringify(body ?? {});
    response = await fetch(url, init);
  } catch {
    return brokenOff(more.signal);
  }
  const text = await response.text().catch(() => null);
  if (text === null) return brokenOff(more.signal); // in the middle of the answer
  const said = parsed(text);
  if (response.ok) return { ok: true, value: said as T, etag: response.headers.get("etag") ?? "" };
  const problem = read(response, said);
  if (problem.remedy === "login" && !more.quiet) whenLoggedOut();
  return { ok: false, problem };
}

/** An answer that comes piece by piece: in the session, or with a `key` instead, which is sent, and kept nowhere. */
export async function open(
  url: string,
  body: unknown,
  more: { key?: string; signal?: AbortSignal } = {},
): Promise<{ ok: true; response: Response } | { ok: false; problem: Problem }> {
  const headers: Record<string, string> = { accept: "text/event-stream, application/json", "content-type": "application/json" };
  if (more.key) headers.authorization = `Bearer ${more.key}`;
  else if (csrf) headers["x-lockgate-csrf"] = csrf;
  let response: Response;
  try {
    const credentials = more.key ? "omit" : "same-origin";
    response = await fetch(url, { method: "POST", headers, credentials, body: JSON.stringify(body), signal: more.signal ?? null });
  } catch {
    return brokenOff(more.signal);
  }
  if (response.ok) return { ok: true, response };
  const problem = read(response, await response.json().catch(() => null));
  if (problem.remedy === "login" && !more.key) whenLoggedOut();
  return { ok: false, problem };
}

const UNREACHABLE = "The gateway does not answer. It may be restarting; try again in a moment.";

function no(said: Partial<Problem> & { status: number; code: string; message: string }): { ok: false; problem: Problem } {
  return { ok: false, problem: { param: null, remedy: "change", requestId: "", ...said } };
}

/** No whole answer has come: we have left, or the gateway has. */
function brokenOff(signal: AbortSignal | undefined): { ok: false; problem: Problem } {
  return no({ status: 0, code: signal?.aborted ? "aborted" : "unreachable", message: UNREACHABLE, remedy: "retry" });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // of a proxy between us, say
  }
}

function read(response: Response, said: unknown): Problem {
  const error = (said as { error?: { message?: string; code?: string; param?: string | null } } | null)?.error ?? {};
  const status = response.status;
  const lost = status === 401 || error.code === "csrf_token";
  return {
    status,
    code: error.code ?? "unknown",
    message: error.message ?? `The gateway answered ${status} without saying why.`,
    param: error.param ?? null,
    remedy: lost ? "login" : status >= 500 || status === 429 ? "retry" : "change",
    requestId: response.headers.get("x-lockgate-request-id") ?? "",
  };
}

function call<Method extends string>(method: Method) {
  return <Path extends Paths<Method>>(path: Path, said: Said<Method, Path> = {}): Promise<Result<At<Method, Path>["answer"]>> =>
    ask(method, address(path, said.path, said.query), said.body, said);
}

/** The admin API, typed by its own description: `api.get("/v1/logs/{id}", { path: { id } })`. */
export const api = { get: call("GET"), post: call("POST"), put: call("PUT"), delete: call("DELETE") };

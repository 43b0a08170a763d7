/** JSON as somebody writes it: where each member stands, and what is meant at a place in a text that is not finished. */

export type Step = string | number;

export interface Parsed {
  value: unknown;
  /** A member's path as the admin API writes it ("config.targets[0].weight") → the line on which it begins, from 0. */
  lines: Map<string, number>;
  /** Why it is no JSON, and on which line; null when it is. */
  flaw: { line: number; message: string } | null;
}

class Flaw extends Error {
  constructor(
    readonly at: number,
    message: string,
  ) {
    super(message);
  }
}

/** A path as the admin API writes it. */
export function pathOf(steps: readonly Step[], root = "config"): string {
  return steps.reduce<string>((path, step) => (typeof step === "number" ? `${path}[${step}]` : `${path}.${step}`), root);
}

/** The line of a path, or of what it stands in. */
export function lineOf(lines: Map<string, number>, path: string): number {
  for (let at = path; at; at = at.replace(/(\.[^.[]*|\[\d+\])$/, "")) {
    const line = lines.get(at);
    if (line !== undefined) return line;
    if (!/[.[]/.test(at)) break;
  }
  return 0;
}

export function parse(text: string): Parsed {
  const lines = new Map<string, number>();
  let at = 0;
  const lineAt = (place: number) => text.slice(0, place).split("\n").length - 1;
  const skip = () => {
    while (at < text.length && /\s/.test(text[at]!)) at += 1;
  };
  const expect = (mark: string, why: string) => {
    skip();
    if (text[at] !== mark) throw new Flaw(at, why);
    at += 1;
  };

  function literal(): unknown {
    const found = /^("(?:[^"\\\n]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/.exec(text.slice(at));
    if (!found) throw new Flaw(at, at >= text.length ? "It ends too early." : `'${text.slice(at, at + 12).split("\n")[0]}' is no value here.`);
    const begun = at;
    at += found[0].length;
    try {
      return JSON.parse(found[0]);
    } catch {
      throw new Flaw(begun, "This text has a character that must be escaped.");
    }
  }

  function value(steps: Step[]): unknown {
    skip();
    if (!lines.has(pathOf(steps))) lines.set(pathOf(steps), lineAt(at));
    if (text[at] === "{") return object(steps);
    if (text[at] === "[") return array(steps);
    return literal();
  }

  function object(steps: Step[]): Record<string, unknown> {
    const found: Record<string, unknown> = {};
    at += 1;
    skip();
    if (text[at] === "}") {
      at += 1;
      return found;
    }
    for (;;) {
      skip();
      const begun = at;
      if (text[at] !== '"') throw new Flaw(at, text[at] === "}" ? "A comma too many, or a member is missing." : "A member's name in quotes is expected.");
      const name = String(literal());
      if (Object.hasOwn(found, name)) throw new Flaw(begun, `'${name}' is said twice.`);
      lines.set(pathOf([...steps, name]), lineAt(begun));
      expect(":", "A colon is missing after the name.");
      // Own members alone, whatever they are called.
      Object.defineProperty(found, name, { value: value([...steps, name]), enumerable: true, configurable: true, writable: true });
      skip();
      if (text[at] === ",") at += 1;
      else {
        expect("}", "A comma or a closing brace is missing.");
        return found;
      }
    }
  }

  function array(steps: Step[]): unknown[] {
    const found: unknown[] = [];
    at += 1;
    skip();
    if (text[at] === "]") {
      at += 1;
      return found;
    }
    for (;;) {
      found.push(value([...steps, found.length]));
      skip();
      if (text[at] === ",") at += 1;
      else {
        expect("]", "A comma or a closing bracket is missing.");
        return found;
      }
    }
  }

  try {
    const found = value([]);
    skip();
    if (at < text.length) throw new Flaw(at, "Something stands after its end.");
    if (typeof found !== "object" || found === null || Array.isArray(found)) throw new Flaw(0, "A config is an object: { … }.");
    return { value: found, lines, flaw: null };
  } catch (error) {
    if (!(error instanceof Flaw)) throw error;
    return { value: null, lines, flaw: { line: lineAt(error.at), message: error.message } };
  }
}

/** What is being written at a place: the path of what it stands in, the member's name where a value is due (null: a name is),
 * the names that are there already, and the word that has been begun. */
export interface Place {
  steps: Step[];
  member: string | null;
  there: string[];
  word: string;
  /** Where the word begins, with its quote. */
  from: number;
  isQuoted: boolean;
}

interface Level {
  kind: "{" | "[";
  count: number;
  name: string | null;
  names: string[];
}

/** null: nothing can be proposed there. */
export function placeAt(text: string, cursor: number): Place | null {
  const levels: Level[] = [];
  let at = 0;
  let isDue = false; // a value, after a colon
  while (at < cursor) {
    const mark = text[at]!;
    const level = levels.at(-1);
    if (mark === '"') {
      const end = closing(text, at);
      if (end < 0 || end >= cursor) return placed(levels, isDue, text.slice(at + 1, cursor), at, true);
      if (level?.kind === "{" && !isDue) {
        level.name = text.slice(at + 1, end);
        level.names.push(level.name);
      }
      at = end + 1;
      continue;
    }
    if (mark === "{" || mark === "[") {
      levels.push({ kind: mark, count: 0, name: null, names: [] });
      isDue = false;
    } else if (mark === "}" || mark === "]") {
      levels.pop();
      isDue = false;
    } else if (mark === ":") isDue = true;
    else if (mark === ",") {
      if (level) {
        level.count += 1;
        level.name = null;
      }
      isDue = false;
    }
    at += 1;
  }
  const word = /[\w@.\-/]*$/.exec(text.slice(0, cursor))?.[0] ?? "";
  return placed(levels, isDue, word, cursor - word.length, false);
}

function closing(text: string, from: number): number {
  for (let at = from + 1; at < text.length && text[at] !== "\n"; at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === '"') return at;
  }
  return -1;
}

function placed(levels: Level[], isDue: boolean, word: string, from: number, isQuoted: boolean): Place | null {
  const last = levels.at(-1);
  if (!last) return null;
  const steps = levels.slice(0, -1).map((level): Step => (level.kind === "[" ? level.count : (level.name ?? "")));
  if (last.kind === "[") return { steps: [...steps, last.count], member: "", there: [], word, from, isQuoted };
  return { steps, member: isDue ? last.name : null, there: last.names, word, from, isQuoted };
}

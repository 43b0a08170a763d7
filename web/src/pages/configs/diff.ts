/** Two texts, line by line: what is in both, only in the old, only in the new. */
export interface DiffLine {
  kind: "same" | "gone" | "new";
  text: string;
}

/** Cells of the table at most; what is longer is shown as gone and new. */
const MOST = 4_000_000;

export function diff(before: string, after: string): DiffLine[] {
  const [old, now] = [before.split("\n"), after.split("\n")];
  if (old.length * now.length > MOST) return [...old.map((text) => line("gone", text)), ...now.map((text) => line("new", text))];
  // The longest common subsequence, from the end.
  const width = now.length + 1;
  const longest = new Uint32Array((old.length + 1) * width);
  for (let i = old.length - 1; i >= 0; i -= 1) {
    for (let j = now.length - 1; j >= 0; j -= 1) {
      longest[i * width + j] =
        old[i] === now[j] ? longest[(i + 1) * width + j + 1]! + 1 : Math.max(longest[(i + 1) * width + j]!, longest[i * width + j + 1]!);
    }
  }
  const found: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < old.length && j < now.length) {
    if (old[i] === now[j]) {
      found.push(line("same", old[i]!));
      i += 1;
      j += 1;
    } else if (longest[(i + 1) * width + j]! >= longest[i * width + j + 1]!) found.push(line("gone", old[i++]!));
    else found.push(line("new", now[j++]!));
  }
  return [...found, ...old.slice(i).map((text) => line("gone", text)), ...now.slice(j).map((text) => line("new", text))];
}

function line(kind: DiffLine["kind"], text: string): DiffLine {
  return { kind, text };
}

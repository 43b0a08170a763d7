import { expect, test } from "vitest";
import { Reader } from "./pieces";

const event = (said: unknown) => `data: ${JSON.stringify(said)}\n\n`;
const STREAM =
  event({ choices: [{ delta: { role: "assistant", content: "" } }] }) +
  event({ choices: [{ delta: { reasoning_content: "hm" } }] }) +
  event({ choices: [{ delta: { content: "Hé" } }] }) +
  ": a comment\n\n" +
  event({ choices: [{ delta: { content: "llo" }, finish_reason: "stop" }] }) +
  event({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 2 } }) +
  "data: [DONE]\n\n";

test.each([1, 7, 10_000])("a stream says the same in pieces of %i characters", (size) => {
  const reader = new Reader();
  const said = [];
  for (let n = 0; n < STREAM.length; n += size) said.push(...reader.feed(STREAM.slice(n, n + size)));
  expect(said.map((piece) => piece.text ?? "").join("")).toBe("Héllo");
  expect(said.map((piece) => piece.thinking ?? "").join("")).toBe("hm");
  expect(said.find((piece) => piece.finish)?.finish).toBe("stop");
  expect(said.find((piece) => piece.tokens)?.tokens).toEqual({ input: 3, output: 2 });
  expect(reader.isDone).toBe(true);
});

test("what breaks off says why, and a stream that ends early has not said that it is over", () => {
  const reader = new Reader();
  expect(reader.feed(event({ error: { message: "no more", code: "overloaded" } }))).toEqual([{ error: { code: "overloaded", message: "no more" } }]);
  expect(reader.feed("data: {nonsense\n\n")[0]?.error?.code).toBe("unreadable");
  expect(reader.isDone).toBe(false);
});

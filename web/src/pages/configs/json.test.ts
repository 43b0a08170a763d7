import { expect, test } from "vitest";
import { proposals, type Schema } from "./complete";
import { diff } from "./diff";
import { lineOf, parse, placeAt } from "./json";

const TEXT = `{
  "strategy": {"mode": "fallback"},
  "targets": [
    {"provider": "@a"},
    {
      "weight": "x"
    }
  ]
}`;
const SCHEMA: Schema = {
  $ref: "#/$defs/Route",
  $defs: {
    Route: { type: "object", properties: { provider: { type: "string" }, strict: { anyOf: [{ type: "boolean" }, { type: "null" }] }, strategy: { anyOf: [{ $ref: "#/$defs/Strategy" }, { type: "null" }] }, targets: { type: "array", items: { $ref: "#/$defs/Route" } } } },
    Strategy: { type: "object", properties: { mode: { enum: ["single", "fallback"] }, default: { type: "string" } } },
  },
};

function offered(text: string): string[] {
  const cursor = text.indexOf("|");
  const place = placeAt(text.replace("|", ""), cursor);
  return place ? proposals(SCHEMA, place, ["openai"]).map((each) => each.label) : [];
}

test("a mistake's path leads to the line where it stands", () => {
  const { lines, flaw, value } = parse(TEXT);
  expect(flaw).toBeNull();
  expect(value).toEqual(JSON.parse(TEXT));
  expect(lineOf(lines, "config.targets[1].weight")).toBe(5);
  expect(lineOf(lines, "config.targets[0].provider")).toBe(3);
  expect(lineOf(lines, "config.targets[1].nothing.like.it")).toBe(4);
  expect(lineOf(lines, "config")).toBe(0);
});

test.each([
  ['{"a": 1,\n}', 1],
  ['{"a": 1\n"b": 2}', 1],
  ['{\n"a": nope}', 1],
  ['{"a": [1, 2}', 0],
  ['{"a": 1, "a": 2}', 0],
  ["[1]", 0],
  ['{"a": 1} x', 0],
  ["", 0],
])("what is no config is told with its line: %j", (text, line) => {
  expect(parse(text).flaw?.line).toBe(line);
});

test("a member called __proto__ is a member like others", () => {
  expect(Object.keys(parse('{"__proto__": {"x": 1}}').value as object)).toEqual(["__proto__"]);
});

test("members are proposed where a name is due, and those that are there are not", () => {
  expect(offered('{"provider": "@a", "|"}')).toEqual(["strict", "strategy", "targets"]);
  expect(offered('{"targets": [{"provider": "x"}, {"st|')).toEqual(["strict", "strategy"]);
  expect(offered('{"strategy": {|}}')).toEqual(["mode", "default"]);
});

test("values are proposed where they are few", () => {
  expect(offered('{"strategy": {"mode": "|"}}')).toEqual(["single", "fallback"]);
  expect(offered('{"strict": |')).toEqual(["true", "false"]);
  expect(offered('{"targets": [{"provider": "@|"}]}')).toEqual(["@openai"]);
  expect(offered('{"nothing": {"|')).toEqual([]);
});

test("a difference tells what is gone and what is new", () => {
  const found = diff("a\nb\nc", "a\nx\nc\nd");
  expect(found.map((each) => `${each.kind} ${each.text}`)).toEqual(["same a", "gone b", "new x", "same c", "new d"]);
});

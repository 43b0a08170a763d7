import { describe, expect, it } from "vitest";
import { changes, filled, pairs } from "./form";

const SHOWN = {
  name: "Research",
  description: null,
  defaults: { metadata: { team: "blue" }, config_id: "faq", allow_config_override: true },
  capture: "full" as const,
  redact: null,
  cache: { max_age: null, off: false },
};

describe("a workspace's form", () => {
  it("says nothing where nothing was changed", () => {
    expect(changes(filled(SHOWN), filled(SHOWN))).toEqual({});
  });
  it("says what was changed alone, and takes away what was emptied", () => {
    const form = filled(SHOWN);
    expect(changes(form, { ...form, config: "", metadata: "team=red\n a = b=c \n" })).toEqual({
      defaults: { config_id: null, metadata: { team: "red", a: "b=c" } },
    });
    const redacted = { ...form, patterns: "\\d{4}\n\n" };
    expect(changes(form, redacted)).toEqual({ redact: { patterns: ["\\d{4}"], fields: [] } });
    expect(changes(redacted, form)).toEqual({ redact: null });
  });
  it("says a cap of the cache as the API has it", () => {
    const form = filled(SHOWN);
    expect(changes(form, { ...form, age: "60" })).toEqual({});
    expect(changes(form, { ...form, cache: "capped", age: "60" })).toEqual({ cache: { max_age: 60, off: false } });
    expect(changes(form, { ...form, cache: "off" })).toEqual({ cache: false });
    expect(changes(filled({ ...SHOWN, cache: { max_age: 60, off: false } }), form)).toEqual({ cache: null });
  });
  it("knows a line that is no pair", () => {
    expect(pairs("team")).toBeNull();
    expect(pairs("=x")).toBeNull();
    expect(pairs("")).toEqual({});
  });
});

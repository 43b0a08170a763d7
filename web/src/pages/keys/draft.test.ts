import { describe, expect, it } from "vitest";
import type { ShownApiKey } from "../../lib/schema";
import { changed, keyDraft, made, newKey, rightsOf } from "./draft";

const NOW = Date.parse("2030-01-01T00:00:00Z");
const KEY = {
  id: "k1",
  name: "app",
  description: null,
  scopes: ["completions.write", "models.list", "logs.export"],
  models: ["@openai/gpt-*"],
  usage_limits: null,
  rate_limits: [{ type: "requests", unit: "rpm", value: 60 }],
  capture: "full",
  expires_at: null,
} as unknown as ShownApiKey;

describe("a new key", () => {
  it("asks models, and has no limits that nobody has said", () => {
    expect(made({ ...newKey(), name: " app " }, true, NOW)).toEqual({
      name: "app",
      description: "",
      scopes: ["completions.write", "models.list"],
      models: [],
      usage_limits: null,
      rate_limits: [],
      expires_at: null,
    });
  });

  it("expires so many days from now, or at a time of the reader's zone", () => {
    expect(made({ ...newKey(), expiry: "7" }, true, NOW).expires_at).toBe("2030-01-08T00:00:00.000Z");
    const at = new Date("2030-05-05T12:30").toISOString();
    expect(made({ ...newKey(), expiry: "at", expiresAt: "2030-05-05T12:30" }, true, NOW).expires_at).toBe(at);
  });

  it("of a member says nothing of what is kept", () => {
    expect(made({ ...newKey(), capture: "off" }, false, NOW)).not.toHaveProperty("capture");
    expect(made({ ...newKey(), capture: "off" }, true, NOW).capture).toBe("off");
  });
});

describe("a changed key", () => {
  it("says what was changed alone", () => {
    expect(changed(keyDraft(KEY), KEY, true, NOW)).toEqual({});
    expect(changed({ ...keyDraft(KEY), name: "other", models: "" }, KEY, true, NOW)).toEqual({ name: "other", models: [] });
    expect(changed({ ...keyDraft(KEY), capture: "off" }, KEY, true, NOW)).toEqual({ capture: "off" });
  });

  it("of a member says no more than its name", () => {
    expect(changed({ ...keyDraft(KEY), name: "other", models: "" }, KEY, false, NOW)).toEqual({ name: "other" });
  });
});

it("scopes are read as rights, and what is left over", () => {
  expect(rightsOf(KEY.scopes)).toEqual({ rights: ["Ask models"], others: ["logs.export"] });
  expect(rightsOf(["completions.write"])).toEqual({ rights: ["Ask models"], others: [] });
  expect(rightsOf(["models.list"])).toEqual({ rights: [], others: ["models.list"] });
});

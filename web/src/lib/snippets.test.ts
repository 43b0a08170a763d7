import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { curl, python } from "./snippets";

const NASTY = { text: `it's "quoted" \\ $HOME \`id\` $(id) </script>\n\u2028 😀 '''`, list: [null, true, 1.5] };
const request = { path: "/v1/chat/completions", body: NASTY };

describe("what is copied", () => {
  it("is read by a shell as what was sent", () => {
    const command = curl("http://localhost:8787", request).replace(/^curl/, "printf '%s\\n'");
    const said = execFileSync("sh", ["-c", command], { env: { LOCKGATE_API_KEY: "k" }, encoding: "utf8" });
    const [url, , bearer] = said.split("\n");
    expect([url, bearer]).toEqual(["http://localhost:8787/v1/chat/completions", "authorization: Bearer k"]);
    expect(JSON.parse(said.slice(said.indexOf("{")))).toEqual(NASTY);
  });

  it("is read by Python as what was sent", () => {
    const line = python("http://localhost:8787", request).split("\n").find((each) => each.startsWith("body = "));
    const said = execFileSync("python3", ["-c", `import json\n${line}\nprint(json.dumps(body))`], { encoding: "utf8" });
    expect(JSON.parse(said)).toEqual(NASTY);
  });
});

/** A recorded request as somebody would write it: for a shell, and in Python. The key is a variable; none is ever shown. */
export interface Sendable {
  path: string;
  body: unknown;
}

/** For a POSIX shell: within single quotes nothing is read but the quote itself. */
export function curl(origin: string, request: Sendable): string {
  const lines = [
    `curl ${quoted(origin + request.path)}`,
    `-H "authorization: Bearer $LOCKGATE_API_KEY"`,
    `-H 'content-type: application/json'`,
    `-d ${quoted(JSON.stringify(request.body, null, 2))}`,
  ];
  return lines.join(" \\\n  ");
}

/** With nothing but what Python has itself. The body is a JSON text, so that no value has to be written in Python's words. */
export function python(origin: string, request: Sendable): string {
  return [
    "import json",
    "import os",
    "import urllib.request",
    "",
    `body = json.loads(${literal(JSON.stringify(request.body))})`,
    "request = urllib.request.Request(",
    `    ${literal(origin + request.path)},`,
    "    data=json.dumps(body).encode(),",
    `    headers={"authorization": "Bearer " + os.environ["LOCKGATE_API_KEY"], "content-type": "application/json"},`,
    ")",
    "with urllib.request.urlopen(request) as answer:",
    "    print(answer.read().decode())",
  ].join("\n");
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** JSON's texts are Python's, but for what stands outside the first plane: there a pair of escapes would be two characters. */
function literal(text: string): string {
  return JSON.stringify(text);
}

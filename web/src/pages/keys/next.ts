/** What somebody does with a new key: a first request. The key stands in a variable and in no text that is likely to be shared. */
export type Sample = "curl" | "openai" | "anthropic";

export const NEXT: { id: Sample; label: string; text: (origin: string, model: string) => string }[] = [
  {
    id: "curl",
    label: "cURL",
    text: (origin, model) =>
      [
        `read -rs LOCKGATE_API_KEY   # paste the key`,
        `curl ${origin}/v1/chat/completions \\`,
        `  -H "authorization: Bearer $LOCKGATE_API_KEY" -H 'content-type: application/json' \\`,
        `  -d '${quoted(JSON.stringify({ model, messages: [{ role: "user", content: "Say pong." }] }))}'`,
      ].join("\n"),
  },
  {
    id: "openai",
    label: "Python, openai",
    text: (origin, model) =>
      [
        "import os",
        "from openai import OpenAI",
        "",
        `client = OpenAI(base_url=${JSON.stringify(`${origin}/v1`)}, api_key=os.environ["LOCKGATE_API_KEY"])`,
        "answer = client.chat.completions.create(",
        `    model=${JSON.stringify(model)}, messages=[{"role": "user", "content": "Say pong."}]`,
        ")",
        "print(answer.choices[0].message.content)",
      ].join("\n"),
  },
  {
    id: "anthropic",
    label: "Python, anthropic",
    text: (origin, model) =>
      [
        "import os",
        "from anthropic import Anthropic",
        "",
        `client = Anthropic(base_url=${JSON.stringify(origin)}, api_key=os.environ["LOCKGATE_API_KEY"])`,
        "answer = client.messages.create(",
        `    model=${JSON.stringify(model)}, max_tokens=100, messages=[{"role": "user", "content": "Say pong."}]`,
        ")",
        "print(answer.content[0].text)",
      ].join("\n"),
  },
];

/** Within single quotes a shell reads nothing but the quote itself. */
function quoted(text: string): string {
  return text.replaceAll("'", "'\\''");
}

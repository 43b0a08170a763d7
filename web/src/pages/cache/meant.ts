/** Which entries of the cache are meant: what stands in the view's query, as the API has it and as people read it. */

export const AGES = [
  { value: "", label: "Any age" },
  { value: "3600", label: "Older than an hour" },
  { value: "86400", label: "Older than a day" },
  { value: "604800", label: "Older than a week" },
];

export interface Meant {
  provider?: string;
  ai_model?: string;
  namespace?: string;
  older_than?: string;
}
export interface Words {
  name: keyof Meant;
  label: string;
  text: string;
}

const NAMES: [keyof Meant, string][] = [
  ["provider", "Provider"],
  ["ai_model", "Model"],
  ["namespace", "Namespace"],
  ["older_than", "Age"],
];

export function meant(query: URLSearchParams): Meant {
  const said: Meant = {};
  for (const [name] of NAMES) {
    const value = query.get(name);
    if (value) said[name] = value;
  }
  return said;
}

export function words(said: Meant): Words[] {
  return NAMES.flatMap(([name, label]) => {
    const value = said[name];
    if (!value) return [];
    const age = name === "older_than" ? AGES.find((each) => each.value === value)?.label : undefined;
    return [{ name, label, text: age ?? (name === "older_than" ? `older than ${value} s` : value) }];
  });
}

/** Short messages that go by themselves. What went wrong stays until it is closed. */
export interface Toast {
  id: number;
  text: string;
  tone: "good" | "bad";
}

let last = 0;
export const toasts = $state<Toast[]>([]);

export function toast(text: string, tone: Toast["tone"] = "good"): void {
  const id = ++last;
  toasts.push({ id, text, tone });
  if (tone === "good") setTimeout(() => dismiss(id), 4000);
}

export function dismiss(id: number): void {
  const at = toasts.findIndex((each) => each.id === id);
  if (at >= 0) toasts.splice(at, 1);
}

export async function copy(text: string, what = "Copied"): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    toast(what);
  } catch {
    toast("The browser does not let this page copy. Select the text instead.", "bad");
  }
}

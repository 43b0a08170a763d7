/**
 * Where one is: a path and a query, as the address bar has them. Links are plain `<a href="/…">`; one listener takes them.
 * What a view is filtered by stands in the query, so that every view can be sent to somebody else.
 */
import { SvelteURLSearchParams } from "svelte/reactivity";

/** Paths that the gateway answers itself, and the application must leave to it. */
const SERVERS = /^\/(v1|auth|openapi\.json|metrics|assets)(\/|$)/;

class Router {
  path = $state(location.pathname);
  hash = $state(location.hash);
  readonly query = new SvelteURLSearchParams(location.search);

  constructor() {
    addEventListener("popstate", () => this.read());
    document.addEventListener("click", (event) => this.take(event));
  }

  /** Go somewhere. `replace`: without a step for "back". */
  go(url: string, replace = false): void {
    if (replace) history.replaceState(null, "", url);
    else history.pushState(null, "", url);
    const before = this.path;
    this.read();
    if (before.split("/")[1] !== this.path.split("/")[1]) scrollTo(0, 0);
  }

  /** Change members of the query; "" and null take one away. */
  set(changes: Record<string, string | null>, replace = false): void {
    this.go(this.with(changes), replace);
  }

  /** The same view with other members in its query. */
  with(changes: Record<string, string | null>, path = this.path): string {
    const query = new URLSearchParams(this.query.toString());
    for (const [name, value] of Object.entries(changes)) {
      if (value) query.set(name, value);
      else query.delete(name);
    }
    const text = query.toString();
    return text ? `${path}?${text}` : path;
  }

  private read(): void {
    this.path = location.pathname;
    this.hash = location.hash;
    const next = new URLSearchParams(location.search);
    if (next.toString() === this.query.toString()) return;
    for (const name of [...this.query.keys()]) if (!next.has(name)) this.query.delete(name);
    for (const [name, value] of next) if (this.query.get(name) !== value) this.query.set(name, value);
  }

  private take(event: MouseEvent): void {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (!link || !plain || event.defaultPrevented || link.target || link.hasAttribute("download")) return;
    if (link.origin !== location.origin || SERVERS.test(link.pathname)) return;
    event.preventDefault();
    this.go(link.pathname + link.search + link.hash);
  }
}

export const router = new Router();

/** What ids are called: keys and people, as far as one may know. */
import { SvelteMap } from "svelte/reactivity";
import { api } from "../lib/api";
import { session } from "../lib/session.svelte";

class Names {
  private known = new SvelteMap<string, string>();
  private asked = false;

  /** The name of a filter's value; the value itself where it has none. */
  of = (_filter: string, value: string): string => this.known.get(value) ?? value;

  /** Keep a name that came with something else. */
  keep(id: string | null, name: string | null): void {
    if (id && name && this.known.get(id) !== name) this.known.set(id, name);
  }

  /** Ask for the names of keys and people, once. Who may not list them sees ids. */
  learn(): void {
    if (this.asked) return;
    this.asked = true;
    void api.get("/v1/api-keys", { query: { page_size: 1000 } }).then((found) => {
      if (found.ok) for (const key of found.value.data) this.keep(key.id, key.name);
    });
    if (!session.isWhole) return;
    void api.get("/v1/admin/users", { query: { page_size: 1000 } }).then((found) => {
      if (found.ok) for (const person of found.value.data) this.keep(person.id, person.email);
    });
  }
}

export const names = new Names();

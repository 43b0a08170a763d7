/** Who is logged in, where they may look, and at which workspace they are looking. */
import { api, ask, configure, type Problem, type Result } from "./api";
import { keep, kept } from "./keep";

export interface Person {
  id: string;
  email: string;
  name: string;
  role: "owner" | "admin" | "member";
}
export type Seat = "admin" | "manager" | "member";
export interface Place {
  id: string;
  name: string;
  slug: string;
}
interface Shown {
  user: Person;
  organisation_id: string;
  workspaces: Record<string, Seat>;
  csrf: string;
}
export interface Methods {
  password: boolean;
  oidc: { name: string; title: string; path: string }[];
}

class SessionState {
  state = $state<"unknown" | "nobody" | "somebody" | "unreachable">("unknown");
  person = $state<Person | null>(null);
  seats = $state<Record<string, Seat>>({});
  places = $state<Place[]>([]);
  /** The id of the workspace that is looked at; "": all of them. */
  workspace = $state("");
  problem = $state<Problem | null>(null);

  /** Whether they act for the whole organisation. */
  get isWhole(): boolean {
    return this.person !== null && this.person.role !== "member";
  }

  /** Whether there is anything to look at for them. */
  get hasPlace(): boolean {
    return this.isWhole || this.places.length > 0;
  }

  /** Whether they manage what they are looking at. */
  get manages(): boolean {
    return this.isWhole || ["admin", "manager"].includes(this.seats[this.workspace] ?? "");
  }

  async start(): Promise<void> {
    configure({ whenLoggedOut: () => this.lose() });
    const found = await ask<Shown>("GET", "/auth/session", undefined, { quiet: true });
    if (!found.ok) {
      this.state = found.problem.status === 401 ? "nobody" : "unreachable";
      this.problem = found.problem;
      return;
    }
    await this.enter(found.value);
  }

  private async enter(shown: Shown): Promise<void> {
    configure({ csrf: shown.csrf, workspace: "" });
    this.person = shown.user;
    this.seats = shown.workspaces;
    const found = await api.get("/v1/admin/workspaces", { query: { page_size: 1000 } });
    this.places = found.ok ? (found.value.data as Place[]).map(({ id, name, slug }) => ({ id, name, slug })) : [];
    const before = kept<string>("workspace", "");
    const known = this.places.some((place) => place.id === before);
    this.look(known ? before : this.isWhole ? "" : (this.places.at(-1)?.id ?? ""));
    this.problem = null;
    this.state = "somebody";
  }

  /** Where something new is made unless one says otherwise: what is looked at, or the workspace that was there first. */
  get home(): string {
    return this.workspace || (this.places.at(-1)?.id ?? "");
  }

  /** Look at a workspace; "": at all of them. */
  look(workspace: string): void {
    this.workspace = workspace;
    configure({ workspace });
    keep("workspace", workspace);
  }

  async logIn(email: string, password: string): Promise<Result<unknown>> {
    return this.begun(await ask<{ csrf: string }>("POST", "/auth/login", { email, password }, { quiet: true }));
  }

  async beFirst(said: { key: string; email: string; password: string; name: string }): Promise<Result<unknown>> {
    return this.begun(await ask<{ csrf: string }>("POST", "/auth/first", said, { quiet: true }));
  }

  /** All sessions end, and another begins here. */
  async changePassword(old: string, wanted: string): Promise<Result<unknown>> {
    return this.begun(await ask<{ csrf: string }>("POST", "/auth/password", { old, new: wanted }, { quiet: true }));
  }

  private async begun(result: Result<{ csrf: string }>): Promise<Result<unknown>> {
    if (result.ok) await this.start();
    return result;
  }

  async logOut(everywhere = false): Promise<void> {
    await ask("POST", "/auth/logout", { everywhere }, { quiet: true });
    this.lose();
  }

  private lose(): void {
    configure({ csrf: "", workspace: "" });
    this.person = null;
    this.places = [];
    this.state = "nobody";
  }
}

export const session = new SessionState();

/**
 * Every page: where it is, what it is called, and who sees it in the navigation. A new page is a component in `pages/` and a row
 * here. `:name` in a path is a hole, and a hole at its end may be empty (`/logs/:id?`).
 */
import type { Component } from "svelte";
import type { session } from "./lib/session.svelte";
import type { IconName } from "./ui/Icon.svelte";

export type Params = Record<string, string>;
/** It is given `params`; one that has no use for what stands in its path declares none. */
type PageComponent = Component<any>;

export interface Page {
  path: string;
  title: string;
  icon: IconName;
  section: string;
  load: () => Promise<{ default: PageComponent }>;
  /** Who has something to do there; everybody, if it is not said. What they may do, the gateway decides. */
  who?: (who: typeof session) => boolean;
}

export const PAGES: Page[] = [
  {
    path: "/",
    title: "Overview",
    icon: "overview",
    section: "Observe",
    load: () => import("./pages/Overview.svelte"),
  },
  {
    path: "/logs/:id?",
    title: "Logs",
    icon: "logs",
    section: "Observe",
    load: () => import("./pages/logs/Logs.svelte"),
  },
  {
    path: "/traces/:id?",
    title: "Traces",
    icon: "traces",
    section: "Observe",
    load: () => import("./pages/traces/Traces.svelte"),
  },
  {
    path: "/cache/:id?",
    title: "Cache",
    icon: "cache",
    section: "Observe",
    load: () => import("./pages/cache/Cache.svelte"),
  },
  {
    path: "/playground",
    title: "Playground",
    icon: "playground",
    section: "Build",
    load: () => import("./pages/playground/Playground.svelte"),
  },
  {
    path: "/models/:slug?",
    title: "Models & providers",
    icon: "models",
    section: "Route",
    load: () => import("./pages/models/Models.svelte"),
  },
  {
    path: "/configs/:slug?",
    title: "Configs",
    icon: "configs",
    section: "Route",
    load: () => import("./pages/configs/Configs.svelte"),
  },
  {
    path: "/keys/:id?",
    title: "Keys",
    icon: "keys",
    section: "Govern",
    load: () => import("./pages/keys/Keys.svelte"),
  },
  {
    path: "/budgets/:id?",
    title: "Budgets & limits",
    icon: "budgets",
    section: "Govern",
    load: () => import("./pages/budgets/Budgets.svelte"),
  },
  {
    path: "/people/:id?",
    title: "People",
    icon: "users",
    section: "Organisation",
    load: () => import("./pages/people/People.svelte"),
  },
  {
    path: "/workspaces/:id?",
    title: "Workspaces",
    icon: "workspace",
    section: "Organisation",
    load: () => import("./pages/workspaces/Workspaces.svelte"),
  },
  {
    path: "/audit/:seq?",
    title: "Audit log",
    icon: "audit",
    section: "Organisation",
    load: () => import("./pages/audit/Audit.svelte"),
    who: (who) => who.manages,
  },
  {
    path: "/settings/:tab?",
    title: "Settings",
    icon: "settings",
    section: "Organisation",
    load: () => import("./pages/settings/Settings.svelte"),
  },
];

/** Where a page begins: its path without holes. */
export function root(page: Page): string {
  return page.path.replace(/\/:.*$/, "") || "/";
}

/** The page of a path, with what stands in its holes. */
export function find(path: string): { page: Page; params: Params } | null {
  for (const page of PAGES) {
    const params = match(page.path, path);
    if (params) return { page, params };
  }
  return null;
}

/** What stands in the holes of a pattern; null where the path is another. */
export function match(pattern: string, path: string): Params | null {
  const [wanted, given] = [pattern.split("/").filter(Boolean), path.split("/").filter(Boolean)];
  const params: Params = {};
  if (given.length > wanted.length) return null;
  for (const [n, part] of wanted.entries()) {
    const said = given[n];
    if (part.startsWith(":")) {
      if (said === undefined && !part.endsWith("?")) return null;
      if (said !== undefined) params[part.replace(/[:?]/g, "")] = decode(said);
    } else if (part !== said) return null;
  }
  return params;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

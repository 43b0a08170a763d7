/** Roles, in the organisation and in a workspace, and what they may do: as docs/admin.md has it. */
import type { Person, Seat } from "../../lib/session.svelte";

export type Role = Person["role"];

const ROLES: Record<Role, string> = { member: "Member", admin: "Admin", owner: "Owner" };
const SEATS: Record<Seat, string> = { member: "Member", manager: "Manager", admin: "Admin" };

/** Roles that somebody can give: none above their own. `kept` is one that is there already. */
export function roles(giver: Role | undefined, kept?: Role): { value: string; label: string }[] {
  const may = (role: Role) => role !== "owner" || giver === "owner" || kept === "owner";
  return (Object.keys(ROLES) as Role[]).filter(may).map((value) => ({ value, label: ROLES[value] }));
}

/** Roles in a workspace that somebody can give, who is this there; who acts for the organisation gives all. */
export function seats(giver: Seat | "whole" | undefined, kept?: Seat): { value: string; label: string }[] {
  const order: Seat[] = ["member", "manager", "admin"];
  const most = giver === "whole" ? 2 : giver ? order.indexOf(giver) : -1;
  return order.filter((role, n) => n <= most || role === kept).map((value) => ({ value, label: SEATS[value] }));
}

export const MAY: { what: string; from: "member" | "manager" | "admin" | "organisation" }[] = [
  { what: "See the workspace, its people, configs, providers and logs", from: "member" },
  { what: "Have keys of their own", from: "member" },
  { what: "Keys, configs and providers of the workspace, and its people", from: "manager" },
  { what: "See what was done in the workspace", from: "manager" },
  { what: "Forget answers of the cache, replay and export requests", from: "manager" },
  { what: "Name, description and defaults of the workspace", from: "admin" },
  { what: "What the workspace may use, and what is kept of it", from: "organisation" },
  { what: "Workspaces, invitations, people, the organisation", from: "organisation" },
];
export const COLUMNS: { id: (typeof MAY)[number]["from"]; label: string }[] = [
  { id: "member", label: "Member" },
  { id: "manager", label: "Manager" },
  { id: "admin", label: "Admin" },
  { id: "organisation", label: "Admin or owner of the organisation" },
];

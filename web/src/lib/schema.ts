// Written by web/schema.py from the gateway's own description of its admin API. Not edited by hand.

/** Whether an account may be used where nothing else is said, how much of it, and which of its models (null: all). */
export interface Access {
  enabled: boolean;
  usage_limits: ShownUsageLimits[] | null;
  rate_limits: RateLimits[] | null;
  models: string[] | null;
}

/** The same for every workspace of which nothing else is said. */
export interface AccessBody {
  enabled: boolean;
  usage_limits: UsageLimits[] | UsageLimits | null;
  rate_limits: RateLimits[] | RateLimits | null;
  models?: string[] | null;
}

/** Something that an account is known by: a member of `configurations` (or of its `params`). `pattern` is what a value must match as a whole ("": anything), `default` what holds where nothing is said. */
export interface AccountField {
  name: string;
  label: string;
  secret: boolean;
  required: boolean;
  pattern: string;
  default: string;
  long: boolean;
}

/** Alerts: what is looked for, who is told, and what became of the newest. `thresholds`: percent of each budget at which it is told. `mail`: by which server it leaves, null: none. */
export interface AlertSettings {
  thresholds: number[];
  rules: ShownRule[];
  channels: ShownChannel[];
  mail: string | null;
  told: ShownTelling[];
  declared_in: string | null;
  object: "alert-settings";
}

/** How much it is, and for each request. `unpriced`: requests whose cost is not known and not in it. */
export interface Amount {
  total: number;
  avg: number;
  unpriced: number;
}

/** How much it is in a step, and for each request. */
export interface AmountPoint {
  timestamp: string;
  total: number;
  avg: number;
}

/** A change. `user_type`: "user" and "api_key" came by this API, "cli" by a command on the machine, "system" by itself. `seq`: its place in the chain. */
export interface AuditRecord {
  seq: number;
  timestamp: string | null;
  method: string | null;
  uri: string | null;
  request_id: string | null;
  request_body: Record<string, unknown>;
  query_params: Record<string, string>;
  request_headers: Record<string, string>;
  user_id: string | null;
  user_name: string | null;
  user_type: string;
  organisation_id: string;
  workspace_id: string | null;
  response_status_code: number;
  resource_type: string;
  resource_id: string;
  action: string;
  client_ip: string | null;
  country: string | null;
}

/** `records` is the page that was asked for; `total` counts all, null after a `cursor`, where nobody reads to the end. `next_cursor` null: that is the last page. */
export interface AuditRecords {
  records: AuditRecord[];
  total: number | null;
  next_cursor: string | null;
}

/** The mean of something. */
export interface Average {
  avg: number;
}

/** The mean of something in a step. */
export interface AveragePoint {
  timestamp: string;
  avg: number;
}

/** The most: `max_age` in seconds (None: whatever is asked for); `off`: nothing at all. */
export interface CacheCap {
  max_age: number | null;
  off: boolean;
}

/** What the cache did. */
export interface CacheSummary {
  summary: Summary;
  object: "analytics-summary";
}

/** What is to be changed of a key; null takes a limit, an expiry or a policy away. `reset_usage`: its budget begins anew. */
export interface ChangedApiKey {
  id: string;
  name?: string;
  description?: string;
  scopes?: string[];
  models?: string[];
  defaults?: DefaultsBody | null;
  usage_limits?: UsageLimits | null;
  rate_limits?: RateLimits[] | null;
  alert_emails?: string[] | null;
  capture?: "full" | "metadata" | "off" | null;
  redact?: RedactionBody | null;
  expires_at?: string | null;
  rotation_policy?: RotationPolicy | null;
  reset_usage?: boolean | null;
}

/** What is to be changed of a config. Another `config` is another version of it. */
export interface ChangedConfig {
  slug: string;
  name?: string;
  config?: Record<string, unknown>;
  status?: "active" | "archived";
  is_default: number | boolean | null;
  isDefault: number | boolean | null;
}

/** What is to be changed of defaults; `config_id` null: none. */
export interface ChangedDefaults {
  metadata?: Record<string, string>;
  config_id?: string | null;
  allow_config_override?: boolean;
}

/** What is wanted instead; what is left out stays. */
export interface ChangedExport {
  filters?: Record<string, unknown> | null;
  requested_data?: string[] | null;
  workspace_id: string | null;
  description?: string | null;
  format?: "csv" | "jsonl" | "parquet";
}

/** What is said instead; what is left out stays. */
export interface ChangedFeedback {
  value?: number;
  weight?: number;
  metadata?: Record<string, unknown> | null;
}

/** What is to be changed of an account. `configurations` stand instead of those before; of those that are secret, one stays that is left out or written as it is shown, and goes when it is null. An account that moves to another address needs its secrets again. */
export interface ChangedIntegration {
  name?: string;
  description?: string | null;
  key?: string | null;
  configurations?: Record<string, unknown>;
  secret_mappings?: SecretMappingBody[] | null;
  tags?: Record<string, string> | null;
  pricing_adjustments?: Record<string, unknown> | null;
  status?: "active" | "archived";
}

/** What someone becomes. */
export interface ChangedMember {
  user_id: string;
  role: "admin" | "manager" | "member";
}

/** What is said of some models; of the others, what was said before holds. `allow_all_models`: whether those may be used of which nothing is said. */
export interface ChangedModels {
  models: ModelBody[];
  allow_all_models: boolean | null;
}

/** What is to be changed of the organisation; null takes limits away. `reset_usage`: its budgets begin anew. `cache`: the most that configs of all its workspaces may ask of the cache, false for nothing. */
export interface ChangedOrganisation {
  name?: string;
  usage_limits?: UsageLimits[] | null;
  rate_limits?: RateLimits[] | null;
  reset_usage?: boolean | null;
  cache?: boolean | CacheCap | null;
}

/** What is to be changed of a provider; null takes a limit or an expiry away. */
export interface ChangedProvider {
  slug: string;
  workspace_id: string;
  name?: string;
  note?: string | null;
  usage_limits?: UsageLimits[] | UsageLimits | null;
  rate_limits?: RateLimits[] | RateLimits | null;
  expires_at?: string | null;
  reset_usage: boolean | null;
  model_config: unknown;
}

/** What is to be changed of a rate. */
export interface ChangedRatePolicy {
  conditions?: Condition[];
  group_by?: GroupBy[];
  type?: "concurrent" | "requests" | "tokens";
  unit?: "rpd" | "rph" | "rpm" | "rps" | "rpw";
  value?: number;
  deny?: boolean;
  name?: string;
  status?: "active" | "paused";
  workspace_id: string;
}

/** What is to be changed. `auth_config` is merged with what was said before: null takes a member away. */
export interface ChangedSecretReference {
  name?: string;
  description?: string | null;
  manager_type?: "aws_sm" | "azure_kv" | "file" | "hashicorp_vault";
  auth_config?: Record<string, unknown>;
  secret_path?: string;
  secret_key?: string | null;
  allow_all_workspaces?: boolean;
  allowed_workspaces?: string[] | null;
  tags?: Record<string, string> | null;
}

/** What is to be changed of a budget; null takes a threshold or a period away. */
export interface ChangedUsagePolicy {
  conditions?: Condition[];
  group_by?: GroupBy[];
  type?: "cost" | "requests" | "tokens";
  credit_limit?: number;
  name?: string;
  alert_threshold?: number | null;
  periodic_reset?: "daily" | "monthly" | "weekly" | null;
  periodic_reset_days?: number | null;
  next_usage_reset_at?: string | null;
  time_zone?: string;
  soft?: boolean;
  status?: "active" | "paused";
  workspace_id: string;
}

/** What is to be changed of a person. Who is `disabled` cannot log in, and their keys are refused. `reset_usage`: their budgets begin anew. */
export interface ChangedUser {
  name?: string;
  role?: "admin" | "member" | "owner";
  status?: "active" | "disabled";
  usage_limits?: UsageLimits[] | null;
  rate_limits?: RateLimits[] | null;
  reset_usage?: boolean | null;
}

/** What is to be changed of a provider, or of the account behind it; null takes a limit or an expiry away. */
export interface ChangedVirtualKey {
  configurations: Record<string, unknown> | null;
  resourceName: string | null;
  deploymentName: string | null;
  apiVersion: string | null;
  deploymentConfig: Deployment[] | null;
  slug: string;
  workspace_id: string;
  name?: string;
  note?: string | null;
  key: string | null;
  usage_limits?: UsageLimits[] | UsageLimits | null;
  rate_limits?: RateLimits[] | RateLimits | null;
  expires_at?: string | null;
  reset_usage: boolean | null;
}

/** What is to be changed of a workspace; null takes away. Of `defaults`, too, what is not said stays as it is. `reset_usage`: its budgets begin anew. */
export interface ChangedWorkspace {
  name?: string;
  description?: string | null;
  defaults?: ChangedDefaults | null;
  usage_limits?: UsageLimits[] | null;
  rate_limits?: RateLimits[] | null;
  reset_usage?: boolean | null;
  capture?: "full" | "metadata" | "off" | null;
  redact?: RedactionBody | null;
  cache?: boolean | CacheCap | null;
}

/** Which workspaces may use an account of the organisation. With `override_existing_workspace_access`, what is said for all holds for every workspace that is not among `workspaces`. */
export interface ChangedWorkspaces {
  workspaces: WorkspaceBody[];
  global_workspace_access: AccessBody | null;
  override_existing_workspace_access: boolean;
  override_existing_workspaces_access: boolean;
  create_default_provider: boolean;
  default_provider_slug: string | null;
}

/** What is wrong with a config; `ok`: nothing. */
export interface Checked {
  ok: boolean;
  mistakes: ConfigMistake[];
}

/** A config that is to be checked and not saved. */
export interface CheckedConfig {
  config: Record<string, unknown>;
  workspace_id: string;
}

/** One target's circuit under one policy (a text; the same target may have several). `place` is the workspace whose own the provider is ("": everybody's). `since_s`: how long it has been so; `left_s`: how long no request passes, 0: one may. */
export interface Circuit {
  place: string;
  provider: string;
  model: string;
  policy: string;
  state: "closed" | "half-open" | "open";
  since_s: number;
  left_s: number;
}

/** How often an error's status was answered. */
export interface CodePoint {
  status_code: number;
  count: number;
}

/** Errors, and how many statuses they have. */
export interface CodeTotals {
  total_errors: number;
  unique_error_codes: number;
}

/** What stands at `key` is `value`, or one of several, "*" being a part of any kind; with `excludes`, none of them is. */
export interface Condition {
  key: string;
  value: string | string[];
  excludes: boolean;
}

/** A config, as it holds now. */
export interface ConfigData {
  id: string;
  name: string;
  slug: string;
  organisation_id: string;
  workspace_id: string | null;
  is_default: number;
  status: "active" | "archived";
  owner_id: string | null;
  updated_by: string | null;
  created_at: string | null;
  last_updated_at: string | null;
  declared_in: string | null;
  object: "config";
  config: Record<string, unknown>;
  version_id: string;
  format: "json";
  type: "ORG_CONFIG";
}

/** What is wrong, and where ("config.targets[0].weight"). */
export interface ConfigMistake {
  path: string;
  message: string;
}

/** A config without what it says. `declared_in`: where it is declared, if it is not stored. */
export interface ConfigSummary {
  id: string;
  name: string;
  slug: string;
  organisation_id: string;
  workspace_id: string | null;
  is_default: number;
  status: "active" | "archived";
  owner_id: string | null;
  updated_by: string | null;
  created_at: string | null;
  last_updated_at: string | null;
  declared_in: string | null;
  object: "config";
}

/** What all tokens cost from more than so many input tokens on. */
export interface ContextTier {
  above_input_tokens: number;
  pay_as_you_go: Record<string, unknown>;
}

/** What was asked, and answered. `problem`: why some of it is not there. */
export interface Conversation {
  object: "conversation";
  turns: ShownTurn[];
  replies: ShownTurn[];
  tools: ShownTool[];
  problem: string | null;
}

/** `units` × `price` (USD for so many, `per`) = `amount` in cents. `attempt`: the number of the one that was charged so; null: the answer's. */
export interface CostLine {
  attempt: number | null;
  provider: string;
  ai_model: string;
  kind: string;
  units: number;
  price: number;
  per: number;
  amount: number;
}

/** How the cost comes about, by the prices that hold for its time: the lines add up to `total` (null: it is not known, `note` says why). `is_exact`: that is what was charged; if not, the prices have been corrected since. */
export interface CostShown {
  lines: CostLine[];
  total: number | null;
  price_version: string | null;
  note: string | null;
  is_exact: boolean;
}

/** What holds for requests that do not say it: `config_id` is the slug of a config. */
export interface DefaultsBody {
  metadata: Record<string, string>;
  config_id: string | null;
  allow_config_override: boolean;
}

/** A deployment at Azure, as virtual keys say it. */
export interface Deployment {
  deploymentName: string;
  apiVersion: string | null;
  alias: string | null;
  is_default: boolean | null;
}

/** Done, and there is nothing to tell. */
export interface Empty {
}

/** What a policy counts apart, with what was used of its budget since it last began anew: in US dollars for a cost. */
export interface Entity {
  id: string;
  value_key: string;
  current_usage: number;
  status: "active" | "exhausted";
  object: "policy_usage_limits_entity";
}

/** Every answer that is no success. */
export interface Error {
  success: boolean;
  data: ErrorDetail;
  error: ErrorMember;
}

/** What went wrong, by Portkey's code (AB01 and so on) and our own, and the member at fault. */
export interface ErrorDetail {
  message: string;
  errorCode: string;
  code: string;
  param: string | null;
}

/** The same, as SDKs look for it. */
export interface ErrorMember {
  message: string;
  type: string;
  code: string;
  param: string | null;
}

/** A request to be explained: its `body`, as it would be sent to `path` with `headers`; by `config`, a slug or a config that is not saved yet; `fail`: how its targets fail, by status or class, one after the other. */
export interface ExplainAsked {
  body: Record<string, unknown>;
  config: Record<string, unknown> | string | null;
  path: string;
  headers: Record<string, string>;
  fail: (number | string)[];
  workspace_id: string;
}

/** The gateway. `root_keys`: where those are that seal what is stored. `egress`, `trusted_proxies`: as they are declared. */
export interface GatewaySettings {
  version: string;
  python: string;
  revision: string;
  config: string | null;
  data: string;
  root_keys: "environment" | "file";
  stores: ShownPlace[];
  sinks: ShownSink[];
  egress: string[];
  trusted_proxies: string[];
  object: "gateway-settings";
}

/** A line: its points in the order of time, or of their size, and what they come to together. */
export interface Graph_Amount__AmountPoint {
  summary: Amount;
  data_points: AmountPoint[];
  object: "analytics-graph";
}

/** A line: its points in the order of time, or of their size, and what they come to together. */
export interface Graph_Average__AveragePoint {
  summary: Average;
  data_points: AveragePoint[];
  object: "analytics-graph";
}

/** A line: its points in the order of time, or of their size, and what they come to together. */
export interface Graph_CodeTotals__CodePoint {
  summary: CodeTotals;
  data_points: CodePoint[];
  object: "analytics-graph";
}

/** A line: its points in the order of time, or of their size, and what they come to together. */
export interface Graph_Hits__HitsPoint {
  summary: Hits;
  data_points: HitsPoint[];
  object: "analytics-graph";
}

/** A line: its points in the order of time, or of their size, and what they come to together. */
export interface Graph_PerUser__AveragePoint {
  summary: PerUser;
  data_points: AveragePoint[];
  object: "analytics-graph";
}

/** A line: its points in the order of time, or of their size, and what they come to together. */
export interface Graph_Rate__RatePoint {
  summary: Rate;
  data_points: RatePoint[];
  object: "analytics-graph";
}

/** A line: its points in the order of time, or of their size, and what they come to together. */
export interface Graph_Rescued__RescuedPoint {
  summary: Rescued;
  data_points: RescuedPoint[];
  object: "analytics-graph";
}

/** A line: its points in the order of time, or of their size, and what they come to together. */
export interface Graph_Scores__ScorePoint {
  summary: Scores;
  data_points: ScorePoint[];
  object: "analytics-graph";
}

/** A line: its points in the order of time, or of their size, and what they come to together. */
export interface Graph_Times__TimesPoint {
  summary: Times;
  data_points: TimesPoint[];
  object: "analytics-graph";
}

/** A line: its points in the order of time, or of their size, and what they come to together. */
export interface Graph_Total__StackPoint {
  summary: Total;
  data_points: StackPoint[];
  object: "analytics-graph";
}

/** A line: its points in the order of time, or of their size, and what they come to together. */
export interface Graph_Total__TotalPoint {
  summary: Total;
  data_points: TotalPoint[];
  object: "analytics-graph";
}

/** A line: its points in the order of time, or of their size, and what they come to together. */
export interface Graph_dict_str__int___ModelFeedback {
  summary: Record<string, number>;
  data_points: ModelFeedback[];
  object: "analytics-graph";
}

/** What stands at `key` is counted apart from what else may stand there. */
export interface GroupBy {
  key: string;
}

/** Hits of the cache, and their share of all requests in percent. */
export interface Hits {
  total: number;
  rate: number;
}

/** Those of a step; and what all until then have saved, in cents. */
export interface HitsPoint {
  timestamp: string;
  simple_hits: number;
  semantic_hits: number;
  rate: number;
  cumulative_simple_cache_savings: number;
  cumulative_semantic_cache_savings: number;
}

/** Who may come in. `public_url` null: the dashboard answers on the machine itself alone. */
export interface IdentitySettings {
  public_url: string | null;
  passwords: boolean;
  oidc: ShownOidc[];
  jwt: ShownIssuer[];
  session_hours: number;
  declared_in: string | null;
  object: "identity-settings";
}

/** Whether a workspace may use an account, how much of it, and which of its models (null: all). */
export interface IntegrationShapesShownWorkspace {
  id: string;
  enabled: boolean;
  usage_limits: ShownUsageLimits[] | null;
  rate_limits: RateLimits[] | null;
  models: string[] | null;
}

/** An account, without what it is known by. Without `workspace_id`, it is the organisation's. */
export interface IntegrationSummary {
  id: string;
  slug: string;
  name: string;
  description: string | null;
  ai_provider_id: string;
  organisation_id: string;
  workspace_id: string | null;
  type: "organisation" | "workspace";
  status: "active" | "archived";
  created_at: string | null;
  last_updated_at: string | null;
  object: "integration";
}

/** A key that came with an invitation; `key` is shown this once. */
export interface InvitesKey {
  id: string;
  workspace_id: string;
  key: string;
  object: "api-key";
}

/** Who somebody is from now on. */
export interface Joined {
  id: string;
  email: string;
  name: string;
  role: "admin" | "member" | "owner";
  api_keys: InvitesKey[];
  object: "user";
}

/** What was kept, by its ids. */
export interface KeptFeedback {
  status: "success";
  message: string;
  feedback_ids: string[];
}

/** Of the keys that are made when an invitation is accepted: one in each of its workspaces, with these scopes. */
export interface KeyDetails {
  scopes: string[];
}

/** A model of the catalogue. Prices in US cents for a million tokens, null: not known, or not charged by tokens; `listed`: by somebody's list, and not what requests are charged by. Sizes in tokens. */
export interface KnownModel {
  provider: string;
  name: string;
  title: string;
  input: number | null;
  output: number | null;
  listed: boolean;
  context: number | null;
  most_output: number | null;
  inputs: string[];
  outputs: string[];
  features: string[];
  retired: boolean;
}

/** A provider that Lockgate knows. `key`: whether it wants one; `base_url`: where it is, "" where everybody has an address of their own; `talks`: whether it has a chat. */
export interface KnownProvider {
  slug: string;
  name: string;
  kind: string;
  docs: string;
  base_url: string;
  key: "needed" | "none" | "possible";
  talks: boolean;
  fields: AccountField[];
  notes: string[];
}

/** Where the file is to be had, by whoever knows this. */
export interface Link {
  signed_url: string;
  expires_at: string | null;
}

/** A list: `total` counts all, `data` is the page that was asked for. */
export interface Listing_Entity {
  object: "list";
  total: number;
  data: Entity[];
}

/** A list: `total` counts all, `data` is the page that was asked for. */
export interface Listing_IntegrationSummary {
  object: "list";
  total: number;
  data: IntegrationSummary[];
}

/** A list: `total` counts all, `data` is the page that was asked for. */
export interface Listing_KnownModel {
  object: "list";
  total: number;
  data: KnownModel[];
}

/** A list: `total` counts all, `data` is the page that was asked for. */
export interface Listing_KnownProvider {
  object: "list";
  total: number;
  data: KnownProvider[];
}

/** A list: `total` counts all, `data` is the page that was asked for. */
export interface Listing_Pace {
  object: "list";
  total: number;
  data: Pace[];
}

/** A list: `total` counts all, `data` is the page that was asked for. */
export interface Listing_PromptCacheUse {
  object: "list";
  total: number;
  data: PromptCacheUse[];
}

/** A list: `total` counts all, `data` is the page that was asked for. */
export interface Listing_ShownApiKey {
  object: "list";
  total: number;
  data: ShownApiKey[];
}

/** A list: `total` counts all, `data` is the page that was asked for. */
export interface Listing_ShownEntry {
  object: "list";
  total: number;
  data: ShownEntry[];
}

/** A list: `total` counts all, `data` is the page that was asked for. */
export interface Listing_ShownExport {
  object: "list";
  total: number;
  data: ShownExport[];
}

/** A list: `total` counts all, `data` is the page that was asked for. */
export interface Listing_ShownInvite {
  object: "list";
  total: number;
  data: ShownInvite[];
}

/** A list: `total` counts all, `data` is the page that was asked for. */
export interface Listing_ShownMember {
  object: "list";
  total: number;
  data: ShownMember[];
}

/** A list: `total` counts all, `data` is the page that was asked for. */
export interface Listing_ShownProvider {
  object: "list";
  total: number;
  data: ShownProvider[];
}

/** A list: `total` counts all, `data` is the page that was asked for. */
export interface Listing_ShownRatePolicy {
  object: "list";
  total: number;
  data: ShownRatePolicy[];
}

/** A list: `total` counts all, `data` is the page that was asked for. */
export interface Listing_ShownRepricing {
  object: "list";
  total: number;
  data: ShownRepricing[];
}

/** A list: `total` counts all, `data` is the page that was asked for. */
export interface Listing_ShownSecretReference {
  object: "list";
  total: number;
  data: ShownSecretReference[];
}

/** A list: `total` counts all, `data` is the page that was asked for. */
export interface Listing_ShownUsagePolicy {
  object: "list";
  total: number;
  data: ShownUsagePolicy[];
}

/** A list: `total` counts all, `data` is the page that was asked for. */
export interface Listing_ShownUser {
  object: "list";
  total: number;
  data: ShownUser[];
}

/** A list: `total` counts all, `data` is the page that was asked for. */
export interface Listing_ShownVersion {
  object: "list";
  total: number;
  data: ShownVersion[];
}

/** A list: `total` counts all, `data` is the page that was asked for. */
export interface Listing_ShownVirtualKey {
  object: "list";
  total: number;
  data: ShownVirtualKey[];
}

/** A list: `total` counts all, `data` is the page that was asked for. */
export interface Listing_ShownWorkspace {
  object: "list";
  total: number;
  data: WorkspaceShapesShownWorkspace[];
}

/** A list: `total` counts all, `data` is the page that was asked for. */
export interface Listing_dict_str__Any {
  object: "list";
  total: number;
  data: Record<string, unknown>[];
}

/** A record with its bodies: as JSON, or as the text that they are. `transformed_request` is what the provider was sent, and `upstream_response` what it said, where these are not the caller's own; `is_truncated`: a body is not whole, or not kept. */
export interface LogDetail {
  id: string;
  object: "log";
  created_at: string;
  trace_id: string | null;
  span_id: string | null;
  parent_span_id: string | null;
  span_name: string | null;
  source: string;
  organisation_id: string | null;
  workspace_id: string | null;
  user_id: string | null;
  api_key_id: string | null;
  api_key_name: string | null;
  config: string | null;
  provider: string | null;
  ai_org: string | null;
  model_asked: string | null;
  ai_model: string | null;
  operation: string | null;
  path: string | null;
  stream: boolean;
  status_code: number | null;
  outcome: string;
  is_success: boolean;
  finish: string | null;
  error_code: string | null;
  error: string | null;
  tokens: ShownTokens | null;
  cost: number | null;
  cost_note: string | null;
  latency: number;
  time_to_first_token: number | null;
  longest_gap: number | null;
  gateway_time: number;
  cache_status: string | null;
  cached_id: string | null;
  cached_age: number | null;
  cache_note: string | null;
  cache_match: Match | null;
  saved: number;
  saved_time: number;
  attempt_count: number;
  metadata: Record<string, string>;
  model_sent: string | null;
  model_served: string | null;
  target: string | null;
  gear: string | null;
  dialect: string | null;
  provider_dialect: string | null;
  decisions: ShownDecision[];
  attempts: ShownAttempt[];
  losses: string[];
  usage: Record<string, unknown> | null;
  usage_source: string;
  price_version: string | null;
  cost_arithmetic: CostShown | null;
  downgraded_from: string | null;
  bytes_in: number;
  bytes_out: number;
  revision: string | null;
  feedback: ShownFeedback[];
  is_truncated: boolean;
  request: unknown;
  transformed_request: unknown;
  upstream_response: unknown;
  response: unknown;
}

/** A page, newest first; `next_cursor` null: it is the last. `total` null: nobody asked. */
export interface LogPage {
  object: "list";
  data: LogRow[];
  next_cursor: string | null;
  total: number | null;
}

/** A record without its bodies. `cost` null: it is not known (`cost_note` says why), or nothing was used. Of an answer from the cache: the request that it was the answer of (`cached_id`), how old it was then, how one was found that is not the same to the byte (`cache_note`, `cache_match`), what it has `saved`, and `saved_time`: what that request had taken. */
export interface LogRow {
  id: string;
  object: "log";
  created_at: string;
  trace_id: string | null;
  span_id: string | null;
  parent_span_id: string | null;
  span_name: string | null;
  source: string;
  organisation_id: string | null;
  workspace_id: string | null;
  user_id: string | null;
  api_key_id: string | null;
  api_key_name: string | null;
  config: string | null;
  provider: string | null;
  ai_org: string | null;
  model_asked: string | null;
  ai_model: string | null;
  operation: string | null;
  path: string | null;
  stream: boolean;
  status_code: number | null;
  outcome: string;
  is_success: boolean;
  finish: string | null;
  error_code: string | null;
  error: string | null;
  tokens: ShownTokens | null;
  cost: number | null;
  cost_note: string | null;
  latency: number;
  time_to_first_token: number | null;
  longest_gap: number | null;
  gateway_time: number;
  cache_status: string | null;
  cached_id: string | null;
  cached_age: number | null;
  cache_note: string | null;
  cache_match: Match | null;
  saved: number;
  saved_time: number;
  attempt_count: number;
  metadata: Record<string, string>;
}

/** The log. `store` is its kind, `address` where it is; `bodies`: where bodies are, if not in the log. `size` in bytes and `days` of what is there; null where that is a server's to tell. `spool_bytes` may wait for it, `waiting_bytes` do. `text`: it is searched by words. `capture` and `redact` hold for everything, `declared_capture` and `declared_redact` for all that the file declares. */
export interface LogSettings {
  store: string;
  address: string;
  bodies: string | null;
  size: number | null;
  days: number | null;
  free_bytes: number | null;
  retention_days: number;
  capture: "full" | "metadata" | "off";
  redact: Redaction;
  declared_capture: "full" | "metadata" | "off";
  declared_redact: Redaction;
  body_limit: number;
  spool_bytes: number;
  waiting_bytes: number;
  text: boolean;
  declared_in: string | null;
  object: "log-settings";
}

/** A key that was made, with its text, which is not shown again. */
export interface MadeApiKey {
  id: string;
  key: string;
  object: "api-key";
}

/** The same, in both envelopes. */
export interface MadeConfig {
  id: string;
  version_id: string;
  slug: string;
  object: "config";
  success: boolean;
  data: MadeConfigData;
}

/** A config that was saved, and its version. */
export interface MadeConfigData {
  id: string;
  version_id: string;
  slug: string;
  object: "config";
}

/** Its id, and how many records there are now. */
export interface MadeExport {
  id: string;
  total: number;
  object: "export";
}

/** An account that was set up. */
export interface MadeIntegration {
  id: string;
  slug: string;
  object: "integration";
}

/** An invitation, and its link, which is shown this once. */
export interface MadeInvite {
  id: string;
  invite_link: string;
}

/** A provider that was made or changed. */
export interface MadeProvider {
  id: string;
  slug: string;
  object: "provider";
}

/** A rate that was set or changed. */
export interface MadeRatePolicy {
  id: string;
  object: "policy_rate_limits";
}

/** A reference that was made. */
export interface MadeSecretReference {
  id: string;
  slug: string;
  object: "secret-reference";
}

/** A budget that was set or changed. */
export interface MadeUsagePolicy {
  id: string;
  object: "policy_usage_limits";
}

/** A provider that was made or changed. */
export interface MadeVirtualKey {
  id: string;
  slug: string;
  object: "virtual-key";
}

/** A workspace that was made, with who has a place in it. */
export interface MadeWorkspace {
  id: string;
  slug: string;
  name: string;
  description: string | null;
  organisation_id: string;
  created_at: string | null;
  last_updated_at: string | null;
  defaults: DefaultsBody;
  usage_limits: ShownUsageLimits[];
  rate_limits: RateLimits[];
  capture: "full" | "metadata" | "off";
  redact: RedactionBody | null;
  cache: ShownCacheCap;
  is_default: number;
  object: "workspace";
  users: Seated[];
}

/** How the answer to other words was found: by a level (`policy.caching.LEVELS`), for the words of the request `id`. What has judged words as alike: the `cosine` of their vectors, the verifier's `score` and the `least` that was asked for; `checks` are what could have spoken against it and did not. (The words are in that request's body.) `shadow`: it was not given, the provider was asked; then `answers` says how the two compare, and `alike` is the cosine of their texts. */
export interface Match {
  level: string;
  id: string;
  score: number | null;
  least: number | null;
  cosine: number | null;
  checks: string[];
  shadow: boolean;
  answers: "" | "canonical" | "equal" | "other";
  alike: number | null;
}

/** A model without a price. `name` is what it is called in `prices` of the configuration, `members` what its price must say there; `priced_now`: a price has come since, and repricing sets what its requests cost. */
export interface Missing {
  provider: string;
  model: string;
  requests: number;
  tokens: number;
  name: string;
  members: string[];
  priced_now: boolean;
}

/** A model of an account: whether it may be used, and what it costs if that is not what the catalogue says. `is_custom`: the catalogue does not know it; it costs what `base_model_slug` does when nothing else is said. */
export interface ModelBody {
  slug: string;
  enabled: boolean;
  name: string | null;
  is_custom: boolean | null;
  is_finetune: boolean | null;
  base_model_slug: string | null;
  pricing_config: PricingConfig | null;
  configurations: Record<string, unknown> | null;
  created_at: string | null;
  last_updated_at: string | null;
}

/** What was said of a model. */
export interface ModelFeedback {
  ai_model: string;
  total: number;
  avg_weighted_feedback: number;
}

/** What a model costs: in US cents for a token, other units in cents each. `calculate` is how a request is priced. */
export interface ModelPrice {
  pay_as_you_go: Record<string, unknown>;
  calculate: Record<string, unknown>;
  currency: "USD";
  finetune_config: null;
  context_tiers?: ContextTier[];
  service_tiers?: Record<string, Record<string, unknown>>;
}

/** A key to be made. It can do and use no more than who makes it. `scopes`: what it may do; none: ask models. `models`: which it may use, as patterns of "@slug/model"; none: all. `capture`: the most that is kept of its requests; `redact`: what is taken out of that. */
export interface NewApiKey {
  name: string;
  description: string;
  type: "organisation" | "workspace" | null;
  "sub-type": "service" | "user" | null;
  organisation_id: string;
  workspace_id: string;
  user_id: string;
  scopes: string[];
  models: string[];
  defaults: DefaultsBody | null;
  usage_limits: UsageLimits | null;
  rate_limits: RateLimits[] | null;
  alert_emails: string[] | null;
  capture?: "full" | "metadata" | "off";
  redact?: RedactionBody;
  expires_at: string | null;
  rotation_policy: RotationPolicy | null;
}

/** A config to be saved. `isDefault` (or `is_default`) 1: for requests of its workspace that name none. `slug` is made up when it is left out. */
export interface NewConfig {
  name: string;
  config: Record<string, unknown>;
  slug: string;
  is_default: number | boolean | null;
  isDefault: number | boolean | null;
  workspace_id: string;
}

/** What is wanted: `filters` as in GET /v1/logs (`page_size`: so many at most), `requested_data` by name; without it, all but bodies. */
export interface NewExport {
  filters: Record<string, unknown> | null;
  requested_data: string[] | null;
  workspace_id: string | null;
  description: string | null;
  format: "csv" | "jsonl" | "parquet";
}

/** What is said of a trace: from -10 to 10; `weight` from 0 to 1, to the thousandth. */
export interface NewFeedback {
  trace_id: string;
  value: number;
  weight: number;
  metadata: Record<string, unknown> | null;
}

/** An account to be set up: at the provider `ai_provider_id`, with its `key` and whatever else it is known by. Secrets are sealed, and never shown again. With `workspace_id` it is of that workspace alone, which gets a provider (`@slug`) for it at once; else it is the organisation's, and opened to workspaces by PUT /v1/integrations/{slug}/workspaces. */
export interface NewIntegration {
  name: string;
  ai_provider_id: string;
  slug: string;
  key: string | null;
  description: string | null;
  organisation_id: string;
  workspace_id: string;
  configurations: Record<string, unknown> | null;
  secret_mappings: SecretMappingBody[] | null;
  tags: Record<string, string> | null;
  pricing_adjustments: Record<string, unknown> | null;
  create_default_provider: boolean;
  default_provider_slug: string | null;
}

/** An invitation to be made. `workspaces` by id or slug, with the role in each. */
export interface NewInvite {
  email: string;
  role: "admin" | "member" | "owner";
  workspaces: NewSeat[];
  workspace_api_key_details: KeyDetails | null;
}

/** People of the organisation who get a place: all of them, or none. */
export interface NewMembers {
  workspace_id: string;
  users: NewSeat[];
}

/** A provider to be made: a name (`@slug`) under which a workspace uses an integration, which is said by its id or slug. */
export interface NewProvider {
  name: string;
  integration_id: string;
  workspace_id: string;
  slug: string | null;
  note: string | null;
  usage_limits: UsageLimits[] | UsageLimits | null;
  rate_limits: RateLimits[] | RateLimits | null;
  expires_at: string | null;
  model_config: unknown;
}

/** A rate to be set over many: `type` and `value` are said, or `deny`: such requests are refused, all of them. */
export interface NewRatePolicy {
  conditions: Condition[];
  group_by: GroupBy[];
  type: "concurrent" | "requests" | "tokens" | null;
  unit: "rpd" | "rph" | "rpm" | "rps" | "rpw" | null;
  value: number | null;
  deny: boolean;
  name: string;
  status: "active" | "paused";
  target: "llm" | null;
  workspace_id: string;
  organisation_id: string;
}

/** Of which requests: from when on, until when (now, if it is left out), of which providers (slugs) and models. */
export interface NewRepricing {
  time_of_generation_min: string;
  time_of_generation_max: string;
  provider: string[];
  model: string[];
}

/** A person by id, and what they become in the workspace. */
export interface NewSeat {
  id: string;
  role: "admin" | "manager" | "member";
}

/** A place in a secret manager, and how that is reached (`auth_config`), whose secrets are sealed and never shown again. `secret_key`: a key in what the secret holds, which is JSON then. `allowed_workspaces` (ids or slugs): for no others. */
export interface NewSecretReference {
  name: string;
  manager_type: "aws_sm" | "azure_kv" | "file" | "hashicorp_vault";
  secret_path: string;
  auth_config: Record<string, unknown>;
  slug: string | null;
  description: string | null;
  organisation_id: string;
  secret_key: string | null;
  allow_all_workspaces: boolean | null;
  allowed_workspaces: string[] | null;
  tags: Record<string, string> | null;
}

/** A budget to be set over many. `workspace_id` is left out for one that holds in the whole organisation. */
export interface NewUsagePolicy {
  conditions: Condition[];
  group_by: GroupBy[];
  type: "cost" | "requests" | "tokens";
  credit_limit: number;
  name: string;
  alert_threshold: number | null;
  periodic_reset: "daily" | "monthly" | "weekly" | null;
  periodic_reset_days: number | null;
  next_usage_reset_at: string | null;
  time_zone: string;
  soft: boolean;
  status: "active" | "paused";
  target: "llm" | null;
  workspace_id: string;
  organisation_id: string;
}

/** A provider to be made together with the account behind it, which is the workspace's own. */
export interface NewVirtualKey {
  configurations: Record<string, unknown> | null;
  resourceName: string | null;
  deploymentName: string | null;
  apiVersion: string | null;
  deploymentConfig: Deployment[] | null;
  name: string;
  provider: string;
  key: string | null;
  slug: string | null;
  note: string | null;
  workspace_id: string;
  usage_limits: UsageLimits[] | UsageLimits | null;
  rate_limits: RateLimits[] | RateLimits | null;
  expires_at: string | null;
}

/** A workspace to be made. `slug` is made up when it is left out. `users`: their ids, or ids with roles. `capture`: the most that is kept of its requests; `redact`: what is taken out of that; `cache`: the most that its configs may ask of the cache, false for nothing. */
export interface NewWorkspace {
  name: string;
  slug: string;
  description: string | null;
  defaults: DefaultsBody | null;
  users: (string | NewSeat)[];
  usage_limits: UsageLimits[] | null;
  rate_limits: RateLimits[] | null;
  capture: "full" | "metadata" | "off";
  redact: RedactionBody | null;
  cache: boolean | CacheCap | null;
}

/** A span and its steps (of `step` ms), and the span of the same length `before` it. */
export interface Overview {
  summary: OverviewSums;
  before: OverviewSums;
  step: number;
  data_points: OverviewPoint[];
  object: "analytics-overview";
}

/** The same of a step, which begins at `timestamp`. */
export interface OverviewPoint {
  requests: number;
  errors: number;
  error_rate: number;
  cost: number;
  avg_cost: number;
  unpriced: number;
  input_tokens: number;
  output_tokens: number;
  cached_tokens: number;
  latency: Times;
  time_to_first_token: Percentiles;
  hits: number;
  hit_rate: number;
  saved: number;
  rescued: number;
  timestamp: string;
}

/** What some requests come to. Costs are US cents, times ms, rates percent. `errors` and `rescued` as in the graphs of these names; `unpriced`: requests whose cost is not known, and not in it; `saved`: by answers from the cache. */
export interface OverviewSums {
  requests: number;
  errors: number;
  error_rate: number;
  cost: number;
  avg_cost: number;
  unpriced: number;
  input_tokens: number;
  output_tokens: number;
  cached_tokens: number;
  latency: Times;
  time_to_first_token: Percentiles;
  hits: number;
  hit_rate: number;
  saved: number;
  rescued: number;
}

/** How a provider answers with a model. Times in ms: until the first event, and the longest that a stream stood still; of all streams those in which nothing came for ten seconds, in percent. */
export interface Pace {
  provider: string;
  ai_model: string;
  requests: number;
  streams: number;
  error_rate: number;
  latency: Times;
  time_to_first_token: Percentiles;
  gap_p99: number;
  stall_rate: number;
  object: "analytics-group";
}

/** A key that is left alone, for one model or ("") for all, by so many workers, for so long at most. */
export interface Parked {
  place: string;
  provider: string;
  model: string;
  why: string;
  left_s: number;
  workers: number;
}

/** Requests, those who made them, and how many each made. */
export interface PerUser {
  total: number;
  unique: number;
  avg: number;
}

/** How long it took, in ms, at the percentiles. */
export interface Percentiles {
  p50: number;
  p90: number;
  p99: number;
}

/** A place in a workspace, that somebody has or is promised. */
export interface Place {
  workspace_id: string;
  role: "admin" | "manager" | "member";
}

/** What is asked of which model. `key`, by its id, pays for it: who comes with a key of their own pays with that. What is null is left to the model. */
export interface PlayAsked {
  key: string;
  model: string;
  messages: PlayedTurn[];
  temperature: number | null;
  max_tokens: number | null;
}

/** A model as a request names it. */
export interface PlayModel {
  id: string;
  provider: string;
  name: string;
}

/** The models that a key may use, as far as they are known by name. */
export interface PlayModels {
  object: "list";
  data: PlayModel[];
}

/** Something that was said, as a text. */
export interface PlayedTurn {
  role: "assistant" | "system" | "user";
  content: string;
}

/** A record as it is posted; members that are not known are let be. */
export interface Posted {
  request: PostedRequest;
  response: PostedResponse;
  metadata: Record<string, unknown>;
}

/** What was kept, by its ids; they can be found within a second. */
export interface PostedLogs {
  status: "success";
  message: string;
  log_ids: string[];
}

/** What was asked. `provider`: a slug of ours, or the provider's name; else the address tells. Headers are not kept. */
export interface PostedRequest {
  url: string;
  provider: string;
  method: string;
  headers: Record<string, unknown>;
  body?: unknown;
}

/** What was answered: JSON, or the text of a stream. `response_time` in ms. */
export interface PostedResponse {
  status: number;
  headers: Record<string, unknown>;
  body?: unknown;
  response_time: number | string | null;
  streamingMode: boolean;
}

/** Prices. `version` is of the list, `source` where it is from, `taken_at` null: it came with the package. `refresh`: a new one is fetched every so many hours from `address`. `own`: names in `prices` of the configuration. */
export interface PriceSettings {
  version: string;
  source: string;
  taken_at: string | null;
  refresh: boolean;
  every_hours: number;
  address: string;
  own: string[];
  declared_in: string | null;
  object: "price-settings";
}

/** A model's own price, as /v1/model-configs/pricing says those of the catalogue: in US cents for a token. */
export interface PricingConfig {
  type: "static";
  pay_as_you_go: Record<string, unknown>;
  currency: "USD";
}

/** How much of what a model of a provider was asked came from the provider's cache. `rate`: of the input tokens, in percent. Money in cents, by the prices of now, None where these are not known: `read_savings` less `write_surcharge` is `savings`. */
export interface PromptCacheUse {
  provider: string;
  ai_model: string;
  requests: number;
  input_tokens: number;
  cached_tokens: number;
  rate: number;
  read_savings: number | null;
  write_surcharge: number | null;
  savings: number | null;
  object: "analytics-group";
}

/** How many entries were forgotten. */
export interface Purged {
  object: "cache-purge";
  purged: number;
}

/** A share, in percent. */
export interface Rate {
  rate: number;
}

/** At most `value` requests or tokens in a second, minute, hour, day or week; or so many requests at once (`concurrent`). */
export interface RateLimits {
  type: "concurrent" | "requests" | "tokens";
  unit: "rpd" | "rph" | "rpm" | "rps" | "rpw";
  value: number;
}

/** A share in a step. */
export interface RatePoint {
  timestamp: string;
  rate: number;
}

/** What nobody may read in the log, as it is written down. */
export interface Redaction {
  patterns: string[];
  fields: string[];
}

/** What is taken out of the log besides: `patterns` are expressions of RE2, `fields` are paths of members of JSON ("messages.*.name"). */
export interface RedactionBody {
  patterns: string[];
  fields: string[];
}

/** `name` must be the workspace's, if it is said. `force`: with all that it has, and then the name must be said. */
export interface RemovedWorkspace {
  workspace_id: string;
  name: string;
  force: boolean;
}

/** What shall be otherwise: another config (a slug, or JSON as a text), another model; how often it is sent. `key`, by id or name, pays for it: who comes with a key of their own pays with that. */
export interface ReplayAsked {
  config: string;
  model: string;
  key: string;
  times: number;
}

/** Requests that were answered well after an attempt that failed: by another attempt on the same target, or elsewhere. */
export interface Rescued {
  retry: number;
  fallback: number;
}

/** Those of a step. */
export interface RescuedPoint {
  timestamp: string;
  retry: RetryCount[];
  fallback: number;
}

/** The same, in both of Portkey's spellings. */
export interface ResentInvite {
  id: string;
  invite_link: string;
  inviteLink: string;
}

/** Nothing but where the policy is, if that has to be said. */
export interface ResetEntity {
  workspace_id: string;
}

/** Requests that were rescued by the retry of that number; null: by one whose number was not kept. */
export interface RetryCount {
  retry_success_count: number | null;
  count: number;
}

/** A key's new text, which is not shown again, and until when the old one is good. */
export interface RotatedApiKey {
  id: string;
  key: string;
  key_transition_expires_at: string | null;
  object: "api-key";
}

/** For how long (in ms) a key's old text is good beside the new one. A schedule can be said by Portkey's clients, and is refused: a new text is shown once, to whoever asks for it, so one that nobody has asked for would be lost. */
export interface RotationPolicy {
  rotation_period: "monthly" | "weekly" | null;
  rotation_days: number | null;
  next_rotation_at: string | null;
  key_transition_period_ms: number;
}

/** How many said so. */
export interface ScorePoint {
  score: number;
  total: number;
}

/** How many said something. `truncated`: there were more than are told of. */
export interface Scores {
  total: number;
  truncated: boolean;
}

/** A person by id, and what they are in a workspace. */
export interface Seated {
  id: string;
  role: "admin" | "manager" | "member";
}

/** A secret that is kept in a secret manager: for `target_field` ("key", "configurations.aws_secret_access_key"), by the id or slug of a secret reference, and a key in what that holds. */
export interface SecretMappingBody {
  target_field: string;
  secret_reference_id: string;
  secret_key: string | null;
  value_format: "json" | "string";
}

/** The requests that were given an answer, newest first. `entry` null: it is not kept any more; `source` is the request that it was the answer of, null: it is not in the log any more. `next_cursor` null: that is the last page. */
export interface ServedPage {
  object: "list";
  id: string;
  entry: ShownEntry | null;
  source: LogRow | null;
  data: LogRow[];
  next_cursor: string | null;
}

/** Of whom a rule is alarming, and what is measured of them now (null: there are too few requests to tell). `since` null: it is alarming since `alarming_since`, and not for long enough to be told, or so soon after the last alarm. */
export interface ShownAlarm {
  about: string;
  name: string;
  since: string | null;
  alarming_since: string | null;
  value: string | null;
}

/** A key. Of its text nothing is known but the last letters. `declared_in`: where it is declared, if it is not stored. */
export interface ShownApiKey {
  id: string;
  key: string;
  name: string;
  description: string | null;
  type: "organisation-service" | "organisation-user" | "workspace-service" | "workspace-user";
  organisation_id: string;
  workspace_id: string | null;
  user_id: string | null;
  status: "active" | "exhausted" | "expired" | "revoked";
  creation_mode: string;
  scopes: string[];
  models: string[];
  defaults: DefaultsBody;
  usage_limits: ShownUsageLimits | null;
  reset_usage: boolean | null;
  rate_limits: RateLimits[];
  alert_emails: string[];
  capture: "full" | "metadata" | "off";
  redact: RedactionBody | null;
  expires_at: string | null;
  rotation_policy: RotationPolicy | null;
  created_at: string | null;
  last_updated_at: string | null;
  declared_in: string | null;
  object: "api-key";
}

/** One try on one target. `started_after` the request's beginning; `failure` null: it delivered. */
export interface ShownAttempt {
  target: string | null;
  provider: string | null;
  model: string | null;
  status_code: number | null;
  failure: string | null;
  message: string | null;
  started_after: number;
  duration: number;
  input_tokens: number;
  output_tokens: number;
  cost: number | null;
}

/** The cache: where it is, how many answers are kept and how many bytes they take (null: nobody but their worker can tell). Of the time: requests by what the cache did for them; `hit_rate` is hits in percent of all that were looked up. `saved` is US cents; times are ms: what a hit and a miss take on the average, and `saved_time`: how much longer hits would have taken, had they taken as long as misses. */
export interface ShownCache {
  object: "cache";
  store: string;
  entries: number | null;
  size: number | null;
  since: string;
  until: string;
  requests: number;
  hits: number;
  semantic_hits: number;
  misses: number;
  semantic_misses: number;
  refreshes: number;
  hit_rate: number;
  saved: number;
  saved_time: number;
  avg_hit_latency: number;
  avg_miss_latency: number;
}

/** The most that configs may ask of the cache: `max_age` in seconds (null: whatever they like); `off`: nothing. */
export interface ShownCacheCap {
  max_age: number | null;
  off: boolean;
}

/** A way to reach somebody. `address` is a host ("": a file has it), or whom a mail is for. Empty lists: all there is. */
export interface ShownChannel {
  name: string;
  type: "mail" | "slack" | "webhook";
  address: string;
  signed: boolean;
  workspaces: string[];
  about: string[];
  kinds: string[];
  at_least: number;
  problem: string | null;
}

/** The same, in both envelopes. */
export interface ShownConfig {
  id: string;
  name: string;
  slug: string;
  organisation_id: string;
  workspace_id: string | null;
  is_default: number;
  status: "active" | "archived";
  owner_id: string | null;
  updated_by: string | null;
  created_at: string | null;
  last_updated_at: string | null;
  declared_in: string | null;
  object: "config";
  config: Record<string, unknown>;
  version_id: string;
  format: "json";
  type: "ORG_CONFIG";
  success: boolean;
  data: ConfigData;
}

/** A step of the walk through the route: at which place, what was done, and why. */
export interface ShownDecision {
  at: string;
  what: string;
  why: string | null;
}

/** Two requests that a level took for one, and whose answers are others: the request, and `cached_id`, whose answer it would have been given; `alike` is the cosine of the two answers, `score` what the verifier said. */
export interface ShownDiffering {
  id: string;
  cached_id: string;
  alike: number | null;
  score: number | null;
}

/** An answer that is kept. `id` is the request whose answer it is; `size` bytes; `last_used_at` is true to the minute. */
export interface ShownEntry {
  id: string;
  object: "cache-entry";
  created_at: string;
  expires_at: string;
  last_used_at: string;
  size: number;
  workspace_id: string | null;
  namespace: string;
  provider: string;
  ai_model: string;
}

/** An export. `total_records` were there when it was made, `exported_records` are in the file, of so many `bytes`. `error`: why it has failed. */
export interface ShownExport {
  id: string;
  organisation_id: string;
  workspace_id: string | null;
  filters: Record<string, unknown>;
  requested_data: string[];
  format: "csv" | "jsonl" | "parquet";
  status: "draft" | "failed" | "in_progress" | "stopped" | "success";
  description: string | null;
  created_at: string | null;
  last_updated_at: string | null;
  started_at: string | null;
  ended_at: string | null;
  expires_at: string | null;
  created_by: string;
  total_records: number;
  exported_records: number;
  bytes: number;
  error: string | null;
  object: "export";
}

/** What somebody said of the trace. */
export interface ShownFeedback {
  id: string;
  created_at: string;
  value: number;
  weight: number;
  metadata: Record<string, string>;
}

/** What members of a group are: in a workspace (its slug), or in the organisation (null). */
export interface ShownGroup {
  group: string;
  role: "admin" | "manager" | "member";
  workspace: string | null;
}

/** An account. Of its secrets nothing is shown but their last letters. To a workspace, an account of the organisation is shown without what it is known by. `own_identity`: the operator lets it use the gateway's own identity. */
export interface ShownIntegration {
  id: string;
  slug: string;
  name: string;
  description: string | null;
  ai_provider_id: string;
  organisation_id: string;
  workspace_id: string | null;
  type: "organisation" | "workspace";
  status: "active" | "archived";
  created_at: string | null;
  last_updated_at: string | null;
  object: "integration";
  configurations: Record<string, unknown>;
  masked_key: string | null;
  secret_mappings: SecretMappingBody[];
  tags: Record<string, string>;
  allow_all_models: boolean;
  global_workspace_access: Access | null;
  pricing_adjustments: Record<string, unknown> | null;
  own_identity: boolean;
}

/** An invitation. */
export interface ShownInvite {
  id: string;
  email: string;
  role: "admin" | "member" | "owner";
  status: "accepted" | "cancelled" | "expired" | "pending";
  created_at: string | null;
  expires_at: string | null;
  accepted_at: string | null;
  invited_by: string | null;
  workspaces: Place[];
  object: "invite";
}

/** Whose tokens stand for gateway keys. `keys`: where its keys are, null: in the configuration itself. */
export interface ShownIssuer {
  name: string;
  issuer: string;
  audience: string[];
  keys: string | null;
  organisations: string[];
  scopes: string[];
  models: string[];
  require: Record<string, string>;
  max_hours: number;
}

/** What it comes to for a model at a provider. `before`, `after` and `difference` are US cents, the rest are requests: those that have another cost, that had none, that have no price still, that are estimates, and that stay as they are. */
export interface ShownLine {
  provider: string;
  model: string;
  requests: number;
  before: number;
  after: number;
  difference: number;
  changed: number;
  newly_priced: number;
  unpriced: number;
  estimated: number;
  kept: number;
}

/** A person's place in a workspace; `id` is the person's. */
export interface ShownMember {
  id: string;
  user_id: string;
  first_name: string;
  last_name: string;
  email: string;
  org_role: "admin" | "member" | "owner";
  role: "admin" | "manager" | "member";
  status: "active" | "disabled";
  workspace_id: string;
  created_at: string | null;
  last_updated_at: string | null;
  object: "workspace_member";
}

/** The models of an account: those of which something is said, then those that the catalogue has beside. */
export interface ShownModels {
  total: number;
  allow_all_models: boolean;
  models: ModelBody[];
  object: "list";
}

/** An identity provider. `has_secret` false: a public client. `allowed_domains`: who may be new here; `role` and `workspaces`: as what. */
export interface ShownOidc {
  name: string;
  title: string;
  issuer: string;
  client_id: string;
  has_secret: boolean;
  organisation: string | null;
  scopes: string[];
  claims: Record<string, string>;
  trusts_email: boolean;
  require: Record<string, string>;
  allowed_domains: string[];
  role: "admin" | "member";
  workspaces: Record<string, "admin" | "manager" | "member">;
  groups: ShownGroup[];
  callback: string | null;
}

/** An organisation. */
export interface ShownOrganisation {
  id: string;
  slug: string;
  name: string;
  usage_limits: ShownUsageLimits[];
  rate_limits: RateLimits[];
  cache: ShownCacheCap;
  created_at: string | null;
  last_updated_at: string | null;
  object: "organisation";
}

/** What holds for requests where neither they, nor a key, nor a workspace says it. */
export interface ShownOrganisationDefaults {
  metadata: Record<string, string>;
  config_id: string | null;
  allow_config_override: boolean;
  object: "organisation_defaults";
}

/** A part of a turn. `text` is what was said, thought or declined, a call's arguments, a tool's result, or what else there is, as JSON. `name` and `call_id` are a call's and its result's; `media`, `mime`, `url` and `data` (base64) are of a picture, sound, film or file. */
export interface ShownPart {
  kind: "call" | "declined" | "media" | "other" | "result" | "text" | "thinking";
  text: string;
  name: string;
  call_id: string;
  media: string;
  mime: string;
  url: string;
  data: string;
  is_error: boolean;
}

/** Where something is kept: its kind and address; `said_by` the member of the configuration, or the variable, that says so; null: that is the default. */
export interface ShownPlace {
  what: "bodies" | "cache" | "control" | "ledger" | "log" | "shared";
  kind: string;
  address: string;
  said_by: string | null;
}

/** A provider. `ai_provider_name`: whose models they are. `declared_in`: where it is declared, if it is not stored; then it has no integration, and is there for each workspace of its organisation. */
export interface ShownProvider {
  id: string;
  slug: string;
  name: string;
  note: string | null;
  integration_id: string | null;
  ai_provider_name: string;
  organisation_id: string;
  workspace_id: string | null;
  status: "active" | "exhausted" | "expired";
  usage_limits: ShownUsageLimits | null;
  rate_limits: RateLimits[] | null;
  reset_usage: boolean | null;
  expires_at: string | null;
  created_at: string | null;
  last_updated_at: string | null;
  declared_in: string | null;
  object: "provider";
}

/** A rate over many; or (`deny`) what is refused, and then it has neither type, unit nor value. */
export interface ShownRatePolicy {
  id: string;
  name: string | null;
  conditions: Condition[];
  group_by: GroupBy[];
  status: "active" | "paused";
  organisation_id: string;
  workspace_id: string | null;
  created_at: string | null;
  last_updated_at: string | null;
  target: "llm";
  declared_in: string | null;
  type: "concurrent" | "requests" | "tokens" | null;
  unit: "rpd" | "rph" | "rpm" | "rps" | "rpw" | null;
  value: number | null;
  deny: boolean;
  object: "policy_rate_limits";
}

/** What was found: those models first that change the most. `written`: requests whose cost is another now; `kept`: why some stay as they are, and how many. */
export interface ShownReport {
  total: ShownLine;
  data: ShownLine[];
  written: number;
  kept: Record<string, number>;
}

/** A repricing. `looking`, `looked`: nothing was written yet; `writing`, `written`; `stopped`: what was written before stays. `total_records` are to be read, `read_records` were. `report` null: nothing was found yet. `error`: why it has failed. */
export interface ShownRepricing {
  id: string;
  organisation_id: string;
  filters: Record<string, unknown>;
  status: "failed" | "looked" | "looking" | "stopped" | "writing" | "written";
  created_at: string | null;
  started_at: string | null;
  ended_at: string | null;
  created_by: string;
  total_records: number;
  read_records: number;
  report: ShownReport | null;
  error: string | null;
  object: "repricing";
}

/** An alert rule. `state`: `firing`; `pending`: it is alarming and not told; `quiet`. `value` is what is measured now (of those that it tells apart, of the one who is worst off, `worst`). */
export interface ShownRule {
  name: string;
  what: string;
  threshold: string;
  below: boolean;
  window: string;
  each: string | null;
  severity: "critical" | "info" | "warning";
  channels: string[];
  state: "firing" | "pending" | "quiet";
  value: string | null;
  worst: string | null;
  raised_at: string | null;
  alarms: ShownAlarm[];
}

/** A reference. Of the secrets in `auth_config` nothing is shown but their last letters. */
export interface ShownSecretReference {
  id: string;
  slug: string;
  name: string;
  description: string | null;
  organisation_id: string;
  manager_type: "aws_sm" | "azure_kv" | "file" | "hashicorp_vault";
  secret_path: string;
  secret_key: string | null;
  auth_config: Record<string, unknown>;
  allow_all_workspaces: boolean;
  allowed_workspaces: string[];
  tags: Record<string, string>;
  created_at: string | null;
  last_updated_at: string | null;
  status: "active";
  object: "secret-reference";
}

/** What a level would have given: `would_hit` requests, which have cost `saved` US cents. Of those whose answers were `compared`, how many were `equal`, the same but for spelling (`canonical`), and `other`; `alike` is the mean cosine of the latter, and `worst` are those that are least alike. */
export interface ShownShadow {
  level: string;
  would_hit: number;
  saved: number;
  compared: number;
  equal: number;
  canonical: number;
  other: number;
  alike: number | null;
  worst: ShownDiffering[];
}

/** What each level in the shadow would have given, of `missed` requests that a semantic cache has looked up and not found. `whole` false: of the newest of these alone, since there were too many. */
export interface ShownShadows {
  object: "cache-shadow";
  since: string;
  until: string;
  missed: number;
  whole: boolean;
  levels: ShownShadow[];
}

/** Where records go besides the log. `privacy`: whether with bodies (`full`). */
export interface ShownSink {
  name: string;
  kind: string;
  address: string;
  privacy: "full" | "metadata";
  filtered: boolean;
}

/** A record, how long after the trace's beginning it began (ms), and those that it began. */
export interface ShownSpan {
  log: LogRow;
  started_after: number;
  children: ShownSpan[];
}

/** An alert on its way to a channel: `waiting` (why it has not arrived yet), `sent`, or `given up`. */
export interface ShownTelling {
  at: string | null;
  title: string;
  channel: string;
  state: "given up" | "sent" | "waiting";
  tries: number;
  why: string;
}

/** Tokens used; `cached` is a part of the input, `reasoning` of the output. */
export interface ShownTokens {
  input: number;
  output: number;
  total: number;
  cached: number;
  reasoning: number;
}

/** A tool that the model might have called. */
export interface ShownTool {
  name: string;
  description: string | null;
  schema: unknown;
}

/** A trace, and what all of it comes to. */
export interface ShownTrace {
  trace_id: string;
  created_at: string;
  duration: number;
  span_count: number;
  error_count: number;
  input_tokens: number;
  output_tokens: number;
  cost: number;
  unpriced: number;
  is_truncated: boolean;
  object: "trace";
  feedback: ShownFeedback[];
  spans: ShownSpan[];
}

/** What somebody said. `finish` is why an answer ended. */
export interface ShownTurn {
  role: string;
  name: string | null;
  parts: ShownPart[];
  finish: string | null;
}

/** A budget, as it is shown. `current_usage`: what was used since it last began anew; null when that cannot be told. `reserved`: what is held of the rest for requests under way, and those to come. */
export interface ShownUsageLimits {
  type: "cost" | "requests" | "tokens";
  credit_limit: number;
  alert_threshold: number | null;
  periodic_reset: string | null;
  periodic_reset_days: number | null;
  next_usage_reset_at: string | null;
  time_zone: string;
  soft: boolean;
  downgrade_at: number | null;
  downgrade_to: string | null;
  current_usage?: number | null;
  reserved?: number | null;
  status?: "active" | "exhausted";
}

/** A budget over many. `declared_in`: where it is declared, if it is not stored; `workspace_id` null: it holds in the whole organisation. What was used of it is told by its entities. */
export interface ShownUsagePolicy {
  id: string;
  name: string | null;
  conditions: Condition[];
  group_by: GroupBy[];
  status: "active" | "paused";
  organisation_id: string;
  workspace_id: string | null;
  created_at: string | null;
  last_updated_at: string | null;
  target: "llm";
  declared_in: string | null;
  type: "cost" | "requests" | "tokens";
  credit_limit: number;
  alert_threshold: number | null;
  periodic_reset: string | null;
  periodic_reset_days: number | null;
  next_usage_reset_at: string | null;
  time_zone: string;
  soft: boolean;
  object: "policy_usage_limits";
}

/** A person. `workspaces`: where they have a place, and which (`workspace_ids`: the same without roles), whatever their role in the organisation lets them see. */
export interface ShownUser {
  id: string;
  first_name: string;
  last_name: string;
  name: string;
  email: string;
  role: "admin" | "member" | "owner";
  status: "active" | "disabled";
  created_at: string | null;
  last_updated_at: string | null;
  workspace_ids: string[];
  workspaces: Place[];
  usage_limits: ShownUsageLimits[];
  rate_limits: RateLimits[];
  object: "user";
}

/** A config as it was once: `config` is its JSON, in a text. */
export interface ShownVersion {
  id: string;
  name: string;
  slug: string;
  organisation_id: string;
  workspace_id: string | null;
  is_default: number;
  status: "active" | "archived";
  owner_id: string | null;
  updated_by: string | null;
  created_at: string | null;
  last_updated_at: string | null;
  declared_in: string | null;
  object: "config";
  config: string;
  version_id: string;
  format: "json";
  type: "ORG_CONFIG";
}

/** A provider with the account behind it. Of its key nothing is shown but the last letters. */
export interface ShownVirtualKey {
  id: string;
  slug: string;
  name: string;
  note: string | null;
  provider: string;
  ai_provider_name: string;
  integration_id: string | null;
  organisation_id: string;
  workspace_id: string | null;
  status: "active" | "exhausted" | "expired";
  key: string | null;
  model_config: Record<string, unknown>;
  usage_limits: ShownUsageLimits | null;
  rate_limits: RateLimits[] | null;
  reset_usage: boolean | null;
  expires_at: string | null;
  created_at: string | null;
  last_updated_at: string | null;
  declared_in: string | null;
  object: "virtual-key";
}

/** What is said of workspaces, and what holds for all others. */
export interface ShownWorkspaces {
  total: number;
  workspaces: IntegrationShapesShownWorkspace[];
  global_workspace_access: Access;
  object: "list";
}

/** One sink: where records go besides the log. Counts of records since ever (`stores.sinks.state`); `waiting_bytes` of the spool; `sent_us` is when it last took some, `trouble` why it does not since `trouble_us` ("": it does). */
export interface Sink {
  name: string;
  kind: string;
  sent: number;
  refused: number;
  dropped: number;
  retries: number;
  waiting_bytes: number;
  sent_us: number;
  trouble: string;
  trouble_us: number;
}

/** Errors of a step by their status. */
export interface StackPoint {
  timestamp: string;
  stats: StatusCount[];
}

/** All of it. `shared`: circuits are shared with other machines; `trouble`: why they are not, when they should be. `spool_bytes`: records on their way to the log; `backlog_bytes`: those of them that are not there yet. */
export interface State {
  workers: Worker[];
  circuits: Circuit[];
  parked: Parked[];
  targets: Target[];
  shared: boolean;
  trouble: string;
  spool_bytes: number;
  backlog_bytes: number;
  sinks: Sink[];
}

/** How often a status was answered. */
export interface StatusCount {
  response_status_code: number;
  count: number;
}

/** A list in the older envelope, which says `success`, too. */
export interface SuccessListing_ConfigSummary {
  success: boolean;
  object: "list";
  total: number;
  data: ConfigSummary[];
}

/** What the cache did. Times in ms, savings in cents; `cache_speedup`: by how many percent hits are faster than what was looked up and not there. */
export interface Summary {
  hits: number;
  avg_latency: number;
  total_requests: number;
  cache_speedup: number;
  savings: number;
}

/** What the holder of a link brings: its `token`, what they are called, and a password of their own. */
export interface TakenInvite {
  token: string;
  name: string;
  password: string;
}

/** A target as the workers know it: requests under way in all of them; the time to the answer's headers where it is longest; and the least that is left of its rate limits, from 0 to 1, None: nobody was told. */
export interface Target {
  place: string;
  provider: string;
  model: string;
  in_flight: number;
  latency_s: number;
  quota: number | null;
}

/** How long it took, in ms: in the mean, and at the percentiles. */
export interface Times {
  avg: number;
  p50: number;
  p90: number;
  p99: number;
}

/** How long it took in a step. */
export interface TimesPoint {
  timestamp: string;
  avg: number;
  p50: number;
  p90: number;
  p99: number;
}

/** It was done. */
export interface Told {
  message: string;
  object: "export";
}

/** How many there are. */
export interface Total {
  total: number;
}

/** How many there are in a step. */
export interface TotalPoint {
  timestamp: string;
  total: number;
}

/** A page, newest first by the newest request that is meant. It may be short, or empty, and have a `next_cursor` all the same: so far was looked. `next_cursor` null: it is the last. */
export interface TracePage {
  object: "list";
  data: TraceRow[];
  next_cursor: string | null;
}

/** A trace by its sums, with what it began with: the name of that span (else its operation), its key and user; and the models and providers of all. */
export interface TraceRow {
  trace_id: string;
  created_at: string;
  duration: number;
  span_count: number;
  error_count: number;
  input_tokens: number;
  output_tokens: number;
  cost: number;
  unpriced: number;
  is_truncated: boolean;
  object: "trace_summary";
  name: string | null;
  models: string[];
  providers: string[];
  api_key_name: string | null;
  user: string | null;
}

/** An account as it would be set up, with all its secrets: those that are kept are not tried in another place. `model` is the one that is asked; left out, the cheapest that is known. */
export interface TrialAsked {
  ai_provider_id: string;
  key: string | null;
  configurations: Record<string, unknown> | null;
  model: string;
  workspace_id: string;
}

/** For how long (in ms) the old text is good beside the new one. */
export interface Turn {
  key_transition_period_ms: number | null;
}

/** Models that were used without a price, the most used first. `yaml`: what to write into `lockgate.yaml`, with the prices left to be filled in; "": nothing is missing. */
export interface UnpricedUsage {
  data: Missing[];
  yaml: string;
  object: "list";
}

/** A budget. Amounts are US dollars for a `cost`, else tokens or requests. `time_zone`: whose days, weeks and months, by an IANA name. `soft`: nobody is refused. From `downgrade_at` on (or the limit), requests go to the model `downgrade_to`. What only answers say (`status` and the like) may be sent back, and changes nothing. */
export interface UsageLimits {
  credit_limit: number;
  type: "cost" | "requests" | "tokens";
  alert_threshold: number | null;
  periodic_reset: "daily" | "monthly" | "weekly" | null;
  periodic_reset_days: number | null;
  next_usage_reset_at: string | null;
  time_zone: string | null;
  soft: boolean;
  downgrade_at: number | null;
  downgrade_to: string | null;
  status: unknown;
  last_reset_at: unknown;
  is_threshold_alerts_sent: unknown;
  is_exhausted_alerts_sent: unknown;
  current_usage: unknown;
  reserved: unknown;
}

/** A workspace with its people, oldest first; null for who may not list them. */
export interface WholeWorkspace {
  id: string;
  slug: string;
  name: string;
  description: string | null;
  organisation_id: string;
  created_at: string | null;
  last_updated_at: string | null;
  defaults: DefaultsBody;
  usage_limits: ShownUsageLimits[];
  rate_limits: RateLimits[];
  capture: "full" | "metadata" | "off";
  redact: RedactionBody | null;
  cache: ShownCacheCap;
  is_default: number;
  object: "workspace";
  users: ShownMember[] | null;
}

/** One worker. `revision` is of the configuration that it lives in; `stale`: it cannot read what is stored; `dropped`: records that the spool had no room for; `stripped`: those that it took without bodies. */
export interface Worker {
  pid: number;
  started_us: number;
  in_flight: number;
  served: number;
  failed: number;
  dropped: number;
  stripped: number;
  memory_bytes: number;
  revision: string;
  stale: boolean;
  draining: boolean;
}

/** Whether a workspace (by id or slug) may use an account, how much of it, and which of its `models`, by patterns; null: all that it has; left out: those that it could. One that may gets a provider (`@slug`) for it, unless it has one. */
export interface WorkspaceBody {
  id: string;
  enabled: boolean;
  usage_limits: UsageLimits[] | UsageLimits | null;
  rate_limits: RateLimits[] | RateLimits | null;
  models?: string[] | null;
  reset_usage: boolean | null;
  create_default_provider: boolean | null;
  default_provider_slug: string | null;
  created_at: string | null;
  last_updated_at: string | null;
}

/** A workspace. `is_default` 1: the one to begin with. */
export interface WorkspaceShapesShownWorkspace {
  id: string;
  slug: string;
  name: string;
  description: string | null;
  organisation_id: string;
  created_at: string | null;
  last_updated_at: string | null;
  defaults: DefaultsBody;
  usage_limits: ShownUsageLimits[];
  rate_limits: RateLimits[];
  capture: "full" | "metadata" | "off";
  redact: RedactionBody | null;
  cache: ShownCacheCap;
  is_default: number;
  object: "workspace";
}

/** Every operation: what stands in its query and its body, and what it answers. */
export interface Operations {
  "GET /v1/admin/organisation": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: ShownOrganisation;
  };
  "PUT /v1/admin/organisation": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<ChangedOrganisation>;
    answer: ShownOrganisation;
  };
  "GET /v1/admin/organisation/defaults": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: ShownOrganisationDefaults;
  };
  "PUT /v1/admin/organisation/defaults": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<ChangedDefaults>;
    answer: Empty;
  };
  "GET /v1/admin/settings/alerts": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: AlertSettings;
  };
  "POST /v1/admin/settings/alerts/channels/{name}/test": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: string;
  };
  "GET /v1/admin/settings/gateway": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: GatewaySettings;
  };
  "GET /v1/admin/settings/identity": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: IdentitySettings;
  };
  "GET /v1/admin/settings/log": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: LogSettings;
  };
  "GET /v1/admin/settings/prices": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: PriceSettings;
  };
  "GET /v1/admin/state": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: State;
  };
  "GET /v1/admin/users": {
    query: { page_size?: number; current_page?: number; role?: "admin" | "member" | "owner" | null; status?: "active" | "disabled" | null; email?: string; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Listing_ShownUser;
  };
  "GET /v1/admin/users/invites": {
    query: { page_size?: number; current_page?: number; role?: "admin" | "member" | "owner" | null; status?: "accepted" | "cancelled" | "expired" | "pending" | null; email?: string; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Listing_ShownInvite;
  };
  "POST /v1/admin/users/invites": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<NewInvite>;
    answer: MadeInvite;
  };
  "POST /v1/admin/users/invites/accept": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<TakenInvite>;
    answer: Joined;
  };
  "DELETE /v1/admin/users/invites/{invite_id}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Empty;
  };
  "GET /v1/admin/users/invites/{invite_id}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: ShownInvite;
  };
  "POST /v1/admin/users/invites/{invite_id}/resend": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: ResentInvite;
  };
  "DELETE /v1/admin/users/{user_id}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Empty;
  };
  "GET /v1/admin/users/{user_id}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: ShownUser;
  };
  "PUT /v1/admin/users/{user_id}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<ChangedUser>;
    answer: Empty;
  };
  "GET /v1/admin/workspaces": {
    query: { page_size?: number; current_page?: number; name?: string; exact_name?: string; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Listing_ShownWorkspace;
  };
  "POST /v1/admin/workspaces": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<NewWorkspace>;
    answer: MadeWorkspace;
  };
  "DELETE /v1/admin/workspaces/{workspace_id}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<RemovedWorkspace>;
    answer: Empty;
  };
  "GET /v1/admin/workspaces/{workspace_id}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: WholeWorkspace;
  };
  "PUT /v1/admin/workspaces/{workspace_id}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<ChangedWorkspace>;
    answer: WorkspaceShapesShownWorkspace;
  };
  "GET /v1/admin/workspaces/{workspace_id}/users": {
    query: { page_size?: number; current_page?: number; role?: "admin" | "manager" | "member" | null; email?: string; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Listing_ShownMember;
  };
  "POST /v1/admin/workspaces/{workspace_id}/users": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<NewMembers>;
    answer: Empty;
  };
  "DELETE /v1/admin/workspaces/{workspace_id}/users/{user_id}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Empty;
  };
  "GET /v1/admin/workspaces/{workspace_id}/users/{user_id}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: ShownMember;
  };
  "PUT /v1/admin/workspaces/{workspace_id}/users/{user_id}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<ChangedMember>;
    answer: Empty;
  };
  "GET /v1/ai-models": {
    query: { page_size?: number; current_page?: number; ai_provider_id?: string; text?: string; retired?: boolean; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Listing_KnownModel;
  };
  "GET /v1/ai-providers": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Listing_KnownProvider;
  };
  "GET /v1/analytics/graphs/cache/hit-rate": {
    query: { time_of_generation_min: string; time_of_generation_max: string; status_code?: string; total_units_min?: number | null; total_units_max?: number | null; prompt_token_min?: number | null; prompt_token_max?: number | null; completion_token_min?: number | null; completion_token_max?: number | null; cost_min?: number | null; cost_max?: number | null; latency_min?: number | null; latency_max?: number | null; time_to_first_token_min?: number | null; time_to_first_token_max?: number | null; weighted_feedback_min?: number | null; weighted_feedback_max?: number | null; virtual_keys?: string; provider?: string; model?: string; ai_org_model?: string; configs?: string; api_key_ids?: string; user?: string; outcome?: string; operation?: string; error_code?: string; cache_status?: string; trace_id?: string; span_id?: string; cached_id?: string; prompt_slug?: string; metadata?: string; text?: string; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Graph_Hits__HitsPoint;
  };
  "GET /v1/analytics/graphs/cache/latency": {
    query: { time_of_generation_min: string; time_of_generation_max: string; status_code?: string; total_units_min?: number | null; total_units_max?: number | null; prompt_token_min?: number | null; prompt_token_max?: number | null; completion_token_min?: number | null; completion_token_max?: number | null; cost_min?: number | null; cost_max?: number | null; latency_min?: number | null; latency_max?: number | null; time_to_first_token_min?: number | null; time_to_first_token_max?: number | null; weighted_feedback_min?: number | null; weighted_feedback_max?: number | null; virtual_keys?: string; provider?: string; model?: string; ai_org_model?: string; configs?: string; api_key_ids?: string; user?: string; outcome?: string; operation?: string; error_code?: string; cache_status?: string; trace_id?: string; span_id?: string; cached_id?: string; prompt_slug?: string; metadata?: string; text?: string; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Graph_Average__AveragePoint;
  };
  "GET /v1/analytics/graphs/cost": {
    query: { time_of_generation_min: string; time_of_generation_max: string; status_code?: string; total_units_min?: number | null; total_units_max?: number | null; prompt_token_min?: number | null; prompt_token_max?: number | null; completion_token_min?: number | null; completion_token_max?: number | null; cost_min?: number | null; cost_max?: number | null; latency_min?: number | null; latency_max?: number | null; time_to_first_token_min?: number | null; time_to_first_token_max?: number | null; weighted_feedback_min?: number | null; weighted_feedback_max?: number | null; virtual_keys?: string; provider?: string; model?: string; ai_org_model?: string; configs?: string; api_key_ids?: string; user?: string; outcome?: string; operation?: string; error_code?: string; cache_status?: string; trace_id?: string; span_id?: string; cached_id?: string; prompt_slug?: string; metadata?: string; text?: string; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Graph_Amount__AmountPoint;
  };
  "GET /v1/analytics/graphs/errors": {
    query: { time_of_generation_min: string; time_of_generation_max: string; status_code?: string; total_units_min?: number | null; total_units_max?: number | null; prompt_token_min?: number | null; prompt_token_max?: number | null; completion_token_min?: number | null; completion_token_max?: number | null; cost_min?: number | null; cost_max?: number | null; latency_min?: number | null; latency_max?: number | null; time_to_first_token_min?: number | null; time_to_first_token_max?: number | null; weighted_feedback_min?: number | null; weighted_feedback_max?: number | null; virtual_keys?: string; provider?: string; model?: string; ai_org_model?: string; configs?: string; api_key_ids?: string; user?: string; outcome?: string; operation?: string; error_code?: string; cache_status?: string; trace_id?: string; span_id?: string; cached_id?: string; prompt_slug?: string; metadata?: string; text?: string; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Graph_Total__TotalPoint;
  };
  "GET /v1/analytics/graphs/errors/rate": {
    query: { time_of_generation_min: string; time_of_generation_max: string; status_code?: string; total_units_min?: number | null; total_units_max?: number | null; prompt_token_min?: number | null; prompt_token_max?: number | null; completion_token_min?: number | null; completion_token_max?: number | null; cost_min?: number | null; cost_max?: number | null; latency_min?: number | null; latency_max?: number | null; time_to_first_token_min?: number | null; time_to_first_token_max?: number | null; weighted_feedback_min?: number | null; weighted_feedback_max?: number | null; virtual_keys?: string; provider?: string; model?: string; ai_org_model?: string; configs?: string; api_key_ids?: string; user?: string; outcome?: string; operation?: string; error_code?: string; cache_status?: string; trace_id?: string; span_id?: string; cached_id?: string; prompt_slug?: string; metadata?: string; text?: string; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Graph_Rate__RatePoint;
  };
  "GET /v1/analytics/graphs/errors/stacks": {
    query: { time_of_generation_min: string; time_of_generation_max: string; status_code?: string; total_units_min?: number | null; total_units_max?: number | null; prompt_token_min?: number | null; prompt_token_max?: number | null; completion_token_min?: number | null; completion_token_max?: number | null; cost_min?: number | null; cost_max?: number | null; latency_min?: number | null; latency_max?: number | null; time_to_first_token_min?: number | null; time_to_first_token_max?: number | null; weighted_feedback_min?: number | null; weighted_feedback_max?: number | null; virtual_keys?: string; provider?: string; model?: string; ai_org_model?: string; configs?: string; api_key_ids?: string; user?: string; outcome?: string; operation?: string; error_code?: string; cache_status?: string; trace_id?: string; span_id?: string; cached_id?: string; prompt_slug?: string; metadata?: string; text?: string; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Graph_Total__StackPoint;
  };
  "GET /v1/analytics/graphs/errors/status-codes": {
    query: { time_of_generation_min: string; time_of_generation_max: string; status_code?: string; total_units_min?: number | null; total_units_max?: number | null; prompt_token_min?: number | null; prompt_token_max?: number | null; completion_token_min?: number | null; completion_token_max?: number | null; cost_min?: number | null; cost_max?: number | null; latency_min?: number | null; latency_max?: number | null; time_to_first_token_min?: number | null; time_to_first_token_max?: number | null; weighted_feedback_min?: number | null; weighted_feedback_max?: number | null; virtual_keys?: string; provider?: string; model?: string; ai_org_model?: string; configs?: string; api_key_ids?: string; user?: string; outcome?: string; operation?: string; error_code?: string; cache_status?: string; trace_id?: string; span_id?: string; cached_id?: string; prompt_slug?: string; metadata?: string; text?: string; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Graph_CodeTotals__CodePoint;
  };
  "GET /v1/analytics/graphs/feedbacks": {
    query: { time_of_generation_min: string; time_of_generation_max: string; status_code?: string; total_units_min?: number | null; total_units_max?: number | null; prompt_token_min?: number | null; prompt_token_max?: number | null; completion_token_min?: number | null; completion_token_max?: number | null; cost_min?: number | null; cost_max?: number | null; latency_min?: number | null; latency_max?: number | null; time_to_first_token_min?: number | null; time_to_first_token_max?: number | null; weighted_feedback_min?: number | null; weighted_feedback_max?: number | null; virtual_keys?: string; provider?: string; model?: string; ai_org_model?: string; configs?: string; api_key_ids?: string; user?: string; outcome?: string; operation?: string; error_code?: string; cache_status?: string; trace_id?: string; span_id?: string; cached_id?: string; prompt_slug?: string; metadata?: string; text?: string; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Graph_Total__TotalPoint;
  };
  "GET /v1/analytics/graphs/feedbacks/ai-models": {
    query: { time_of_generation_min: string; time_of_generation_max: string; status_code?: string; total_units_min?: number | null; total_units_max?: number | null; prompt_token_min?: number | null; prompt_token_max?: number | null; completion_token_min?: number | null; completion_token_max?: number | null; cost_min?: number | null; cost_max?: number | null; latency_min?: number | null; latency_max?: number | null; time_to_first_token_min?: number | null; time_to_first_token_max?: number | null; weighted_feedback_min?: number | null; weighted_feedback_max?: number | null; virtual_keys?: string; provider?: string; model?: string; ai_org_model?: string; configs?: string; api_key_ids?: string; user?: string; outcome?: string; operation?: string; error_code?: string; cache_status?: string; trace_id?: string; span_id?: string; cached_id?: string; prompt_slug?: string; metadata?: string; text?: string; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Graph_dict_str__int___ModelFeedback;
  };
  "GET /v1/analytics/graphs/feedbacks/scores": {
    query: { time_of_generation_min: string; time_of_generation_max: string; status_code?: string; total_units_min?: number | null; total_units_max?: number | null; prompt_token_min?: number | null; prompt_token_max?: number | null; completion_token_min?: number | null; completion_token_max?: number | null; cost_min?: number | null; cost_max?: number | null; latency_min?: number | null; latency_max?: number | null; time_to_first_token_min?: number | null; time_to_first_token_max?: number | null; weighted_feedback_min?: number | null; weighted_feedback_max?: number | null; virtual_keys?: string; provider?: string; model?: string; ai_org_model?: string; configs?: string; api_key_ids?: string; user?: string; outcome?: string; operation?: string; error_code?: string; cache_status?: string; trace_id?: string; span_id?: string; cached_id?: string; prompt_slug?: string; metadata?: string; text?: string; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Graph_Scores__ScorePoint;
  };
  "GET /v1/analytics/graphs/feedbacks/weighted": {
    query: { time_of_generation_min: string; time_of_generation_max: string; status_code?: string; total_units_min?: number | null; total_units_max?: number | null; prompt_token_min?: number | null; prompt_token_max?: number | null; completion_token_min?: number | null; completion_token_max?: number | null; cost_min?: number | null; cost_max?: number | null; latency_min?: number | null; latency_max?: number | null; time_to_first_token_min?: number | null; time_to_first_token_max?: number | null; weighted_feedback_min?: number | null; weighted_feedback_max?: number | null; virtual_keys?: string; provider?: string; model?: string; ai_org_model?: string; configs?: string; api_key_ids?: string; user?: string; outcome?: string; operation?: string; error_code?: string; cache_status?: string; trace_id?: string; span_id?: string; cached_id?: string; prompt_slug?: string; metadata?: string; text?: string; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Graph_Average__AveragePoint;
  };
  "GET /v1/analytics/graphs/latency": {
    query: { time_of_generation_min: string; time_of_generation_max: string; status_code?: string; total_units_min?: number | null; total_units_max?: number | null; prompt_token_min?: number | null; prompt_token_max?: number | null; completion_token_min?: number | null; completion_token_max?: number | null; cost_min?: number | null; cost_max?: number | null; latency_min?: number | null; latency_max?: number | null; time_to_first_token_min?: number | null; time_to_first_token_max?: number | null; weighted_feedback_min?: number | null; weighted_feedback_max?: number | null; virtual_keys?: string; provider?: string; model?: string; ai_org_model?: string; configs?: string; api_key_ids?: string; user?: string; outcome?: string; operation?: string; error_code?: string; cache_status?: string; trace_id?: string; span_id?: string; cached_id?: string; prompt_slug?: string; metadata?: string; text?: string; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Graph_Times__TimesPoint;
  };
  "GET /v1/analytics/graphs/requests": {
    query: { time_of_generation_min: string; time_of_generation_max: string; status_code?: string; total_units_min?: number | null; total_units_max?: number | null; prompt_token_min?: number | null; prompt_token_max?: number | null; completion_token_min?: number | null; completion_token_max?: number | null; cost_min?: number | null; cost_max?: number | null; latency_min?: number | null; latency_max?: number | null; time_to_first_token_min?: number | null; time_to_first_token_max?: number | null; weighted_feedback_min?: number | null; weighted_feedback_max?: number | null; virtual_keys?: string; provider?: string; model?: string; ai_org_model?: string; configs?: string; api_key_ids?: string; user?: string; outcome?: string; operation?: string; error_code?: string; cache_status?: string; trace_id?: string; span_id?: string; cached_id?: string; prompt_slug?: string; metadata?: string; text?: string; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Graph_Total__TotalPoint;
  };
  "GET /v1/analytics/graphs/requests/rescued": {
    query: { time_of_generation_min: string; time_of_generation_max: string; status_code?: string; total_units_min?: number | null; total_units_max?: number | null; prompt_token_min?: number | null; prompt_token_max?: number | null; completion_token_min?: number | null; completion_token_max?: number | null; cost_min?: number | null; cost_max?: number | null; latency_min?: number | null; latency_max?: number | null; time_to_first_token_min?: number | null; time_to_first_token_max?: number | null; weighted_feedback_min?: number | null; weighted_feedback_max?: number | null; virtual_keys?: string; provider?: string; model?: string; ai_org_model?: string; configs?: string; api_key_ids?: string; user?: string; outcome?: string; operation?: string; error_code?: string; cache_status?: string; trace_id?: string; span_id?: string; cached_id?: string; prompt_slug?: string; metadata?: string; text?: string; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Graph_Rescued__RescuedPoint;
  };
  "GET /v1/analytics/graphs/tokens": {
    query: { time_of_generation_min: string; time_of_generation_max: string; status_code?: string; total_units_min?: number | null; total_units_max?: number | null; prompt_token_min?: number | null; prompt_token_max?: number | null; completion_token_min?: number | null; completion_token_max?: number | null; cost_min?: number | null; cost_max?: number | null; latency_min?: number | null; latency_max?: number | null; time_to_first_token_min?: number | null; time_to_first_token_max?: number | null; weighted_feedback_min?: number | null; weighted_feedback_max?: number | null; virtual_keys?: string; provider?: string; model?: string; ai_org_model?: string; configs?: string; api_key_ids?: string; user?: string; outcome?: string; operation?: string; error_code?: string; cache_status?: string; trace_id?: string; span_id?: string; cached_id?: string; prompt_slug?: string; metadata?: string; text?: string; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Graph_Amount__AmountPoint;
  };
  "GET /v1/analytics/graphs/users": {
    query: { time_of_generation_min: string; time_of_generation_max: string; status_code?: string; total_units_min?: number | null; total_units_max?: number | null; prompt_token_min?: number | null; prompt_token_max?: number | null; completion_token_min?: number | null; completion_token_max?: number | null; cost_min?: number | null; cost_max?: number | null; latency_min?: number | null; latency_max?: number | null; time_to_first_token_min?: number | null; time_to_first_token_max?: number | null; weighted_feedback_min?: number | null; weighted_feedback_max?: number | null; virtual_keys?: string; provider?: string; model?: string; ai_org_model?: string; configs?: string; api_key_ids?: string; user?: string; outcome?: string; operation?: string; error_code?: string; cache_status?: string; trace_id?: string; span_id?: string; cached_id?: string; prompt_slug?: string; metadata?: string; text?: string; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Graph_Total__TotalPoint;
  };
  "GET /v1/analytics/graphs/users/requests": {
    query: { time_of_generation_min: string; time_of_generation_max: string; status_code?: string; total_units_min?: number | null; total_units_max?: number | null; prompt_token_min?: number | null; prompt_token_max?: number | null; completion_token_min?: number | null; completion_token_max?: number | null; cost_min?: number | null; cost_max?: number | null; latency_min?: number | null; latency_max?: number | null; time_to_first_token_min?: number | null; time_to_first_token_max?: number | null; weighted_feedback_min?: number | null; weighted_feedback_max?: number | null; virtual_keys?: string; provider?: string; model?: string; ai_org_model?: string; configs?: string; api_key_ids?: string; user?: string; outcome?: string; operation?: string; error_code?: string; cache_status?: string; trace_id?: string; span_id?: string; cached_id?: string; prompt_slug?: string; metadata?: string; text?: string; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Graph_PerUser__AveragePoint;
  };
  "GET /v1/analytics/groups/metadata/{name}": {
    query: { time_of_generation_min: string; time_of_generation_max: string; status_code?: string; total_units_min?: number | null; total_units_max?: number | null; prompt_token_min?: number | null; prompt_token_max?: number | null; completion_token_min?: number | null; completion_token_max?: number | null; cost_min?: number | null; cost_max?: number | null; latency_min?: number | null; latency_max?: number | null; time_to_first_token_min?: number | null; time_to_first_token_max?: number | null; weighted_feedback_min?: number | null; weighted_feedback_max?: number | null; virtual_keys?: string; provider?: string; model?: string; ai_org_model?: string; configs?: string; api_key_ids?: string; user?: string; outcome?: string; operation?: string; error_code?: string; cache_status?: string; trace_id?: string; span_id?: string; cached_id?: string; prompt_slug?: string; metadata?: string; text?: string; page_size?: number; current_page?: number; order_by?: string; order_by_type?: "asc" | "desc"; columns?: string; include_total?: boolean; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Listing_dict_str__Any;
  };
  "GET /v1/analytics/groups/{by}": {
    query: { time_of_generation_min: string; time_of_generation_max: string; status_code?: string; total_units_min?: number | null; total_units_max?: number | null; prompt_token_min?: number | null; prompt_token_max?: number | null; completion_token_min?: number | null; completion_token_max?: number | null; cost_min?: number | null; cost_max?: number | null; latency_min?: number | null; latency_max?: number | null; time_to_first_token_min?: number | null; time_to_first_token_max?: number | null; weighted_feedback_min?: number | null; weighted_feedback_max?: number | null; virtual_keys?: string; provider?: string; model?: string; ai_org_model?: string; configs?: string; api_key_ids?: string; user?: string; outcome?: string; operation?: string; error_code?: string; cache_status?: string; trace_id?: string; span_id?: string; cached_id?: string; prompt_slug?: string; metadata?: string; text?: string; page_size?: number; current_page?: number; order_by?: string; order_by_type?: "asc" | "desc"; columns?: string; include_total?: boolean; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Listing_dict_str__Any;
  };
  "GET /v1/analytics/overview": {
    query: { time_of_generation_min: string; time_of_generation_max: string; status_code?: string; total_units_min?: number | null; total_units_max?: number | null; prompt_token_min?: number | null; prompt_token_max?: number | null; completion_token_min?: number | null; completion_token_max?: number | null; cost_min?: number | null; cost_max?: number | null; latency_min?: number | null; latency_max?: number | null; time_to_first_token_min?: number | null; time_to_first_token_max?: number | null; weighted_feedback_min?: number | null; weighted_feedback_max?: number | null; virtual_keys?: string; provider?: string; model?: string; ai_org_model?: string; configs?: string; api_key_ids?: string; user?: string; outcome?: string; operation?: string; error_code?: string; cache_status?: string; trace_id?: string; span_id?: string; cached_id?: string; prompt_slug?: string; metadata?: string; text?: string; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Overview;
  };
  "GET /v1/analytics/spend": {
    query: { time_of_generation_min: string; time_of_generation_max: string; status_code?: string; total_units_min?: number | null; total_units_max?: number | null; prompt_token_min?: number | null; prompt_token_max?: number | null; completion_token_min?: number | null; completion_token_max?: number | null; cost_min?: number | null; cost_max?: number | null; latency_min?: number | null; latency_max?: number | null; time_to_first_token_min?: number | null; time_to_first_token_max?: number | null; weighted_feedback_min?: number | null; weighted_feedback_max?: number | null; virtual_keys?: string; provider?: string; model?: string; ai_org_model?: string; configs?: string; api_key_ids?: string; user?: string; outcome?: string; operation?: string; error_code?: string; cache_status?: string; trace_id?: string; span_id?: string; cached_id?: string; prompt_slug?: string; metadata?: string; text?: string; by?: string; step?: "all" | "day" | "month" | null; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Record<string, unknown>;
  };
  "GET /v1/analytics/spend/{format}": {
    query: { time_of_generation_min: string; time_of_generation_max: string; status_code?: string; total_units_min?: number | null; total_units_max?: number | null; prompt_token_min?: number | null; prompt_token_max?: number | null; completion_token_min?: number | null; completion_token_max?: number | null; cost_min?: number | null; cost_max?: number | null; latency_min?: number | null; latency_max?: number | null; time_to_first_token_min?: number | null; time_to_first_token_max?: number | null; weighted_feedback_min?: number | null; weighted_feedback_max?: number | null; virtual_keys?: string; provider?: string; model?: string; ai_org_model?: string; configs?: string; api_key_ids?: string; user?: string; outcome?: string; operation?: string; error_code?: string; cache_status?: string; trace_id?: string; span_id?: string; cached_id?: string; prompt_slug?: string; metadata?: string; text?: string; by?: string; step?: "all" | "day" | "month" | null; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: string;
  };
  "GET /v1/analytics/summary/cache": {
    query: { time_of_generation_min: string; time_of_generation_max: string; status_code?: string; total_units_min?: number | null; total_units_max?: number | null; prompt_token_min?: number | null; prompt_token_max?: number | null; completion_token_min?: number | null; completion_token_max?: number | null; cost_min?: number | null; cost_max?: number | null; latency_min?: number | null; latency_max?: number | null; time_to_first_token_min?: number | null; time_to_first_token_max?: number | null; weighted_feedback_min?: number | null; weighted_feedback_max?: number | null; virtual_keys?: string; provider?: string; model?: string; ai_org_model?: string; configs?: string; api_key_ids?: string; user?: string; outcome?: string; operation?: string; error_code?: string; cache_status?: string; trace_id?: string; span_id?: string; cached_id?: string; prompt_slug?: string; metadata?: string; text?: string; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: CacheSummary;
  };
  "GET /v1/analytics/summary/prompt-cache": {
    query: { time_of_generation_min: string; time_of_generation_max: string; status_code?: string; total_units_min?: number | null; total_units_max?: number | null; prompt_token_min?: number | null; prompt_token_max?: number | null; completion_token_min?: number | null; completion_token_max?: number | null; cost_min?: number | null; cost_max?: number | null; latency_min?: number | null; latency_max?: number | null; time_to_first_token_min?: number | null; time_to_first_token_max?: number | null; weighted_feedback_min?: number | null; weighted_feedback_max?: number | null; virtual_keys?: string; provider?: string; model?: string; ai_org_model?: string; configs?: string; api_key_ids?: string; user?: string; outcome?: string; operation?: string; error_code?: string; cache_status?: string; trace_id?: string; span_id?: string; cached_id?: string; prompt_slug?: string; metadata?: string; text?: string; page_size?: number; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Listing_PromptCacheUse;
  };
  "GET /v1/analytics/summary/speed": {
    query: { time_of_generation_min: string; time_of_generation_max: string; status_code?: string; total_units_min?: number | null; total_units_max?: number | null; prompt_token_min?: number | null; prompt_token_max?: number | null; completion_token_min?: number | null; completion_token_max?: number | null; cost_min?: number | null; cost_max?: number | null; latency_min?: number | null; latency_max?: number | null; time_to_first_token_min?: number | null; time_to_first_token_max?: number | null; weighted_feedback_min?: number | null; weighted_feedback_max?: number | null; virtual_keys?: string; provider?: string; model?: string; ai_org_model?: string; configs?: string; api_key_ids?: string; user?: string; outcome?: string; operation?: string; error_code?: string; cache_status?: string; trace_id?: string; span_id?: string; cached_id?: string; prompt_slug?: string; metadata?: string; text?: string; page_size?: number; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Listing_Pace;
  };
  "GET /v1/analytics/unpriced": {
    query: { time_of_generation_min: string; time_of_generation_max: string; status_code?: string; total_units_min?: number | null; total_units_max?: number | null; prompt_token_min?: number | null; prompt_token_max?: number | null; completion_token_min?: number | null; completion_token_max?: number | null; cost_min?: number | null; cost_max?: number | null; latency_min?: number | null; latency_max?: number | null; time_to_first_token_min?: number | null; time_to_first_token_max?: number | null; weighted_feedback_min?: number | null; weighted_feedback_max?: number | null; virtual_keys?: string; provider?: string; model?: string; ai_org_model?: string; configs?: string; api_key_ids?: string; user?: string; outcome?: string; operation?: string; error_code?: string; cache_status?: string; trace_id?: string; span_id?: string; cached_id?: string; prompt_slug?: string; metadata?: string; text?: string; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: UnpricedUsage;
  };
  "GET /v1/api-keys": {
    query: { page_size?: number; current_page?: number; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Listing_ShownApiKey;
  };
  "POST /v1/api-keys/organisation/service": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<NewApiKey>;
    answer: MadeApiKey;
  };
  "POST /v1/api-keys/organisation/user": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<NewApiKey>;
    answer: MadeApiKey;
  };
  "POST /v1/api-keys/workspace/service": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<NewApiKey>;
    answer: MadeApiKey;
  };
  "POST /v1/api-keys/workspace/user": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<NewApiKey>;
    answer: MadeApiKey;
  };
  "DELETE /v1/api-keys/{id}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Empty;
  };
  "GET /v1/api-keys/{id}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: ShownApiKey;
  };
  "PUT /v1/api-keys/{id}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<ChangedApiKey>;
    answer: Empty;
  };
  "POST /v1/api-keys/{id}/rotate": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<Turn>;
    answer: RotatedApiKey;
  };
  "GET /v1/audit-logs": {
    query: { page_size?: number; current_page?: number; start_time?: string; end_time?: string; workspace_id?: string; method?: string; uri?: string; request_id?: string; user_id?: string; user_type?: string; response_status_code?: number | null; resource_type?: string; resource_id?: string; action?: string; client_ip?: string; country?: string; cursor?: string; organisation_id?: string };
    body: undefined;
    answer: AuditRecords;
  };
  "GET /v1/cache": {
    query: { time_of_generation_min?: string; time_of_generation_max?: string; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: ShownCache;
  };
  "DELETE /v1/cache/entries": {
    query: { namespace?: string | null; provider?: string; ai_model?: string; id?: string; older_than?: number | null; created_before?: string; all?: boolean; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Purged;
  };
  "GET /v1/cache/entries": {
    query: { namespace?: string | null; provider?: string; ai_model?: string; id?: string; older_than?: number | null; created_before?: string; page_size?: number; current_page?: number; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Listing_ShownEntry;
  };
  "GET /v1/cache/entries/{id}/served": {
    query: { page_size?: number; cursor?: string; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: ServedPage;
  };
  "GET /v1/cache/shadow": {
    query: { time_of_generation_min?: string; time_of_generation_max?: string; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: ShownShadows;
  };
  "GET /v1/config-schema": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Record<string, unknown>;
  };
  "GET /v1/configs": {
    query: { page_size?: number; current_page?: number; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: SuccessListing_ConfigSummary;
  };
  "POST /v1/configs": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<NewConfig>;
    answer: MadeConfig;
  };
  "POST /v1/configs/check": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<CheckedConfig>;
    answer: Checked;
  };
  "POST /v1/configs/explain": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<ExplainAsked>;
    answer: string;
  };
  "DELETE /v1/configs/{slug}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Empty;
  };
  "GET /v1/configs/{slug}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: ShownConfig;
  };
  "PUT /v1/configs/{slug}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<ChangedConfig>;
    answer: MadeConfig;
  };
  "GET /v1/configs/{slug}/versions": {
    query: { page_size?: number; current_page?: number; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Listing_ShownVersion;
  };
  "POST /v1/feedback": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<NewFeedback>[] | Partial<NewFeedback>;
    answer: KeptFeedback;
  };
  "PUT /v1/feedback/{id}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<ChangedFeedback>;
    answer: KeptFeedback;
  };
  "GET /v1/integrations": {
    query: { page_size?: number; current_page?: number; workspace_id?: string; type?: "all" | "organisation" | "workspace"; organisation_id?: string };
    body: undefined;
    answer: Listing_IntegrationSummary;
  };
  "POST /v1/integrations": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<NewIntegration>;
    answer: MadeIntegration;
  };
  "POST /v1/integrations/test": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<TrialAsked>;
    answer: string;
  };
  "DELETE /v1/integrations/{slug}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Empty;
  };
  "GET /v1/integrations/{slug}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: ShownIntegration;
  };
  "PUT /v1/integrations/{slug}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<ChangedIntegration>;
    answer: Empty;
  };
  "DELETE /v1/integrations/{slug}/models": {
    query: { slugs: string; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Empty;
  };
  "GET /v1/integrations/{slug}/models": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: ShownModels;
  };
  "PUT /v1/integrations/{slug}/models": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<ChangedModels>;
    answer: Empty;
  };
  "GET /v1/integrations/{slug}/workspaces": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: ShownWorkspaces;
  };
  "PUT /v1/integrations/{slug}/workspaces": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<ChangedWorkspaces>;
    answer: Empty;
  };
  "GET /v1/logs": {
    query: { time_of_generation_min?: string; time_of_generation_max?: string; status_code?: string; total_units_min?: number | null; total_units_max?: number | null; prompt_token_min?: number | null; prompt_token_max?: number | null; completion_token_min?: number | null; completion_token_max?: number | null; cost_min?: number | null; cost_max?: number | null; latency_min?: number | null; latency_max?: number | null; time_to_first_token_min?: number | null; time_to_first_token_max?: number | null; weighted_feedback_min?: number | null; weighted_feedback_max?: number | null; virtual_keys?: string; provider?: string; model?: string; ai_org_model?: string; configs?: string; api_key_ids?: string; user?: string; outcome?: string; operation?: string; error_code?: string; cache_status?: string; trace_id?: string; span_id?: string; cached_id?: string; prompt_slug?: string; metadata?: string; text?: string; page_size?: number; cursor?: string; include_total?: boolean; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: LogPage;
  };
  "POST /v1/logs": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<Posted>[] | Partial<Posted>;
    answer: PostedLogs;
  };
  "GET /v1/logs/exports": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Listing_ShownExport;
  };
  "POST /v1/logs/exports": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<NewExport>;
    answer: MadeExport;
  };
  "GET /v1/logs/exports/files/{token}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: string;
  };
  "GET /v1/logs/exports/{id}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: ShownExport;
  };
  "PUT /v1/logs/exports/{id}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<ChangedExport>;
    answer: MadeExport;
  };
  "POST /v1/logs/exports/{id}/cancel": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Told;
  };
  "GET /v1/logs/exports/{id}/content": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: string;
  };
  "GET /v1/logs/exports/{id}/download": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Link;
  };
  "POST /v1/logs/exports/{id}/start": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Told;
  };
  "GET /v1/logs/repricings": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Listing_ShownRepricing;
  };
  "POST /v1/logs/repricings": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<NewRepricing>;
    answer: ShownRepricing;
  };
  "GET /v1/logs/repricings/{id}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: ShownRepricing;
  };
  "POST /v1/logs/repricings/{id}/apply": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: ShownRepricing;
  };
  "POST /v1/logs/repricings/{id}/cancel": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: ShownRepricing;
  };
  "GET /v1/logs/tail": {
    query: { time_of_generation_min?: string; time_of_generation_max?: string; status_code?: string; total_units_min?: number | null; total_units_max?: number | null; prompt_token_min?: number | null; prompt_token_max?: number | null; completion_token_min?: number | null; completion_token_max?: number | null; cost_min?: number | null; cost_max?: number | null; latency_min?: number | null; latency_max?: number | null; time_to_first_token_min?: number | null; time_to_first_token_max?: number | null; weighted_feedback_min?: number | null; weighted_feedback_max?: number | null; virtual_keys?: string; provider?: string; model?: string; ai_org_model?: string; configs?: string; api_key_ids?: string; user?: string; outcome?: string; operation?: string; error_code?: string; cache_status?: string; trace_id?: string; span_id?: string; cached_id?: string; prompt_slug?: string; metadata?: string; text?: string; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: string;
  };
  "GET /v1/logs/{id}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: LogDetail;
  };
  "GET /v1/logs/{id}/conversation": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Conversation;
  };
  "POST /v1/logs/{id}/replay": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<ReplayAsked>;
    answer: string;
  };
  "GET /v1/model-configs/pricing/{provider}/{model}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: ModelPrice;
  };
  "POST /v1/playground": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<PlayAsked>;
    answer: string;
  };
  "GET /v1/playground/models": {
    query: { key?: string; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: PlayModels;
  };
  "GET /v1/policies/rate-limits": {
    query: { page_size?: number; current_page?: number; workspace_id?: string; type?: "concurrent" | "requests" | "tokens" | null; status?: "active" | "paused" | null; organisation_id?: string };
    body: undefined;
    answer: Listing_ShownRatePolicy;
  };
  "POST /v1/policies/rate-limits": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<NewRatePolicy>;
    answer: MadeRatePolicy;
  };
  "DELETE /v1/policies/rate-limits/{id}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Empty;
  };
  "GET /v1/policies/rate-limits/{id}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: ShownRatePolicy;
  };
  "PUT /v1/policies/rate-limits/{id}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<ChangedRatePolicy>;
    answer: MadeRatePolicy;
  };
  "GET /v1/policies/usage-limits": {
    query: { page_size?: number; current_page?: number; workspace_id?: string; type?: "cost" | "requests" | "tokens" | null; status?: "active" | "paused" | null; organisation_id?: string };
    body: undefined;
    answer: Listing_ShownUsagePolicy;
  };
  "POST /v1/policies/usage-limits": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<NewUsagePolicy>;
    answer: MadeUsagePolicy;
  };
  "DELETE /v1/policies/usage-limits/{id}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Empty;
  };
  "GET /v1/policies/usage-limits/{id}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: ShownUsagePolicy;
  };
  "PUT /v1/policies/usage-limits/{id}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<ChangedUsagePolicy>;
    answer: MadeUsagePolicy;
  };
  "GET /v1/policies/usage-limits/{id}/entities": {
    query: { page_size?: number; current_page?: number; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Listing_Entity;
  };
  "PUT /v1/policies/usage-limits/{id}/entities/{entity_id}/reset": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<ResetEntity>;
    answer: Empty;
  };
  "GET /v1/providers": {
    query: { page_size?: number; current_page?: number; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Listing_ShownProvider;
  };
  "POST /v1/providers": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<NewProvider>;
    answer: MadeProvider;
  };
  "DELETE /v1/providers/{slug}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Empty;
  };
  "GET /v1/providers/{slug}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: ShownProvider;
  };
  "PUT /v1/providers/{slug}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<ChangedProvider>;
    answer: MadeProvider;
  };
  "GET /v1/secret-references": {
    query: { page_size?: number; current_page?: number; manager_type?: "aws_sm" | "azure_kv" | "file" | "hashicorp_vault" | null; search?: string; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Listing_ShownSecretReference;
  };
  "POST /v1/secret-references": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<NewSecretReference>;
    answer: MadeSecretReference;
  };
  "DELETE /v1/secret-references/{id}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Empty;
  };
  "GET /v1/secret-references/{id}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: ShownSecretReference;
  };
  "PUT /v1/secret-references/{id}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<ChangedSecretReference>;
    answer: Empty;
  };
  "GET /v1/traces": {
    query: { time_of_generation_min?: string; time_of_generation_max?: string; status_code?: string; total_units_min?: number | null; total_units_max?: number | null; prompt_token_min?: number | null; prompt_token_max?: number | null; completion_token_min?: number | null; completion_token_max?: number | null; cost_min?: number | null; cost_max?: number | null; latency_min?: number | null; latency_max?: number | null; time_to_first_token_min?: number | null; time_to_first_token_max?: number | null; weighted_feedback_min?: number | null; weighted_feedback_max?: number | null; virtual_keys?: string; provider?: string; model?: string; ai_org_model?: string; configs?: string; api_key_ids?: string; user?: string; outcome?: string; operation?: string; error_code?: string; cache_status?: string; trace_id?: string; span_id?: string; cached_id?: string; prompt_slug?: string; metadata?: string; text?: string; page_size?: number; cursor?: string; span_count_min?: number; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: TracePage;
  };
  "GET /v1/traces/{trace_id}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: ShownTrace;
  };
  "GET /v1/virtual-keys": {
    query: { page_size?: number; current_page?: number; workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Listing_ShownVirtualKey;
  };
  "POST /v1/virtual-keys": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<NewVirtualKey>;
    answer: MadeVirtualKey;
  };
  "DELETE /v1/virtual-keys/{slug}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: Empty;
  };
  "GET /v1/virtual-keys/{slug}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: undefined;
    answer: ShownVirtualKey;
  };
  "PUT /v1/virtual-keys/{slug}": {
    query: { workspace_id?: string; organisation_id?: string };
    body: Partial<ChangedVirtualKey>;
    answer: MadeVirtualKey;
  };
}

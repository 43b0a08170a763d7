/** What POST /v1/configs/explain answers, as far as it is shown (`pipeline.explanation`). */
export interface No {
  status: number;
  code: string;
  message: string;
}
export interface Told {
  at: string;
  name?: string;
  provider?: string;
  model?: string;
  gear?: string;
  put?: string[];
  changed?: string[];
  left_out?: string[];
  losses?: string[];
  circuit?: { state?: string };
  skipped?: string;
}
export interface Course {
  odds: number;
  tries: { at: string; provider: string; model: string; times?: number; fails?: string }[];
  decisions: { at: string; what: string; why?: string }[];
  ends: "answers" | "fails" | "refused";
  refusal?: No;
}
export interface Explanation {
  model?: string;
  refusal?: No;
  targets?: Told[];
  ways?: Course[];
  rest?: number;
}

// Places the lines of a request on its screen by their roles.

import type { PendingRequest, Role, TranscriptLine } from "../backend/types";

export interface Layout {
  test?: TranscriptLine;
  practice?: TranscriptLine;
  kind?: TranscriptLine;
  held?: TranscriptLine;
  firstRequest?: TranscriptLine;
  repeat?: TranscriptLine;
  subject?: TranscriptLine;
  client?: TranscriptLine;
  provider?: TranscriptLine;
  address?: TranscriptLine;
  gateway?: TranscriptLine;
  amounts: TranscriptLine[];
  payees: TranscriptLine[];
  message?: TranscriptLine;
  number?: TranscriptLine;
  /** The numbers to choose from, which the number entry shows. */
  choices: TranscriptLine[];
  /** The heading of the only element, which the fold's heading replaces. */
  heading?: TranscriptLine;
  warning?: TranscriptLine;
  /** Always visible, below amount and payee. */
  shown: TranscriptLine[];
  /** Behind "Details". */
  folded: TranscriptLine[];
  /** Behind "Where from". */
  context: TranscriptLine[];
}

const SINGLE: Partial<Record<Role, keyof Layout>> = {
  test: "test",
  practice: "practice",
  kind: "kind",
  held: "held",
  first_request: "firstRequest",
  repeat: "repeat",
  client: "client",
  client_claimed: "client",
  subject: "subject",
  provider: "provider",
  provider_claimed: "provider",
  provider_address: "address",
  gateway: "gateway",
  message: "message",
  number: "number",
  warning: "warning",
};

/** Gives every line exactly one place. Details of a single payment fold; unrecognised details never do. */
export function layOutLines(request: Pick<PendingRequest, "lines" | "unrecognised">): Layout {
  const layout: Layout = { amounts: [], payees: [], choices: [], shown: [], folded: [], context: [] };
  const several = elements(request.lines) > 1 || request.unrecognised;
  for (const line of request.lines) {
    const place = SINGLE[line.role];
    if (place && layout[place] === undefined) Object.assign(layout, { [place]: line });
    else if (line.role === "choice") layout.choices.push(line);
    else if (!several && line.role === "section" && !layout.heading) layout.heading = line;
    else if (several && (line.role === "amount" || line.role === "payee")) layout.shown.push(line);
    else if (line.role === "amount") layout.amounts.push(line);
    else if (line.role === "payee") layout.payees.push(line);
    else if (line.role === "context") layout.context.push(line);
    else if (isFolded(line, several)) layout.folded.push(line);
    else layout.shown.push(line);
  }
  return layout;
}

/** How many elements the details have: each begins with a section that names it. */
function elements(lines: TranscriptLine[]): number {
  const named = lines.filter((line) => line.role === "section").map((line) => line.label_from ?? "");
  return new Set(named.filter((from) => /\/authorization_details_json\/\d+$/.test(from))).size;
}

/** Scopes that let a client know who somebody is, and nothing else (OpenID Connect Core §5.4). */
const IDENTITY: ReadonlySet<string> = new Set(["openid", "profile", "email", "phone", "address"]);

function isFolded(line: TranscriptLine, several: boolean): boolean {
  if (line.role === "scope" && line.type === "text" && !several)
    return line.value.split(" ").every((scope) => IDENTITY.has(scope));
  if (
    line.role === "client_id" ||
    line.role === "asked_at" ||
    line.role === "answer_until" ||
    line.role === "assurance"
  )
    return true;
  if (line.prominence === 3) return !several;
  // Account and reference of a payment: named in the fold's heading.
  return line.prominence === 2 && (line.role === "detail" || line.role === "account") && !several;
}

/** What the fold's heading names: the labels of its details of prominence 2. */
export function foldSummary(lines: TranscriptLine[]): string {
  const labels = lines
    .filter((line) => line.prominence === 2 && (line.role === "detail" || line.role === "account"))
    .map((line) => line.label);
  return [...new Set(labels)].join(", ");
}

/** Lines that stand together: the device's own captions, or the client's under a heading that says so. */
export interface Segment {
  heading?: string;
  lines: TranscriptLine[];
}

/** Splits lines where the client's own captions begin and end. A section before them becomes their heading. */
export function segments(lines: TranscriptLine[]): Segment[] {
  const all: Segment[] = [];
  for (const line of lines) {
    const named = line.role === "client_detail";
    const last = all.at(-1);
    if (last && named && last.heading !== undefined) last.lines.push(line);
    else if (named) {
      const before = last?.lines.at(-1);
      const heading = before?.role === "section" ? (last?.lines.pop()?.label ?? "") : "…";
      all.push({ heading, lines: [line] });
    } else if (last && last.heading === undefined) last.lines.push(line);
    else all.push({ lines: [line] });
  }
  return all.filter((segment) => segment.lines.length > 0);
}

// Places the lines of a request on its screen by their roles.

import type { Line, PendingRequest, Role } from "../backend/types";

export interface Layout {
  test?: Line;
  kind?: Line;
  held?: Line;
  firstRequest?: Line;
  client?: Line;
  provider?: Line;
  address?: Line;
  byWayOf?: Line;
  amounts: Line[];
  payees: Line[];
  message?: Line;
  number?: Line;
  warning?: Line;
  /** Always visible, below amount and payee. */
  shown: Line[];
  /** Behind "Details". */
  folded: Line[];
  /** Behind "Where from". */
  context: Line[];
}

const SINGLE: Partial<Record<Role, keyof Layout>> = {
  test: "test",
  kind: "kind",
  held: "held",
  first_request: "firstRequest",
  client: "client",
  provider: "provider",
  provider_address: "address",
  by_way_of: "byWayOf",
  message: "message",
  number: "number",
  warning: "warning",
};

/** Gives every line exactly one place. Details of a single payment fold; unrecognised details never do. */
export function layOutLines(request: Pick<PendingRequest, "lines" | "unrecognised">): Layout {
  const layout: Layout = { amounts: [], payees: [], shown: [], folded: [], context: [] };
  const several = request.lines.some((line) => line.role === "section");
  for (const line of request.lines) {
    const place = SINGLE[line.role];
    if (place && layout[place] === undefined) Object.assign(layout, { [place]: line });
    else if (several && (line.role === "amount" || line.role === "payee")) layout.shown.push(line);
    else if (line.role === "amount") layout.amounts.push(line);
    else if (line.role === "payee") layout.payees.push(line);
    else if (line.role === "context") layout.context.push(line);
    else if (isFolded(line, several)) layout.folded.push(line);
    else layout.shown.push(line);
  }
  return layout;
}

function isFolded(line: Line, several: boolean): boolean {
  if (
    line.role === "client_id" ||
    line.role === "asked_at" ||
    line.role === "answer_until" ||
    line.role === "assurance"
  )
    return true;
  if (line.prominence === 3) return !several;
  // Account and reference of a payment: named in the fold's heading.
  return line.prominence === 2 && line.role === "detail" && !several;
}

/** What the fold's heading names: the labels of its details of prominence 2. */
export function foldSummary(lines: Line[]): string {
  const labels = lines.filter((line) => line.prominence === 2 && line.role === "detail").map((line) => line.label);
  return [...new Set(labels)].join(", ");
}

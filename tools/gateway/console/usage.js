// How often requests had which outcome, as a chart and as numbers.
import { ask, now } from "./api.js";
import { chart } from "./chart.js";
import { empty, h, select, table } from "./dom.js";
import { DAY_MS, number, outcomeOf, outcomes, reasonText } from "./words.js";

const HOUR_MS = 3600000;

const ranges = {
  "24h": { text: "Last 24 hours, by hour", step: HOUR_MS, count: 24 },
  "3d": { text: "Last 3 days, by hour", step: HOUR_MS, count: 72 },
  "30d": { text: "Last 30 days, by day", step: DAY_MS, count: 30 },
  "90d": { text: "Last 90 days, by day", step: DAY_MS, count: 90 },
};

// All hours or days of the range, also those without a request: {start_ms, values: one for each outcome}.
function fillBuckets(buckets, first, { step, count }) {
  const filled = Array.from({ length: count }, (_, i) => ({
    start_ms: first + i * step,
    values: outcomes.map(() => 0),
  }));
  for (const bucket of buckets) {
    const at = filled[Math.round((bucket.start_ms - first) / step)]; // a day of the server's may begin half a day off
    for (const { name, value } of at ? bucket.reasons : []) at.values[outcomes.indexOf(outcomeOf(name))] += value;
  }
  return filled;
}

function totalsByReason(buckets) {
  const totals = new Map();
  for (const { name, value } of buckets.flatMap((bucket) => bucket.reasons))
    totals.set(name, (totals.get(name) ?? 0) + value);
  return [...totals].sort(([, a], [, b]) => b - a);
}

function legend(filled) {
  const totals = outcomes.map((_, i) => filled.reduce((sum, bucket) => sum + bucket.values[i], 0));
  return h(
    "ul",
    { class: "legend" },
    outcomes.map((outcome, i) =>
      h(
        "li",
        null,
        h("span", { class: `swatch ${outcome.id}`, "aria-hidden": "true" }),
        outcome.text,
        h("strong", null, number(totals[i])),
      ),
    ),
  );
}

function reasonTable(buckets) {
  const totals = totalsByReason(buckets);
  const all = totals.reduce((sum, [, value]) => sum + value, 0);
  return table(
    "Requests by outcome",
    ["Outcome", { text: "Requests", kind: "number" }, { text: "Share", kind: "number" }],
    totals.map(([name, value]) => [reasonText(name), number(value), `${((100 * value) / all).toFixed(1)} %`]),
    { narrow: true },
  );
}

async function draw(place, whose, range) {
  const step = range.step;
  const first = Math.floor(now() / step - range.count + 1) * step;
  const { buckets } = await ask("GET", "usage", {
    query: { ...whose, bucket: step === DAY_MS ? "day" : "hour", from_ms: first - step / 2 },
  });
  const inRange = buckets.filter((bucket) => bucket.start_ms >= first - step / 2);
  const filled = fillBuckets(inRange, first, range);
  if (inRange.length === 0) {
    place.replaceChildren(
      empty("No requests in this time", "As soon as a key is used, its requests are counted here by outcome."),
    );
    return;
  }
  const frame = h("div", { class: "chart" });
  place.replaceChildren(h("div", { class: "card" }, legend(filled), frame), reasonTable(inRange));
  new ResizeObserver(() => frame.replaceChildren(chart(filled, frame.clientWidth, step))).observe(frame);
}

// The choice of a range and what belongs to it. `whose`: {account} or {key_id}.
export async function usageSection(whose) {
  const place = h("div", { class: "stack" });
  const choice = select(
    Object.entries(ranges).map(([id, range]) => [id, range.text]),
    "24h",
    (id) =>
      draw(place, whose, ranges[id]).catch((error) =>
        place.replaceChildren(empty("This could not be loaded", error.message)),
      ),
  );
  choice.setAttribute("aria-label", "Time");
  await draw(place, whose, ranges["24h"]);
  return h("section", { class: "stack", "aria-label": "Usage" }, h("div", null, choice), place);
}

export async function usagePage(session) {
  return [
    h("div", { class: "title" }, h("h1", null, "Usage")),
    h("p", { class: "lead" }, "Requests of all keys of this account, by what came of them."),
    await usageSection({ account: session.account.account }),
  ];
}

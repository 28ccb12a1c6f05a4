// The account's limits and what is left of them.
import { ask } from "./api.js";
import { empty, h, table } from "./dom.js";
import { number, relative, windowText } from "./words.js";

function amountOf(meter) {
  return meter.period === "TOTAL"
    ? `${number(meter.limit)} in total`
    : `${number(meter.limit)} per ${windowText(meter)}`;
}

function bar(meter) {
  const most = meter.burst || meter.limit;
  const share = most === 0 ? 1 : (most - meter.remaining) / most;
  const tone = share >= 1 ? "bad" : share >= 0.8 ? "warn" : "good";
  const inside = h("span", { class: `fill ${tone}` });
  inside.style.width = `${Math.min(100, 100 * share)}%`;
  return h("span", { class: "gauge", role: "img", "aria-label": `${Math.round(100 * share)} % used` }, inside);
}

function row(meter, now) {
  if (meter.unlimited)
    return [
      meter.resource,
      "Unlimited",
      h("span", { class: "muted" }, "–"),
      "Unlimited",
      h("span", { class: "muted" }, "–"),
    ];
  return [
    h(
      "span",
      null,
      h("strong", null, meter.resource),
      meter.shadow ? h("span", { class: "badge plain off" }, "Only watched") : null,
    ),
    amountOf(meter),
    bar(meter),
    number(meter.remaining),
    meter.remaining === (meter.burst || meter.limit)
      ? h("span", { class: "muted" }, "Nothing used")
      : meter.period === "TOTAL"
        ? "Never"
        : relative(Math.max(meter.reset_at_ms, now + 1), now),
  ];
}

export async function limitsPage(session) {
  const {
    meters,
    tier,
    server_time_ms: now,
  } = await ask("GET", "limits", { query: { account: session.account.account } });
  return [
    h("div", { class: "title" }, h("h1", null, "Limits")),
    h(
      "p",
      { class: "lead" },
      tier ? ["This account is on the tier ", h("strong", null, tier), ". "] : null,
      "All keys of the account share these limits.",
    ),
    meters.length === 0
      ? empty("No limits", "Requests of this account are counted and never refused for their number.")
      : table(
          "Limits",
          ["What", "Limit", "Used", { text: "Left", kind: "number" }, "All back"],
          meters.map((meter) => row(meter, now)),
        ),
  ];
}

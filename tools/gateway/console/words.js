// What things are called on this page, and how times, numbers and limits are written.
import { h } from "./dom.js";

export const DAY_MS = 86400000;
const HOUR_MS = 3600000;

const numbers = new Intl.NumberFormat("en");
const dates = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const moments = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
const spans = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

export const number = (value) => numbers.format(value);
export const date = (ms) => dates.format(ms);
export const moment = (ms) => moments.format(ms);

// "3 days ago", "in 2 hours"; what is far away is counted in months and years.
export function relative(ms, now) {
  const units = [
    ["year", 365 * DAY_MS],
    ["month", 30 * DAY_MS],
    ["day", DAY_MS],
    ["hour", HOUR_MS],
    ["minute", 60000],
  ];
  const far = ms - now;
  const [unit, size] = units.find(([, size]) => Math.abs(far) >= size) ?? ["minute", 0];
  return size === 0 ? (far > 0 ? "in a moment" : "just now") : spans.format(Math.trunc(far / size), unit);
}

export function when(ms, now, none = "Never") {
  return ms === 0
    ? h("span", { class: "muted" }, none)
    : h("time", { datetime: new Date(ms).toISOString(), title: moment(ms) }, relative(ms, now));
}

export function age(ms, now) {
  const days = Math.floor((now - ms) / DAY_MS);
  return days < 1 ? "Today" : days === 1 ? "1 day" : `${number(days)} days`;
}

export const environments = { TEST: "Test", LIVE: "Live" };

export const states = {
  ACTIVE: ["Active", "good"],
  ROLLING: ["Being replaced", "busy"],
  DISABLED: ["Disabled", "off"],
  EXPIRED: ["Expired", "off"],
  REVOKED: ["Revoked", "bad"],
  PENDING: ["Not valid yet", "busy"],
};

export function stateBadge(key) {
  const [text, tone] = states[key.state] ?? [key.state, "off"];
  return h("span", { class: `badge ${tone}` }, text);
}

export const isFinal = (key) => key.state === "REVOKED" || key.state === "EXPIRED";

// What wants attention about keys, in the order of their filters.
const unusualWords = {
  VOLUME: "Unusually many requests",
  REFUSALS: "Unusually many refusals",
  NEW_ADDRESS: "Used from a new network",
};

export const reminders = [
  {
    id: "unusual",
    text: "Unusual",
    tone: "bad",
    holds: (key) => key.unusual.length > 0,
    says: (key) => key.unusual.map((one) => unusualWords[one] ?? one).join(", "),
  },
  {
    id: "soon",
    text: "Expires soon",
    tone: "warn",
    holds: (key, now) => key.expires_at_ms > now && key.expires_at_ms < now + 30 * DAY_MS,
  },
  {
    id: "old",
    text: "Older than 90 days",
    tone: "warn",
    holds: (key, now) => now - key.created_at_ms > 90 * DAY_MS && key.successor_key_id === "",
  },
  { id: "unused", text: "Never used", tone: "off", holds: (key) => key.last_used_at_ms === 0 },
];

export function remindersOf(key, now) {
  return isFinal(key) ? [] : reminders.filter((reminder) => reminder.holds(key, now));
}

const periods = { MINUTE: "minute", HOUR: "hour", DAY: "day", WEEK: "week", MONTH: "month", YEAR: "year" };
const units = [
  [86400, "day"],
  [3600, "hour"],
  [60, "minute"],
  [1, "second"],
];

// "minute", "2 hours": of a limit or of a meter.
export function windowText({ period, window_s }) {
  if (periods[period]) return periods[period];
  const [size, unit] = units.find(([size]) => window_s % size === 0);
  return window_s === size ? unit : `${window_s / size} ${unit}s`;
}

export function limitText(limit) {
  if (limit.unlimited) return `${limit.resource}: unlimited`;
  const amount = number(limit.amount ?? limit.limit);
  const text =
    limit.period === "TOTAL"
      ? `${amount} ${limit.resource} in total`
      : `${amount} ${limit.resource} per ${windowText(limit)}`;
  return limit.shadow ? `${text} (only watched)` : text;
}

// Outcomes of requests, from the ground of the chart up; each has the reasons that begin at its number.
export const outcomes = [
  { id: "allowed", text: "Allowed", reasons: { ALLOWED: "Allowed" } },
  {
    id: "limited",
    text: "Over a limit",
    reasons: { RATE_LIMITED: "Over a limit", COST_EXCEEDS_LIMIT: "Costs more than the limit" },
  },
  {
    id: "forbidden",
    text: "Not permitted",
    reasons: {
      ACCOUNT_SUSPENDED: "Account suspended",
      WRONG_ACCOUNT: "Of another account",
      WRONG_ENVIRONMENT: "Of another environment",
      SECRET_KEY_REQUIRED: "Needs a secret key",
      ADDRESS_NOT_ALLOWED: "Address not allowed",
      INSUFFICIENT_SCOPE: "Permission missing",
    },
  },
  { id: "rejected", text: "Key not accepted", reasons: {} }, // and what is not known yet
];

export function outcomeOf(reason) {
  return outcomes.find((outcome) => reason in outcome.reasons) ?? outcomes[outcomes.length - 1];
}

export function reasonText(reason) {
  const known = outcomeOf(reason).reasons[reason];
  const words = reason
    .replace(/_API_KEY$/, "_KEY")
    .replaceAll("_", " ")
    .toLowerCase();
  return known ?? words.charAt(0).toUpperCase() + words.slice(1);
}

const changes = {
  create: "Key created",
  update: "Key changed",
  roll: "Key rolled",
  revoke: "Key revoked",
  delete: "Key deleted",
  import: "Keys imported",
  put_account: "Account changed",
  revoke_all: "All keys revoked",
  delete_account: "Account deleted",
  put_tier: "Tier changed",
  delete_tier: "Tier deleted",
  put_scope: "Permission changed",
  delete_scope: "Permission deleted",
  reset_meters: "Limits reset",
};

export function changeText(what) {
  return changes[what] ?? what.replaceAll("_", " ");
}

// Who did it: a key, or a program or person on the server itself.
export function actorText(actor, keyNames) {
  if (actor.startsWith("uid:")) return `Server user ${actor.slice(4)}`;
  if (actor.startsWith("tls:")) return `Certificate ${actor.slice(4)}`;
  return keyNames.get(actor) ?? actor;
}

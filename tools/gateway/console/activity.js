// Who changed what, and when: the newest first.
import { askAll, now } from "./api.js";
import { empty, h, select, table } from "./dom.js";
import { actorText, changeText, DAY_MS, date, moment } from "./words.js";

const CHANGES_MAX = 5000;

const fieldNames = {
  name: "name",
  scopes: "permissions",
  environment: "environment",
  expires_at_ms: "expires",
  enabled: "enabled",
  limits: "limits",
  tier: "tier",
  display_name: "name",
  suspended: "suspended",
  revoke_reason: "reason",
  allowed_addresses: "addresses",
  environments: "environments",
  max_keys: "most keys",
  successor_key_id: "replaced by",
  predecessor_key_id: "replaces",
  description: "description",
  implies: "includes",
  resource: "limit of",
  time_zone: "time zone",
  not_before_ms: "works from",
  revoked_before_ms: "revokes keys made before",
};

function valueText(name, value) {
  if (name.endsWith("_ms")) return value && value !== "0" ? date(Number(value)) : "never";
  return { true: "yes", false: "no", "": "nothing" }[value] ?? value;
}

// "name: a → b"; of what was not there before, only what it is. A new key's name stands beside it.
function details(change) {
  const isNew = change.before.length === 0;
  const before = new Map(change.before.map(({ key, value }) => [key, value]));
  const after = new Map(change.after.map(({ key, value }) => [key, value]));
  const names = [...new Set([...after.keys(), ...before.keys()])]
    .filter((name) => (name in fieldNames || name.startsWith("metadata.")) && before.get(name) !== after.get(name))
    .filter((name) => !isNew || (name !== "name" && name !== "enabled"));
  return names.map((name) => {
    const text = fieldNames[name] ?? name.slice("metadata.".length);
    const is = valueText(name, after.get(name) ?? "");
    return before.get(name) ? `${text}: ${valueText(name, before.get(name))} → ${is}` : `${text}: ${is}`;
  });
}

// All changes since a moment, the newest first. `query`: {account} or {account, key_id}.
export async function loadActivity(query, from_ms) {
  const { found } = await askAll("audit", "changes", { ...query, from_ms, page_size: 500 }, CHANGES_MAX);
  return found.reverse();
}

function keyCell(change, names) {
  if (!change.key_id) return h("span", { class: "muted" }, "–");
  return h(
    "div",
    { class: "name" },
    h("a", { href: `#keys/${change.key_id}` }, names.get(change.key_id) ?? change.key_id),
  );
}

export function activityTable(changes, names) {
  if (changes.length === 0)
    return empty(
      "Nothing in this time",
      "Every key that is made, changed or revoked is written down here. Choose a longer time.",
    );
  return table(
    "Changes",
    ["When", "What", "Key", "By", "Details"],
    changes.map((change) => [
      h("time", { datetime: new Date(change.time_ms).toISOString(), class: "nowrap" }, moment(change.time_ms)),
      h("span", { class: "nowrap" }, changeText(change.what)),
      keyCell(change, names),
      actorText(change.actor, names),
      h("span", { class: "muted" }, details(change).join(" · ") || "–"),
    ]),
  );
}

// The names of keys, of the changes that made or renamed them: also of those that are gone.
function namesIn(changes) {
  return new Map(
    changes.toReversed().flatMap((change) => {
      const name = change.key_id ? change.after.find(({ key }) => key === "name")?.value : undefined;
      return name ? [[change.key_id, name]] : [];
    }),
  );
}

export async function activityPage(session) {
  const place = h("div");
  const account = session.account.account;
  const { found: keys } = await askAll("keys", "keys", { account, page_size: 500 }, 1000);
  const draw = async (days) => {
    const changes = await loadActivity({ account }, days ? now() - days * DAY_MS : 0);
    const names = new Map([...namesIn(changes), ...keys.map((key) => [key.key_id, key.name])]);
    place.replaceChildren(activityTable(changes, names));
  };
  const choice = select(
    [
      ["7", "Last 7 days"],
      ["30", "Last 30 days"],
      ["90", "Last 90 days"],
      ["0", "All"],
    ],
    "30",
    (days) =>
      draw(Number(days)).catch((error) => place.replaceChildren(empty("This could not be loaded", error.message))),
  );
  choice.setAttribute("aria-label", "Time");
  await draw(30);
  return [
    h("div", { class: "title" }, h("h1", null, "Activity"), choice),
    h("p", { class: "lead" }, "Who changed what, and when. The newest comes first."),
    place,
  ];
}

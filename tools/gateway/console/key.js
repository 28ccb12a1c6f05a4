// One key: what it is, what it may, how it is used, and what can be done with it.
import { ask } from "./api.js";
import { activityTable, loadActivity } from "./activity.js";
import { button, h } from "./dom.js";
import { deleteKey, editKey, revokeKey, rollKey, setEnabled } from "./forms.js";
import { date, environments, isFinal, limitText, remindersOf, stateBadge, when } from "./words.js";
import { usageSection } from "./usage.js";

function actions(session, key, now, reload) {
  const own = key.key_id === session.caller.key_id && !session.operator;
  const remove = button("Delete", () => deleteKey(key), "quiet danger");
  if (isFinal(key)) return h("div", { class: "actions" }, remove);
  const replaced = key.state === "ROLLING";
  return h(
    "div",
    { class: "actions" },
    key.enabled && !replaced && key.type !== "PUBLIC" ? button("Roll", () => rollKey(key), "primary") : null,
    own ? null : button("Change", () => editKey(session, key, now, reload)),
    own ? null : button(key.enabled ? "Disable" : "Enable", () => setEnabled(key, !key.enabled, reload)),
    button("Revoke", () => revokeKey(key, reload), "danger"),
    own ? null : remove,
  );
}

function permission(name, catalogue) {
  const known = catalogue.find((scope) => scope.scope === name);
  return h(
    "li",
    null,
    h("strong", null, name),
    known?.description ? h("span", { class: "muted" }, known.description) : null,
  );
}

function keyLink(id) {
  return h("a", { href: `#keys/${id}`, class: "id" }, id);
}

function facts(key, catalogue, now) {
  const used =
    key.last_used_at_ms === 0
      ? "Never"
      : [when(key.last_used_at_ms, now), key.last_used_address ? ` from ${key.last_used_address}` : ""];
  const rows = [
    ["Environment", environments[key.environment] ?? key.environment],
    ["Kind", key.type === "PUBLIC" ? "Public: may be seen by anybody" : "Secret"],
    key.public_token && ["The key", h("span", { class: "id" }, key.public_token)],
    [
      "Permissions",
      key.scopes.length
        ? h(
            "ul",
            { class: "plain" },
            key.scopes.map((name) => permission(name, catalogue)),
          )
        : "None",
    ],
    ["Created", [date(key.created_at_ms), ", ", when(key.created_at_ms, now)]],
    ["Last used", used],
    key.state !== "REVOKED" && [
      "Expires",
      key.expires_at_ms ? [date(key.expires_at_ms), ", ", when(key.expires_at_ms, now)] : "Never",
    ],
    key.not_before_ms > now && ["Works from", [date(key.not_before_ms), ", ", when(key.not_before_ms, now)]],
    key.state === "REVOKED" && [
      "Revoked",
      [date(key.revoked_at_ms), key.revoke_reason ? `: ${key.revoke_reason}` : ""],
    ],
    key.limits.length > 0 && ["Limits of its own", key.limits.map(limitText).join(", ")],
    key.allowed_addresses.length > 0 && ["Allowed from", key.allowed_addresses.join(", ")],
    key.predecessor_key_id && ["Replaces", keyLink(key.predecessor_key_id)],
    key.successor_key_id && ["Replaced by", keyLink(key.successor_key_id)],
    ...key.metadata.map((entry) => [entry.key, entry.value]),
  ];
  return h(
    "dl",
    { class: "card" },
    rows.filter(Boolean).map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value))),
  );
}

export async function keyPage(session, id, reload) {
  const account = session.account.account;
  const [answer, scopes, usage, activity] = await Promise.all([
    ask("GET", `keys/${encodeURIComponent(id)}`),
    ask("GET", "scopes", { query: { page_size: 500 } }),
    usageSection({ key_id: id }),
    loadActivity({ account, key_id: id }, 0),
  ]);
  const { key, server_time_ms: now } = answer;
  const names = new Map([
    [session.caller.key_id, session.caller.name],
    [key.key_id, key.name],
  ]);
  return [
    h("p", { class: "back" }, h("a", { href: "#keys" }, "← All keys")),
    h(
      "div",
      { class: "title" },
      h(
        "div",
        null,
        h("h1", null, key.name || "Without a name"),
        h(
          "div",
          { class: "badges" },
          stateBadge(key),
          remindersOf(key, now).map((one) => h("span", { class: `badge plain ${one.tone}` }, one.text)),
          h("span", { class: "id" }, key.key_id),
        ),
      ),
      actions(session, key, now, reload),
    ),
    facts(key, scopes.scopes, now),
    h("h2", null, "Usage"),
    usage,
    h("h2", null, "Activity"),
    activityTable(activity, names),
  ];
}

// The dialogs that make and change keys.
import { ask, askAll } from "./api.js";
import { button, dialog, field, formDialog, h, notice, select } from "./dom.js";
import { permissionsField } from "./permissions.js";
import { DAY_MS, date, environments, moment } from "./words.js";

const DEFAULT_EXPIRY_DAYS = "90";

// ------------------------------------------------------------------------------------------------------- what is asked

function expiryField(now, key) {
  const other = h("input", { type: "date", min: new Date(now + DAY_MS).toISOString().slice(0, 10) });
  const otherField = h("div", { hidden: true }, field("Last day", other));
  const kept = key ? [["keep", key.expires_at_ms ? `As it is: ${date(key.expires_at_ms)}` : "As it is: never"]] : [];
  const choice = select(
    [
      ...kept,
      ["7", "In 7 days"],
      ["30", "In 30 days"],
      ["90", "In 90 days"],
      ["365", "In a year"],
      ["date", "On a date"],
      ["never", "Never"],
    ],
    key ? "keep" : DEFAULT_EXPIRY_DAYS,
    (value) => {
      otherField.hidden = value !== "date";
      other.required = value === "date";
    },
  );
  const value = () => {
    if (choice.value === "never") return 0;
    if (choice.value === "date") return new Date(`${other.value}T23:59:59`).getTime();
    return choice.value === "keep" ? undefined : now + Number(choice.value) * DAY_MS;
  };
  const help = "Keys that end by themselves need no remembering.";
  return { element: [field("Expires", choice, help), otherField], value };
}

function limitsField(resources) {
  const rows = h("div", { class: "limit-rows" });
  const add = () => {
    const amount = h("input", { type: "number", min: 0, step: 1, required: true, "aria-label": "How many" });
    const resource = select(
      resources.map((name) => [name, name]),
      resources[0],
    );
    const unit = select(
      ["minute", "hour", "day", "month"].map((one) => [one, `per ${one}`]),
      "minute",
    );
    resource.setAttribute("aria-label", "Of what");
    unit.setAttribute("aria-label", "In which time");
    const row = h(
      "div",
      { class: "limit-row" },
      amount,
      resource,
      unit,
      button("Remove", () => row.remove(), "quiet"),
    );
    row.read = () => `${resource.value}=${amount.value}/${unit.value}`;
    rows.append(row);
    amount.focus();
  };
  const element = h(
    "fieldset",
    { class: "field" },
    h("legend", null, "Limits of its own"),
    h("p", { class: "help" }, "Besides the account's limits, which all keys share. None is fine."),
    rows,
    button("Add a limit", add),
  );
  return { element, value: () => [...rows.children].map((row) => row.read()) };
}

// ------------------------------------------------------------------------------------------------------ the token

// Shown once. It does not close by accident: Escape is ignored.
function showToken(token, title, text, done) {
  const shown = h("textarea", {
    readonly: true,
    rows: 2,
    class: "token",
    value: token,
    "aria-label": "The new key",
    spellcheck: "false",
    onfocus: () => shown.select(),
  });
  const copied = h("span", { role: "status", class: "muted" });
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(token);
      copied.textContent = "Copied.";
    } catch {
      shown.select();
      copied.textContent = "Press Ctrl+C (on a Mac ⌘C) to copy it.";
    }
  };
  dialog(
    title,
    (close) =>
      h(
        "div",
        null,
        h(
          "p",
          { class: "warning" },
          h("strong", null, "Copy it now: it is shown only this once. "),
          "Nobody can show it again. Keep it where you keep passwords, and out of code and chats.",
        ),
        h("div", { class: "copy" }, shown, button("Copy", copy, "primary")),
        copied,
        text ? h("p", null, text) : null,
        h(
          "div",
          { class: "actions" },
          button("I have stored it", () => {
            shown.value = "";
            close();
            done();
          }),
        ),
      ),
    { mayEscape: false },
  );
}

// --------------------------------------------------------------------------------------------------------- dialogs

export async function createKey(session, reload) {
  const account = session.account.account;
  let catalogue, limits;
  try {
    [catalogue, limits] = await Promise.all([
      askAll("scopes", "scopes", {}, 4096),
      ask("GET", "limits", { query: { account } }),
    ]);
  } catch (error) {
    return notice(error.message, "bad");
  }
  const name = h("input", { type: "text", required: true, maxlength: 128, autocomplete: "off" });
  const environment = select(
    session.account.environments.map((one) => [one, environments[one] ?? one]),
    session.account.environments[0],
  );
  const scopes = permissionsField(session.caller, catalogue.found);
  const expiry = expiryField(catalogue.now);
  const resources = [...new Set([...limits.meters.map((meter) => meter.resource), "requests"])];
  const own = limitsField(resources);
  formDialog("Create a key", {
    body: [
      field("Name", name, "What will use it, for example nightly-export."),
      field("Environment", environment),
      scopes.element,
      expiry.element,
      own.element,
    ],
    action: "Create key",
    submit: async () => {
      const answer = await ask("POST", "keys", {
        body: {
          account,
          name: name.value.trim(),
          environment: environment.value,
          scopes: scopes.value(),
          expires_at_ms: expiry.value(),
          limits: own.value(),
        },
      });
      return () => showToken(answer.api_key, "Your new key", "", reload);
    },
  });
}

export async function editKey(session, key, now, reload) {
  const catalogue = await askAll("scopes", "scopes", {}, 4096).catch((error) => notice(error.message, "bad"));
  if (!catalogue) return;
  const name = h("input", { type: "text", required: true, maxlength: 128, autocomplete: "off", value: key.name });
  const scopes = permissionsField(session.caller, catalogue.found, key.scopes);
  const expiry = expiryField(now, key);
  formDialog("Change key", {
    body: [field("Name", name), scopes.element, expiry.element],
    action: "Save",
    submit: async () => {
      await ask("PATCH", `keys/${key.key_id}`, {
        version: key.version,
        body: { name: name.value.trim(), scopes: scopes.value(), expires_at_ms: expiry.value() },
      });
      return () => {
        notice("Saved.");
        reload();
      };
    },
  });
}

const graces = [
  ["0", "Stop it now"],
  ["3600000", "1 hour"],
  ["43200000", "12 hours"],
  ["86400000", "1 day"],
  ["604800000", "7 days"],
  ["2592000000", "30 days"],
];

export function rollKey(key) {
  const grace = select(graces, "43200000");
  formDialog(`Roll ${key.name}`, {
    body: [
      h(
        "p",
        null,
        "You get a new key with the same name, permissions and limits. The present one goes on working for " +
          "a while, so that you can exchange it without a gap.",
      ),
      field("The present key goes on for", grace),
    ],
    action: "Make new key",
    submit: async () => {
      const answer = await ask("POST", `keys/${key.key_id}/roll`, {
        version: key.version,
        body: { grace_ms: Number(grace.value) },
      });
      const end = answer.predecessor.expires_at_ms;
      const text =
        grace.value === "0"
          ? "The old key does not work any more."
          : `The old key works until ${moment(end)}. Put the new one in place before.`;
      return () =>
        showToken(answer.api_key, "Your new key", text, () => {
          location.hash = `keys/${answer.key.key_id}`;
        });
    },
  });
}

export function revokeKey(key, reload) {
  const reason = h("input", { type: "text", maxlength: 128, autocomplete: "off" });
  formDialog(`Revoke ${key.name}?`, {
    body: [
      h(
        "p",
        { class: "warning" },
        h("strong", null, "This cannot be undone. "),
        "From this moment on every request with this key is refused. To exchange it without a gap, roll it instead.",
      ),
      field("Reason (not required)", reason, "It is kept with the key, for whoever asks later."),
    ],
    action: "Revoke key",
    kind: "danger",
    submit: async () => {
      await ask("POST", `keys/${key.key_id}/revoke`, { version: key.version, body: { reason: reason.value.trim() } });
      return () => {
        notice(`${key.name} is revoked.`);
        reload();
      };
    },
  });
}

export function deleteKey(key) {
  formDialog(`Delete ${key.name}?`, {
    body: h(
      "p",
      { class: "warning" },
      h("strong", null, "This cannot be undone. "),
      "The key is refused from now on and leaves the list. What it did stays under Activity.",
    ),
    action: "Delete key",
    kind: "danger",
    submit: async () => {
      await ask("DELETE", `keys/${key.key_id}`, { version: key.version });
      return () => {
        notice(`${key.name} is deleted.`);
        location.hash = "keys";
      };
    },
  });
}

export async function setEnabled(key, enabled, reload) {
  try {
    await ask("PATCH", `keys/${key.key_id}`, { version: key.version, body: { enabled } });
    notice(enabled ? `${key.name} works again.` : `${key.name} is disabled: it is refused until you enable it again.`);
  } catch (error) {
    notice(error.message, "bad");
  }
  reload();
}

// The list of an account's keys, with what wants attention.
import { askAll } from "./api.js";
import { button, empty, h, select, table } from "./dom.js";
import { createKey } from "./forms.js";
import { age, environments, isFinal, number, reminders, remindersOf, stateBadge, states, when } from "./words.js";

const KEYS_MAX = 1000;
const WITH_UNUSUAL = 100; // keys of a page

function name(key) {
  return h(
    "div",
    { class: "name" },
    h("a", { href: `#keys/${key.key_id}` }, key.name || "Without a name"),
    h("span", { class: "id" }, key.key_id),
  );
}

function reminderBadges(key, now) {
  const found = remindersOf(key, now);
  return found.length
    ? h(
        "div",
        { class: "badges" },
        found.map((one) => h("span", { class: `badge plain ${one.tone}`, title: one.says?.(key) }, one.text)),
      )
    : h("span", { class: "muted" }, "–");
}

const heads = ["Name", "State", "Environment", { text: "Age", kind: "number" }, "Last used", "Expires", "Attention"];

function keyTable(keys, now) {
  return table(
    "Keys",
    heads,
    keys.map((key) => [
      name(key),
      stateBadge(key),
      h("span", null, environments[key.environment] ?? key.environment, key.type === "PUBLIC" ? ", public" : ""),
      age(key.created_at_ms, now),
      when(key.last_used_at_ms, now),
      key.state === "REVOKED" ? h("span", { class: "muted" }, "–") : when(key.expires_at_ms, now),
      reminderBadges(key, now),
    ]),
  );
}

function noKeys(create) {
  return empty(
    "No keys yet",
    "A key lets a program use your API. Create one for each program, so that each can be replaced alone.",
    button("Create your first key", create, "primary"),
  );
}

export async function keysPage(session, _, reload) {
  const account = session.account.account;
  const {
    found: keys,
    more,
    now,
  } = await askAll("keys", "keys", { account, with_unusual: true, page_size: WITH_UNUSUAL }, KEYS_MAX);
  const create = () => createKey(session, reload);
  const filter = { reminder: "", state: "current", text: "" };
  const list = h("div");
  const chips = h("div", { class: "chips", role: "group", "aria-label": "What wants attention" });
  const count = h("p", { class: "muted count", role: "status" });

  const fits = (key) =>
    (filter.state === "current" ? !isFinal(key) : filter.state === "" || key.state === filter.state) &&
    (key.name.toLowerCase().includes(filter.text) || key.key_id.toLowerCase().includes(filter.text));
  const draw = () => {
    const inView = keys.filter(fits);
    const shown = inView.filter(
      (key) => !filter.reminder || remindersOf(key, now).some((one) => one.id === filter.reminder),
    );
    chips.replaceChildren(
      ...[{ id: "", text: "All" }, ...reminders].map((one) => {
        const amount = one.id ? inView.filter((key) => remindersOf(key, now).includes(one)).length : inView.length;
        return h(
          "button",
          {
            type: "button",
            class: "chip",
            "aria-pressed": String(filter.reminder === one.id),
            onclick: () => {
              filter.reminder = one.id;
              draw();
              chips.querySelector("[aria-pressed=true]").focus();
            },
          },
          one.text,
          h("span", { class: "amount" }, number(amount)),
        );
      }),
    );
    count.textContent = `${number(shown.length)} of ${number(keys.length)}${more ? " and more" : ""} keys`;
    list.replaceChildren(
      shown.length ? keyTable(shown, now) : empty("No key matches", "Choose another filter, or clear the search."),
    );
  };

  const search = h("input", {
    type: "search",
    placeholder: "Name or id",
    "aria-label": "Search keys by name or id",
    oninput: () => {
      filter.text = search.value.trim().toLowerCase();
      draw();
    },
  });
  const state = select(
    [["current", "In use"], ["", "All states"], ...Object.entries(states).map(([id, [text]]) => [id, text])],
    "current",
    (value) => {
      filter.state = value;
      draw();
    },
  );
  state.setAttribute("aria-label", "State");
  draw();
  return [
    h("div", { class: "title" }, h("h1", null, "Keys"), button("Create key", create, "primary")),
    ...(keys.length === 0
      ? [noKeys(create)]
      : [h("div", { class: "filters" }, chips, h("div", { class: "search" }, search, state)), list, count]),
  ];
}

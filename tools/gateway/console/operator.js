// What operators see besides: all accounts, to choose one, and the tiers.
import { ask, askAll } from "./api.js";
import { empty, h, table } from "./dom.js";
import { date, environments, limitText, number } from "./words.js";

const ACCOUNTS_MAX = 2000;

export async function accountsPage(session) {
  const { found: accounts, more } = await askAll("accounts", "accounts", { page_size: 500 }, ACCOUNTS_MAX);
  const place = h("div");
  const count = h("p", { class: "muted count", role: "status" });
  const draw = (text) => {
    const shown = accounts.filter((one) => `${one.account} ${one.display_name}`.toLowerCase().includes(text));
    count.textContent = `${number(shown.length)} of ${number(accounts.length)}${more ? " and more" : ""} accounts`;
    place.replaceChildren(
      shown.length
        ? table(
            "Accounts",
            ["Account", "Tier", "Environments", "State", "Since", { text: "Open", kind: "number", quiet: true }],
            shown.map((one) => [
              h(
                "div",
                { class: "name" },
                h("strong", null, one.display_name || one.account),
                h("span", { class: "id" }, one.account),
              ),
              one.tier || h("span", { class: "muted" }, "None"),
              one.environments.map((name) => environments[name] ?? name).join(", "),
              one.suspended
                ? h("span", { class: "badge bad" }, "Suspended")
                : h("span", { class: "badge good" }, "Active"),
              date(one.created_at_ms),
              h(
                "button",
                { type: "button", onclick: () => session.choose(one), "aria-label": `Open ${one.account}` },
                "Open",
              ),
            ]),
          )
        : empty("No account matches", "Clear the search to see all accounts."),
    );
  };
  const search = h("input", {
    type: "search",
    placeholder: "Name or id",
    "aria-label": "Search accounts by name or id",
    oninput: () => draw(search.value.trim().toLowerCase()),
  });
  draw("");
  return [
    h("div", { class: "title" }, h("h1", null, "Accounts")),
    h("p", { class: "lead" }, "Open an account to see its keys, its usage and its limits."),
    ...(accounts.length
      ? [h("div", { class: "filters" }, search), place, count]
      : [
          empty(
            "No accounts yet",
            "An account stands for a customer. Make the first one on the server: postern account put NAME.",
          ),
        ]),
  ];
}

export async function tiersPage() {
  const { tiers } = await ask("GET", "tiers", { query: { page_size: 500 } });
  return [
    h("div", { class: "title" }, h("h1", null, "Tiers")),
    h(
      "p",
      { class: "lead" },
      "A tier is a set of limits that accounts share by name. It is changed on the server: ",
      h("span", { class: "id" }, "postern tier put"),
      ".",
    ),
    tiers.length === 0
      ? empty(
          "No tiers yet",
          "Without a tier an account is unlimited. Make the first one on the server: " +
            "postern tier put free --limit requests=60/min --default.",
        )
      : table(
          "Tiers",
          ["Tier", "Limits", "New accounts"],
          tiers.map((tier) => [
            h("strong", null, tier.tier),
            tier.limits.length
              ? h(
                  "ul",
                  { class: "plain" },
                  tier.limits.map((limit) => h("li", null, limitText(limit))),
                )
              : "None",
            tier.is_default ? h("span", { class: "badge good" }, "Begin here") : h("span", { class: "muted" }, "–"),
          ]),
        ),
  ];
}

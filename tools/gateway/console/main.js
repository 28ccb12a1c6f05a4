// Signs in and out, and shows the page that the address names behind '#'.
import { ask, forget, signInWith } from "./api.js";
import { button, empty, field, h } from "./dom.js";
import { accountsPage, tiersPage } from "./operator.js";
import { activityPage } from "./activity.js";
import { keyPage } from "./key.js";
import { keysPage } from "./keys.js";
import { limitsPage } from "./limits.js";
import { usagePage } from "./usage.js";

const WATCH_MS = 60000; // how often it is asked whether the key that signed in still works

// Of an account: with an account that is chosen. Of the installation: for operators.
const pages = [
  {
    name: "keys",
    title: "Keys",
    page: (session, id, reload) => (id ? keyPage(session, id, reload) : keysPage(session, id, reload)),
  },
  { name: "usage", title: "Usage", page: usagePage },
  { name: "limits", title: "Limits", page: limitsPage },
  { name: "activity", title: "Activity", page: activityPage },
  { name: "accounts", title: "Accounts", page: accountsPage, operators: true },
  { name: "tiers", title: "Tiers", page: tiersPage, operators: true },
];

const top = document.getElementById("top");
const content = document.getElementById("content");
let session = null;
let shown = 0; // the number of the newest view: an older one that comes late is dropped
let watch;

function show(title, ...elements) {
  shown++;
  document.title = `${title} · API keys`;
  content.replaceChildren(...elements);
}

// ------------------------------------------------------------------------------------------------------- signing in

function signInPage(message) {
  const key = h("input", { type: "password", autocomplete: "off", spellcheck: "false", required: true });
  const problem = h("p", { class: "problem", role: "alert", hidden: !message }, message ?? "");
  const send = h("button", { type: "submit", class: "primary wide" }, "Sign in");
  const submit = async (event) => {
    event.preventDefault();
    send.disabled = true;
    signInWith(key.value);
    try {
      begin(await ask("GET", "account"));
    } catch (error) {
      forget();
      problem.textContent =
        error.status === 403
          ? "This key works, but it may not manage keys. Sign in with an administrator's key."
          : error.message;
      problem.hidden = false;
      key.select();
    }
    send.disabled = false;
  };
  top.hidden = true;
  top.replaceChildren();
  show(
    "Sign in",
    h(
      "div",
      { class: "sign-in" },
      h("img", { src: "console/icon.svg", alt: "", width: 48, height: 48 }),
      h("h1", null, "API keys"),
      h("p", { class: "lead" }, "See who uses your API, hand out keys and take them back."),
      h(
        "form",
        { onsubmit: submit, class: "card" },
        field("Administrator key", key, "It stays in this tab's memory. Closing or reloading the page signs you out."),
        problem,
        send,
      ),
    ),
  );
  key.focus();
}

function begin({ caller, account }) {
  session = {
    caller,
    operator: caller.role === "OPERATOR",
    account: caller.role === "OPERATOR" ? null : account,
    choose: (chosen) => {
      session.account = chosen;
      go("keys");
    },
  };
  watch = setInterval(lookAfterKey, WATCH_MS);
  go(session.operator ? "accounts" : "keys");
}

function signOut(message) {
  clearInterval(watch);
  forget();
  session = null;
  document.querySelectorAll("dialog").forEach((element) => element.remove());
  document.getElementById("notices").replaceChildren();
  history.replaceState(null, "", location.pathname);
  signInPage(message);
}

// The answer does not matter: a key that is refused signs out.
function lookAfterKey() {
  if (session && !document.hidden) ask("GET", "account").catch(() => {});
}

const endings = {
  REVOKED_API_KEY:
    "The key that you signed in with was revoked, so you have been signed out. " + "Sign in with another key.",
  EXPIRED_API_KEY:
    "The key that you signed in with has expired, so you have been signed out. Sign in with another key.",
  DISABLED_API_KEY:
    "The key that you signed in with was disabled, so you have been signed out. " +
    "Enable it again, or sign in with another key.",
};

// ---------------------------------------------------------------------------------------------------------- the pages

function go(name) {
  if (location.hash === `#${name}`) route();
  else location.hash = name;
}

function header(current) {
  const links = pages.filter((page) => (page.operators ? session.operator : session.account));
  const account = session.account;
  top.hidden = false;
  top.replaceChildren(
    h(
      "div",
      { class: "bar" },
      h("img", { src: "console/icon.svg", alt: "", width: 28, height: 28 }),
      h(
        "div",
        { class: "who" },
        h("strong", null, account ? account.display_name || account.account : "All accounts"),
        account ? h("span", { class: "muted" }, account.account) : null,
        session.operator ? h("span", { class: "badge busy" }, "Operator") : null,
      ),
      button("Sign out", () => signOut()),
    ),
    h(
      "nav",
      { "aria-label": "Pages" },
      links.map((page) =>
        h("a", { href: `#${page.name}`, "aria-current": page === current ? "page" : null }, page.title),
      ),
    ),
  );
}

async function route() {
  if (!session) return;
  const [name, ...rest] = location.hash.slice(1).split("/");
  const page = pages.find((one) => one.name === name);
  if (!page || (page.operators ? !session.operator : !session.account))
    return go(session.account ? "keys" : "accounts");
  header(page);
  show(page.title, h("p", { class: "muted loading", "aria-busy": "true" }, "Loading…"));
  const number = shown;
  let elements;
  try {
    elements = await page.page(session, rest.join("/"), route);
  } catch (error) {
    elements = [empty("This could not be loaded", error.message, button("Try again", route, "primary"))];
  }
  if (number !== shown || !session) return;
  show(page.title, ...elements);
  const heading = content.querySelector("h1");
  heading?.setAttribute("tabindex", "-1");
  heading?.focus();
}

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // what is behind '#' names the page
  content.focus();
});
document.addEventListener("signed-out", (event) => {
  if (session) signOut(endings[event.detail.code] ?? `You have been signed out: ${event.detail.message}`);
});
addEventListener("hashchange", route);
addEventListener("focus", lookAfterKey);
signInPage();

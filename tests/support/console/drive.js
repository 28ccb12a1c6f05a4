// Goes through the console as a person does, in a browser without a window. Stops at the first thing that is not so.
//
//     node drive.js URL ADMIN_TOKEN OPERATOR_TOKEN PLAIN_TOKEN TOKENS [SCREENSHOTS]
//
// POSTERN_URL is posternd's; `postern` says whether what the page did has happened. TOKENS: the tokens that were made
// are added to this file. SCREENSHOTS: a folder for pictures of each page, to look at.
import { execFileSync } from "node:child_process";
import { appendFileSync, readFileSync } from "node:fs";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const [url, admin, operator, plain, tokens, screenshots] = process.argv.slice(2);
const axe = readFileSync(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const FOREVER_MS = 300000; // whoever runs the test ends what hangs; a busy machine may take its time

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
  timeout: FOREVER_MS,
});
const context = await browser.newContext({
  viewport: { width: 1280, height: 900 },
  permissions: ["clipboard-read", "clipboard-write"],
});
context.setDefaultTimeout(FOREVER_MS);
const page = await context.newPage();
const complaints = []; // of the browser, which are none but for what is provoked here
page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
page.on("pageerror", (error) => complaints.push(error.message));

const button = (name) => page.getByRole("button", { name, exact: true });
const sees = (text) => page.getByText(text).first().waitFor();
const heading = (name) => page.getByRole("heading", { level: 1, name, exact: true }).waitFor();
const row = (text) => page.getByRole("row").filter({ hasText: text });

function postern(words, input) {
  try {
    return execFileSync("postern", [...words, "--json"], {
      input,
      encoding: "utf8",
      stdio: ["pipe", "pipe", "inherit"],
    });
  } catch (error) {
    return error.stdout; // a refusal has a status that is not 0
  }
}

const reasonOf = (token) => JSON.parse(postern(["verify", "-", "--peek"], token)).reason;

let shots = 0;

// Looks for what people with other eyes, hands or devices could not use, and for text that goes beyond the screen.
async function look(what) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  assert.deepEqual(
    violations.map((one) => `${one.id}: ${one.nodes[0].html}`),
    [],
    `accessibility of ${what}`,
  );
  const tooWide = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  assert.equal(tooWide, 0, `${what} is ${tooWide} pixels wider than the screen`);
  if (screenshots)
    await page.screenshot({ path: `${screenshots}/${String(++shots).padStart(2, "0")}-${what}.png`, fullPage: true });
}

async function signIn(token) {
  await page.getByLabel("Administrator key").fill(token);
  await page.keyboard.press("Enter");
}

async function takeToken() {
  const shown = page.getByLabel("The new key");
  await shown.waitFor();
  const token = await shown.inputValue();
  appendFileSync(tokens, `${token}\n`);
  await page.keyboard.press("Escape"); // does not lose it
  await button("Copy").click();
  await sees("Copied.");
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), token);
  return token;
}

const steps = {
  async "another site may not ask"() {
    const asked = await page.evaluate(
      (to) =>
        fetch(to, { headers: { Authorization: "Bearer x" } }).then(
          () => "read",
          () => "refused",
        ),
      `${url}/v1/keys`,
    ); // from about:blank, whose origin is nobody's
    assert.equal(asked, "refused");
    complaints.length = 0;
  },

  async "only an administrator's key signs in"() {
    const answer = await page.goto(`${url}/console`);
    assert.match(answer.headers()["content-security-policy"], /^default-src 'none'; /);
    await heading("API keys");
    await look("sign-in");
    await signIn("nonsense");
    await sees("refused (INVALID_API_KEY)");
    await signIn(plain);
    await sees("it may not manage keys");
    complaints.length = 0; // the two refusals
    await signIn(admin);
    await heading("Keys");
  },

  async "keys that want attention say so"() {
    for (const [name, words] of [
      ["veteran", ["100 days", "Older than 90 days", "Never used"]],
      ["ending", ["Expires soon"]],
      ["resting", ["Disabled"]],
    ])
      for (const word of words) await row(name).getByText(word, { exact: true }).waitFor();
    await look("keys");
    await page.getByRole("button", { name: "Expires soon" }).click();
    await row("veteran").waitFor({ state: "detached" });
    await row("ending").waitFor();
    await page.getByRole("button", { name: "All" }).click();
    await page.getByLabel("Search keys by name or id").fill("no such key");
    await sees("No key matches");
  },

  async "a key is made, by keyboard, and its token is shown once"() {
    await button("Create key").focus();
    await page.keyboard.press("Enter");
    await page.getByLabel("Name", { exact: true }).waitFor();
    await page.keyboard.type("shop-frontend");
    await page.getByLabel("Environment").selectOption("LIVE");
    await sees("Read reports");
    await page.getByLabel("Expires").selectOption("30");
    await button("Add a limit").click();
    await page.getByLabel("How many").fill("25");
    await look("create");
    await page.getByLabel("How many").press("Enter");
    const token = await takeToken();
    await look("token");
    await button("I have stored it").click();
    await row("shop-frontend").waitFor();
    assert.ok(!(await page.content()).includes(token));
    assert.equal(reasonOf(token), "ALLOWED");
    return token;
  },

  async "it is disabled, enabled, changed and rolled with a grace"(token) {
    await page.getByRole("link", { name: "shop-frontend" }).click();
    await heading("shop-frontend");
    await sees("25 requests per minute");
    await button("Disable").click();
    await button("Enable").waitFor();
    assert.equal(reasonOf(token), "DISABLED_API_KEY");
    await button("Enable").click();
    await button("Disable").waitFor();
    await button("Change").click();
    await page.getByLabel("Name", { exact: true }).fill("shop");
    await button("Save").click();
    await heading("shop");
    await look("key");
    await button("Roll").click();
    await page.getByLabel("The present key goes on for").selectOption("3600000");
    await look("roll");
    await button("Make new key").click();
    const successor = await takeToken();
    await sees("The old key works until");
    await button("I have stored it").click();
    await sees("Replaces");
    assert.deepEqual([token, successor].map(reasonOf), ["ALLOWED", "ALLOWED"]);
    return successor;
  },

  async "it is revoked, once that is confirmed"(token) {
    await button("Revoke").click();
    await sees("This cannot be undone.");
    await page.keyboard.press("Escape");
    assert.equal(reasonOf(token), "ALLOWED");
    await button("Revoke").click();
    await page.getByLabel("Reason").fill("tried out");
    await look("revoke");
    await button("Revoke key").click();
    await sees(": tried out");
    assert.equal(reasonOf(token), "REVOKED_API_KEY");
    return token;
  },

  async "usage, limits and activity are shown as they are"(token) {
    postern(["verify", "-"], token); // a refusal that counts
    await page.getByRole("link", { name: "Usage", exact: true }).click();
    await heading("Usage");
    await page.getByRole("img", { name: "Requests by hour" }).waitFor();
    await row("Revoked key").getByText("1", { exact: true }).waitFor();
    await look("usage");
    await page.getByLabel("Time").selectOption("90d");
    await page.getByRole("img", { name: "Requests by day" }).waitFor();
    await page.getByRole("link", { name: "Limits", exact: true }).click();
    await row("20 per day").getByRole("cell", { name: "3", exact: true }).waitFor();
    await look("limits");
    await page.getByRole("link", { name: "Activity", exact: true }).click();
    await heading("Activity");
    await row("Key revoked").getByText("reason: tried out").waitFor();
    await look("activity");
  },

  async "it can be used in the dark and on a phone"() {
    await page.emulateMedia({ colorScheme: "dark" });
    await look("activity-dark");
    await page.setViewportSize({ width: 360, height: 740 });
    await page.getByRole("link", { name: "Keys", exact: true }).click();
    await row("veteran").waitFor();
    await look("keys-phone-dark");
    await page.emulateMedia({ colorScheme: "light" });
    await page.getByRole("link", { name: "veteran" }).click();
    await heading("veteran");
    await look("key-phone");
    await page.setViewportSize({ width: 1280, height: 900 });
  },

  async "nothing of the key is kept"() {
    assert.deepEqual(await context.cookies(), []);
    const kept = await page.evaluate(() => ({ ...localStorage, ...sessionStorage }));
    assert.deepEqual(kept, {});
    assert.ok(!page.url().includes(admin));
    await button("Sign out").click();
    assert.ok(!(await page.content()).includes("veteran"));
  },

  async "an operator chooses an account and sees the tiers"() {
    await signIn(operator);
    await heading("Accounts");
    await look("accounts");
    await page.getByRole("link", { name: "Tiers", exact: true }).click();
    await row("free").getByText("20 productions per day").waitFor();
    await look("tiers");
    await page.getByRole("link", { name: "Accounts", exact: true }).click();
    await button("Open bare").click();
    await sees("No keys yet");
    await look("no-keys");
    await button("Sign out").click();
  },

  async "a console left open says that its key was revoked"() {
    await signIn(admin);
    await row("veteran").waitFor();
    assert.deepEqual(complaints, []);
    postern(["revoke", "--token", "-"], admin);
    await page.evaluate(() => dispatchEvent(new Event("focus"))); // as when one comes back to the tab
    await sees("was revoked, so you have been signed out");
    await heading("API keys");
    assert.ok(!(await page.content()).includes("veteran"));
  },
};

let before; // what the step before has returned
for (const [name, step] of Object.entries(steps)) {
  try {
    before = await step(before);
  } catch (error) {
    const seen = await page
      .locator("body")
      .innerText()
      .catch(() => "nothing");
    console.log(
      `not so: ${name}\n${error.stack}\nthe browser says: ${complaints.join("\n")}\nthe page shows:\n${seen}`,
    );
    process.exitCode = 1;
    break;
  }
  console.log(`ok: ${name}`);
}
await browser.close();

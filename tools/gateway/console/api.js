// Asks the API in the name of whoever has signed in. The key is a variable of this module, and nowhere else: not in the
// address, not in a cookie, not in any store of the browser. Closing or reloading the page forgets it.

let token = "";
let ahead = 0; // of the server before this machine

export class Problem extends Error {
  constructor(message, status, code) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export function signInWith(text) {
  token = text.trim();
}

// The time of the server, which everything is counted by.
export const now = () => Date.now() + ahead;

export function forget() {
  token = "";
}

function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function sentence(text) {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}

async function problemOf(answer) {
  const said = await answer.json().catch(() => ({}));
  return new Problem(
    sentence(said.detail ?? `The server answered ${answer.status}`),
    answer.status,
    said.reason || said.code,
  );
}

// ask("GET", "keys", {query: {state: "ACTIVE"}}). `version`: of what is changed; the change is refused if it is old.
export async function ask(method, path, { query = {}, body, version } = {}) {
  const asked = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  const url = `v1/${path}${asked.length ? `?${new URLSearchParams(asked)}` : ""}`;
  const headers = { Authorization: `Bearer ${token}` };
  if (method !== "GET") headers["Idempotency-Key"] = randomId();
  if (body) headers["Content-Type"] = "application/json";
  if (version) headers["If-Match"] = `"${version}"`;
  const usedToken = token;
  let answer;
  try {
    answer = await fetch(url, {
      method,
      headers,
      body: body && JSON.stringify(body),
      cache: "no-store",
      credentials: "omit",
    });
  } catch {
    throw new Problem("The server cannot be reached. Check your connection and try again.", 0, "UNREACHABLE");
  }
  if (answer.ok) {
    const said = await answer.json();
    ahead = said.server_time_ms - Date.now();
    return said;
  }
  const problem = await problemOf(answer);
  if (answer.status === 401 && usedToken === token && token !== "")
    document.dispatchEvent(new CustomEvent("signed-out", { detail: problem }));
  throw problem;
}

// All entries of a list, page by page, up to a maximum; `more` says that there are others.
export async function askAll(path, name, query, max) {
  const found = [];
  let page_token = "",
    answer;
  do {
    answer = await ask("GET", path, { query: { ...query, page_token } });
    found.push(...answer[name]);
    page_token = answer.next_page_token;
  } while (page_token !== "" && found.length < max);
  return { found, more: page_token !== "", now: answer.server_time_ms };
}

// Which permissions a key has: asked for in a form, offered as far as whoever has signed in may give them.
import { h } from "./dom.js";

// May whoever has signed in give this permission? The server decides; this hides what it would refuse.
function mayGive(caller, scope, catalogue) {
  if (caller.role === "OPERATOR" || caller.scopes.includes("admin")) return true;
  const held = new Set(caller.scopes),
    seen = new Set();
  const holds = (name) => {
    if ([...held].some((one) => one === name || (one.endsWith(":*") && name.startsWith(one.slice(0, -1))))) return true;
    seen.add(name);
    return catalogue.some((one) => !seen.has(one.scope) && one.implies.includes(name) && holds(one.scope));
  };
  return holds(scope.scope);
}

// Those that every installation has. Only operators give the last two.
const builtIn = [
  { scope: "admin", description: "Everything that the other permissions allow" },
  { scope: "postern:account-admin", description: "Sign in here and manage the keys of this account" },
  { scope: "postern:verify", description: "Ask whether a key may do something" },
].map((scope) => ({ ...scope, implies: [], is_default: false }));

// Checkboxes of what may be given. `chosen`: what the key has; without it the default ones are chosen.
export function permissionsField(caller, catalogue, chosen) {
  const all = [...catalogue, ...(caller.role === "OPERATOR" ? builtIn : builtIn.slice(0, 1))];
  const offered = all.filter((scope) => chosen?.includes(scope.scope) || mayGive(caller, scope, catalogue));
  const others = (chosen ?? []).filter((name) => !offered.some((scope) => scope.scope === name));
  const boxes = [...offered, ...others.map((scope) => ({ scope, description: "" }))].map((scope) => ({
    scope: scope.scope,
    description: scope.description,
    box: h("input", { type: "checkbox", checked: chosen ? chosen.includes(scope.scope) : scope.is_default }),
  }));
  const element = h(
    "fieldset",
    { class: "field" },
    h("legend", null, "Permissions"),
    boxes.length
      ? boxes.map(({ scope, description, box }) =>
          h(
            "label",
            { class: "choice" },
            box,
            h("span", null, h("strong", null, scope), description ? h("span", { class: "muted" }, description) : null),
          ),
        )
      : h("p", { class: "help" }, "There are no permissions that you could give. The key will have none."),
  );
  const value = () => {
    const wanted = boxes.filter(({ box }) => box.checked).map(({ scope }) => scope);
    if (boxes.length > 0 && wanted.length === 0 && !chosen) throw new Error("Choose at least one permission.");
    return wanted;
  };
  return { element, value };
}

// Makes elements. Text is always text: nothing that comes from the server is read as markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in { value: 0, checked: 0, disabled: 0, hidden: 0, required: 0 } && name in element)
      element[name] = value;
    else if (value !== null && value !== undefined && value !== false)
      element.setAttribute(name, value === true ? "" : value);
  }
  element.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

export function h(name, attributes, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function svg(name, attributes, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

export function button(text, onclick, kind = "") {
  return h("button", { type: "button", class: kind, onclick }, text);
}

let fields = 0;

// A control with its label, what helps to fill it in, and a place for what is wrong with it.
export function field(label, control, help) {
  const id = `field-${++fields}`;
  control.id = id;
  const text = help ? h("p", { class: "help", id: `${id}-help` }, help) : null;
  if (text) control.setAttribute("aria-describedby", text.id);
  return h("div", { class: "field" }, h("label", { for: id }, label), control, text);
}

export function select(options, chosen, onchange) {
  const element = h(
    "select",
    onchange ? { onchange: () => onchange(element.value) } : {},
    options.map(([value, text]) => h("option", { value, selected: value === chosen }, text)),
  );
  return element;
}

// A table. On a narrow screen its rows become cards, whose cells show their column's name; `narrow` ones stay tables.
// A head is text or {text, kind: "number", quiet: true}; a quiet one is for screen readers only.
export function table(caption, heads, rows, { narrow = false } = {}) {
  const columns = heads.map((head) => (typeof head === "string" ? { text: head } : head));
  return h(
    "div",
    { class: narrow ? "table-frame narrow" : "table-frame" },
    h(
      "table",
      { role: "table" },
      h("caption", { class: "unseen" }, caption),
      h(
        "thead",
        { role: "rowgroup" },
        h(
          "tr",
          { role: "row" },
          columns.map(({ text, kind, quiet }) =>
            h(
              "th",
              { role: "columnheader", scope: "col", class: kind },
              quiet ? h("span", { class: "unseen" }, text) : text,
            ),
          ),
        ),
      ),
      h(
        "tbody",
        { role: "rowgroup" },
        rows.map((cells) =>
          h(
            "tr",
            { role: "row" },
            cells.map((cell, i) =>
              h(
                "td",
                { role: "cell", class: columns[i].kind, "data-head": columns[i].quiet ? null : columns[i].text },
                cell,
              ),
            ),
          ),
        ),
      ),
    ),
  );
}

export function empty(title, text, ...actions) {
  return h(
    "div",
    { class: "empty" },
    h("h2", null, title),
    h("p", null, text),
    actions.length ? h("div", null, actions) : null,
  );
}

// Says something in passing; screen readers say it, too.
export function notice(text, tone = "good") {
  const element = h("p", { class: `notice ${tone}` }, text);
  document.getElementById("notices").replaceChildren(element);
  setTimeout(() => element.remove(), 8000);
}

// A dialog of the browser's own, which holds the focus and gives it back. `build` gets a function that closes it.
export function dialog(title, build, { mayEscape = true } = {}) {
  const heading = h("h2", { id: `dialog-title-${++fields}` }, title);
  const element = h("dialog", { "aria-labelledby": heading.id });
  const close = () => element.close();
  element.append(heading, build(close));
  element.addEventListener("close", () => element.remove());
  if (!mayEscape) element.addEventListener("cancel", (event) => event.preventDefault());
  document.body.append(element);
  element.showModal();
  return element;
}

// A form in a dialog. `submit` does the work; what it throws is shown in the form, which stays open.
export function formDialog(title, { body, action, kind = "primary", submit }) {
  return dialog(title, (close) => {
    const problem = h("p", { class: "problem", role: "alert", hidden: true });
    const send = h("button", { type: "submit", class: kind }, action);
    return h(
      "form",
      {
        onsubmit: async (event) => {
          event.preventDefault();
          problem.hidden = true;
          send.disabled = true;
          try {
            const after = await submit();
            close();
            after?.();
          } catch (error) {
            problem.textContent = error.message;
            problem.hidden = false;
          }
          send.disabled = false;
        },
      },
      body,
      problem,
      h("div", { class: "actions" }, button("Cancel", close), send),
    );
  });
}

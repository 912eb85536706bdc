"use strict";
// What a report can do beyond being read: sort and filter its tables, say what a dot stands for,
// and show the lines of some variants alone.  Everything is on the page without it, too.
// All that it shows it takes from the page's own text and sets as text.

const SVG = "http://www.w3.org/2000/svg";
const NEAR = 12; // px: so far from a dot it is still meant

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// ---------------------------------------------------------------- tables

function sortKey(row, column) {
  const text = row.cells[column]?.textContent.trim() ?? "";
  const number = parseFloat(text.replaceAll(",", ""));
  return { empty: text === "", number: /^[-+]?[\d.]/.test(text) ? number : NaN, text };
}

function compare(a, b, direction) {
  if (a.empty || b.empty) return a.empty - b.empty; // last, whichever way
  if (isNaN(a.number) !== isNaN(b.number)) return isNaN(a.number) ? 1 : -1;
  const order = isNaN(a.number) ? a.text.localeCompare(b.text) : a.number - b.number;
  return direction * order;
}

// Up, down, and again as the page came; lines that are no variants stay last.
function sortable(table) {
  const body = table.tBodies[0];
  const asCame = [...body.rows];
  const headers = [...table.tHead.rows[0].cells];
  headers.forEach((header, column) => {
    const button = element("button", { type: "button" }, ...header.childNodes);
    header.replaceChildren(button);
    button.addEventListener("click", () => {
      const before = header.getAttribute("aria-sort");
      headers.forEach((other) => other.removeAttribute("aria-sort"));
      let rows = asCame;
      if (before !== "descending") {
        const direction = before === "ascending" ? -1 : 1;
        header.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
        const keyed = asCame.map((row) => ({ row, key: sortKey(row, column), last: row.classList.contains("line") }));
        keyed.sort((a, b) => a.last - b.last || compare(a.key, b.key, direction));
        rows = keyed.map((entry) => entry.row);
      }
      body.append(...rows);
    });
  });
}

function choice(label, values) {
  const options = values.map((value) => element("option", { value, textContent: value }));
  const select = element("select", {}, element("option", { value: "", textContent: "all" }), ...options);
  select.ariaLabel = label;
  return { select, label: element("label", {}, `${label} `, select) };
}

// A text to find, and a choice for each column that says so.
function filterable(table) {
  const rows = [...table.tBodies[0].rows];
  const headers = [...table.tHead.rows[0].cells];
  const choices = headers.flatMap((header, column) => {
    if (!("filter" in header.dataset)) return [];
    const values = [...new Set(rows.map((row) => row.cells[column].textContent))];
    return [{ column, ...choice(header.textContent, values) }];
  });
  const text = element("input", { type: "search", ariaLabel: "find" });
  const count = element("span", { className: "count" });
  count.setAttribute("role", "status");
  const show = () => {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const chosen = choices.every(({ column, select }) => !select.value || row.cells[column].textContent === select.value);
      const content = words.length ? [...row.cells].map((cell) => cell.textContent).join(" ").toLowerCase() : "";
      row.hidden = !(chosen && words.every((word) => content.includes(word)));
      shown += !row.hidden;
    }
    count.textContent = `${shown} of ${rows.length}`;
  };
  const bar = element("div", { className: "filters" }, element("label", {}, "find ", text));
  bar.append(...choices.map((each) => each.label), count);
  bar.addEventListener("input", show);
  table.parentElement.before(bar);
  show();
}

// ---------------------------------------------------------------- what a dot stands for

function inShell(word) { // as Python's `shlex.quote`
  return /^[\w@%+=:,./~-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`;
}

// The trials of a task, from their table: names of the columns, and the texts of each row.
function trialsOf(table) {
  const names = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
  return [...table.tBodies[0].rows].map((row) => {
    const texts = [...row.cells].map((cell) => cell.textContent);
    const facts = Object.fromEntries(names.map((name, column) => [name, texts[column]]));
    const stage = facts.stage || "";
    const marked = facts.variant + (stage && `~${stage.replace("replicate ", "")}`);
    const command = `${table.dataset.command} --variant ${inShell(marked)} --trial ${facts.trial}`;
    const said = names.slice(names.indexOf("state") + 1).filter((name) => facts[name]);
    const state = facts.state === "complete" ? [] : [facts.state];
    return {
      title: `${facts.variant}, ${stage} trial ${facts.trial}`.replace(",  ", ", "),
      text: [...state, ...said.map((name) => `${name} ${facts[name]}`)].join(", "),
      group: facts.variant,
      command,
    };
  });
}

// Everything in a picture that can be pointed at: where it is drawn, and what it stands for.
function targetsOf(picture, trials) {
  const targets = [];
  for (const path of picture.querySelectorAll("[data-trials], [data-texts]")) {
    const ofTrials = path.dataset.trials !== undefined;
    const names = ofTrials ? path.dataset.trials.split(" ") : path.dataset.texts.split("|");
    const pairs = path.dataset.pairs?.split(" ") ?? [];
    path.getAttribute("d").split("M").slice(1).forEach((part, place) => {
      const numbers = part.replace("h0", "").split(/[L\s]+/).filter(Boolean).map(Number);
      const number = ofTrials ? Number(names[place]) : place;
      const pair = (pairs[place] ?? "").split("+").filter(Boolean).map((of) => trials[Number(of)]);
      const text = { title: names[place], text: "", group: "", command: "" };
      const says = ofTrials ? [trials[number]] : [text, ...pair];
      targets.push({ numbers, number, says, d: `M${part}`, isLine: path.classList.contains("lines"), path });
    });
  }
  return targets.sort((a, b) => a.number - b.number);
}

function distanceToSegment(x, y, [ax, ay, bx, by]) {
  const length = (bx - ax) ** 2 + (by - ay) ** 2;
  const along = length ? Math.max(0, Math.min(1, ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length)) : 0;
  return Math.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay));
}

function distance({ numbers, isLine }, x, y) {
  if (!isLine) return Math.hypot(x - numbers[0], y - numbers[1]);
  let least = Infinity;
  for (let place = 0; place + 3 < numbers.length; place += 2) {
    least = Math.min(least, distanceToSegment(x, y, numbers.slice(place, place + 4)));
  }
  return least;
}

const tip = element("div", { className: "tip", hidden: true });
tip.setAttribute("role", "status");

function interactive(picture, trials) {
  const svg = picture.querySelector("svg");
  const ring = document.createElementNS(SVG, "path");
  ring.setAttribute("class", "ring");
  let targets = null;
  let current = -1;
  let pinned = false;

  const hide = () => {
    ring.remove();
    tip.hidden = true;
    current = -1;
    pinned = false;
  };

  const show = (place) => {
    const target = targets[place];
    if (place === current && !tip.hidden) return;
    current = place;
    ring.setAttribute("d", target.d);
    ring.classList.toggle("dot", !target.isLine);
    svg.append(ring);
    tip.replaceChildren(...target.says.flatMap(({ title, text, command }) => [
      element("strong", { textContent: title }),
      ...(text ? [element("span", { textContent: text })] : []),
      ...(command ? [element("code", { className: "copy", textContent: command })] : []),
    ]));
    tip.hidden = false;
    const [x, y] = target.numbers.slice(target.isLine ? -2 : 0);
    const spot = new DOMPoint(x, y).matrixTransform(svg.getScreenCTM());
    const across = Math.max(4, Math.min(spot.x + 12, document.documentElement.clientWidth - tip.offsetWidth - 4));
    const below = spot.y + 14 + tip.offsetHeight < window.innerHeight;
    const down = below ? spot.y + 14 : spot.y - tip.offsetHeight - 14;
    tip.style.left = `${across + window.scrollX}px`;
    tip.style.top = `${down + window.scrollY}px`;
  };

  const nearest = (event) => {
    targets ??= targetsOf(picture, trials);
    const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    const scale = svg.getScreenCTM().a;
    let best = { place: -1, far: NEAR / scale };
    targets.forEach((target, place) => {
      if (target.path.classList.contains("away")) return;
      const far = distance(target, x, y);
      if (far < best.far) best = { place, far };
    });
    return best.place;
  };

  const byKey = (key) => {
    targets ??= targetsOf(picture, trials);
    const last = targets.length - 1;
    const group = targets[Math.max(current, 0)].says[0].group;
    const otherGroup = (target) => target.says[0].group !== group;
    switch (key) {
      case "ArrowRight": return Math.min(current + 1, last);
      case "ArrowLeft": return Math.max(current - 1, 0);
      case "Home": return 0;
      case "End": return last;
      case "ArrowDown": {
        const place = targets.findIndex((target, at) => at > current && otherGroup(target));
        return place < 0 ? last : place;
      }
      case "ArrowUp": {
        const end = targets.findLastIndex((target, at) => at < current && otherGroup(target));
        return targets.findIndex((target) => end >= 0 && target.says[0].group === targets[end].says[0].group);
      }
      default: return null;
    }
  };

  picture.addEventListener("pointermove", (event) => {
    if (pinned) return;
    const place = nearest(event);
    if (place >= 0) show(place);
    else hide();
  });
  picture.addEventListener("pointerleave", () => { if (!pinned) hide(); });
  picture.addEventListener("click", (event) => {
    const place = nearest(event);
    hide();
    if (place >= 0) show(place);
    pinned = place >= 0;
  });
  picture.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return hide();
    const place = byKey(event.key);
    if (place === null) return;
    event.preventDefault();
    show(Math.max(place, 0));
    pinned = true;
  });
  picture.addEventListener("blur", (event) => { if (!tip.contains(event.relatedTarget)) hide(); });
  document.addEventListener("click", (event) => {
    if (pinned && !picture.contains(event.target) && !tip.contains(event.target)) hide();
  });
  const label = picture.getAttribute("aria-label");
  picture.setAttribute("role", "group");
  picture.setAttribute("aria-label", `${label} The arrow keys go from trial to trial.`);
  picture.tabIndex = 0;
}

// ---------------------------------------------------------------- lines of some variants

function brushable(picture) {
  const paths = [...picture.querySelectorAll("[data-variant]")];
  const variants = [...new Set(paths.map((path) => path.dataset.variant))];
  if (variants.length < 2) return;
  const buttons = variants.map((variant) => element("button", { type: "button", textContent: variant, ariaPressed: "false" }));
  const bar = element("div", { className: "filters brush" }, "only ", ...buttons);
  bar.setAttribute("role", "group");
  bar.setAttribute("aria-label", "Show the lines of these variants only");
  bar.addEventListener("click", (event) => {
    if (!buttons.includes(event.target)) return;
    event.target.ariaPressed = String(event.target.ariaPressed !== "true");
    const pressed = buttons.filter((button) => button.ariaPressed === "true").map((button) => button.textContent);
    for (const path of paths) {
      path.classList.toggle("away", pressed.length > 0 && !pressed.includes(path.dataset.variant));
    }
  });
  picture.before(bar);
}

// ---------------------------------------------------------------- the page

document.body.append(tip);
const tables = [...document.querySelectorAll("table[data-command]")];
const trialsOfTask = new Map(tables.map((table) => [table.dataset.task, trialsOf(table)]));
for (const picture of document.querySelectorAll(".picture")) {
  if (!picture.querySelector("[data-trials], [data-texts]")) continue;
  const table = picture.closest("section").querySelector("table[data-command]");
  interactive(picture, trialsOfTask.get(picture.dataset.task ?? table?.dataset.task) ?? []);
  brushable(picture);
}
for (const cell of document.querySelectorAll(".cell")) {
  if (cell.scrollWidth > cell.clientWidth) cell.tabIndex = 0; // so that keys scroll it
}
document.querySelectorAll("table.filterable").forEach(filterable);
document.querySelectorAll("table.sortable").forEach(sortable);

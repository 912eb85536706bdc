"use strict";
// Lets a reader try the cell of a page.  What is asked for stands in the controls of the form;
// `compute` runs the cell anew, `draw` shows the step at which the slider stands.

const STEPS = 40;
const MOST_STEPS = 200; // that can be typed
const FAR = 2; // the largest number that can be drawn with a pointer
const PRESETS = {
  impulse: (t) => Number(t === 4),
  pulse: (t) => Number(t >= 4 && t < 16),
  sine: (t) => Math.sin((2 * Math.PI * t) / 13),
  noise: (_, random) => normal(random),
  ones: () => 1,
};

const cell = JSON.parse(document.getElementById("cell").textContent);
const form = document.getElementById("player");
const slider = document.getElementById("step");
const playing = document.getElementById("play");
const slow = matchMedia("(prefers-reduced-motion: reduce)");
const all = (selector) => [...form.querySelectorAll(selector)];
const strips = all("[data-strip]");
const sequences = []; // a number a step for each strip
let values = {}; // of each equation: a vector a step
let timer = 0;

const of = (kind, name) => form.querySelector(`[data-${kind}="${name}"]`);
const here = () => Number(slider.value);
const short = (number) =>
  Number.isFinite(number) ? String(Number(number.toPrecision(3))) : "not finite";

// -- what is asked for

function preset(place, steps) {
  const compute = PRESETS[of("preset", place).value];
  const random = generator(77 + place);
  if (compute) return range(steps).map((t) => compute(t, random));
  return range(steps).map((t) => sequences[place][t] ?? 0);
}

function setSequence(place, sequence) {
  sequences[place] = sequence;
  of("typed", place).value = sequence.map(short).join(" ");
}

function setSteps(steps) {
  slider.max = steps - 1;
  strips.forEach((_, place) => setSequence(place, preset(place, steps)));
  slider.value = firstStep();
}

// The first step at which x is not 0: before it there is nothing to see.
const firstStep = () => Math.max(0, sequences[0].findIndex((number) => number));

function read(text) {
  const words = text.split(/[\s,;]+/).filter((word) => word);
  const wrong = words.find((word) => !Number.isFinite(Number(word)));
  if (wrong !== undefined) throw new RangeError(`'${wrong}' is no number`);
  if (!words.length) throw new RangeError("write numbers with spaces between them, one a step");
  if (words.length > MOST_STEPS) throw new RangeError(`write at most ${MOST_STEPS} numbers`);
  return words.map(Number);
}

function typed(field) {
  const place = Number(field.dataset.typed);
  const wrong = document.getElementById(`wrong-${place}`);
  wrong.textContent = "";
  try {
    const sequence = read(field.value);
    const written = field.value;
    of("preset", place).value = "your own";
    sequences[place] = sequence;
    if (sequence.length !== Number(slider.max) + 1) setSteps(sequence.length);
    field.value = written; // as it was typed
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    wrong.textContent = error.message;
  }
}

function change(place, step, number) {
  of("preset", place).value = "your own";
  const sequence = [...sequences[place]];
  sequence[step] = number;
  setSequence(place, sequence);
}

function numbersAsked() {
  const numbers = { ...cell.numbers };
  for (const field of all("[data-number]")) {
    if (field.checkValidity()) numbers[field.dataset.number] = field.valueAsNumber;
  }
  return numbers;
}

function inputsAsked() {
  const inputs = Object.fromEntries(cell.inputs.map(({ name }) => [name, []]));
  strips.forEach(({ dataset }, place) => sequences[place].forEach((number, step) => {
    (inputs[dataset.input][step] ??= [])[dataset.column] = number;
  }));
  return inputs;
}

function held() {
  const selected = all("[data-hold]").filter((select) => select.value !== "");
  return Object.fromEntries(selected.map(({ dataset, value }) => [dataset.hold, Number(value)]));
}

function compute() {
  const numbers = numbersAsked();
  const { seed, gain } = form.elements;
  const weights = drawWeights(cell, numbers, seed.valueAsNumber || 0, gain.valueAsNumber || 0);
  values = run(cell, weights, inputsAsked(), numbers, held());
  draw();
}

// -- pictures

function palette() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  const names = ["paper", "ink", "soft", "line", "gate", "plus", "minus"];
  return Object.fromEntries(names.map((name) => [name, colour(name)]));
}

function mixed(from, to, share) {
  const parts = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  const [low, high] = [parts(from), parts(to)];
  return `rgb(${low.map((part, n) => Math.round(part + (high[n] - part) * share)).join()})`;
}

function shade(number, isGate, most, colours) {
  if (!Number.isFinite(number)) return colours.soft;
  if (isGate) return mixed(colours.paper, colours.gate, Math.min(Math.max(number, 0), 1));
  const share = most ? Math.min(Math.abs(number) / most, 1) : 0;
  return mixed(colours.paper, number > 0 ? colours.plus : colours.minus, share);
}

function cleared(canvas) {
  const ratio = devicePixelRatio || 1;
  canvas.width = Math.max(1, Math.round(canvas.clientWidth * ratio));
  canvas.height = Math.max(1, Math.round(canvas.clientHeight * ratio));
  return [canvas.getContext("2d"), canvas.width, canvas.height];
}

const largestOf = (steps) =>
  largest(steps.flat().map(Math.abs).filter(Number.isFinite).concat(0));

function frame(context, step, count, width, height, colours) {
  context.strokeStyle = colours.ink;
  context.lineWidth = 2;
  context.strokeRect((step * width) / count, 1, width / count, height - 2);
}

function drawMap(canvas, steps, isGate, most, colours) {
  const [context, width, height] = cleared(canvas);
  const [across, down] = [width / steps.length, height / steps[0].length];
  steps.forEach((units, step) => units.forEach((number, unit) => {
    context.fillStyle = shade(number, isGate, most, colours);
    context.fillRect(Math.floor(step * across), Math.floor(unit * down), Math.ceil(across), Math.ceil(down));
  }));
  frame(context, here(), steps.length, width, height, colours);
}

// Bars from 0: at the left for a gate, else in the middle.
function drawBars(canvas, units, isGate, most, colours) {
  const [context, width, height] = cleared(canvas);
  const zero = isGate ? 0 : width / 2;
  const reach = isGate ? width : width / 2 / (most || 1);
  const down = height / units.length;
  units.forEach((number, unit) => {
    context.fillStyle = isGate ? colours.gate : number > 0 ? colours.plus : colours.minus;
    const length = Number.isFinite(number) ? number * reach : 0;
    context.fillRect(zero, unit * down + 1, length, Math.max(1, down - 2));
  });
  context.fillStyle = colours.soft;
  context.fillRect(zero, 0, 1, height);
}

function drawStrip(canvas, sequence, colours) {
  const [context, width, height] = cleared(canvas);
  const most = Math.max(FAR, largestOf(sequence));
  const across = width / sequence.length;
  sequence.forEach((number, step) => {
    const length = (number / most) * (height / 2 - 2);
    context.fillStyle = number > 0 ? colours.plus : colours.minus;
    context.fillRect(step * across + 1, height / 2, Math.max(1, across - 2), -length);
  });
  context.fillStyle = colours.soft;
  context.fillRect(0, Math.round(height / 2), width, 1);
  frame(context, here(), sequence.length, width, height, colours);
}

function drawStrips(colours) {
  strips.forEach((canvas, place) => {
    const number = short(sequences[place][here()]);
    drawStrip(canvas, sequences[place], colours);
    canvas.setAttribute("aria-valuenow", number);
    of("now", place).textContent = `now ${number}`;
  });
}

function draw() {
  const colours = palette();
  drawStrips(colours);
  for (const canvas of all("[data-map]")) {
    const name = canvas.dataset.map;
    const isGate = "gate" in canvas.dataset;
    const [steps, bars] = [values[name], of("bars", name)];
    const most = largestOf(steps);
    if (!isGate) of("most", name).textContent = `up to ${short(most)}`;
    drawMap(canvas, steps, isGate, most, colours);
    drawBars(bars, steps[here()], isGate, most, colours);
    canvas.setAttribute("aria-label", `${name} at all steps, up to ${short(most)}`);
    bars.setAttribute("aria-label", `${name} now: ${steps[here()].map(short).join(", ")}`);
  }
  document.getElementById("where").textContent = `step ${here()} of ${slider.max}`;
  drawTable();
}

function drawTable() {
  const rows = Object.keys(values).filter((name) => of("map", name)).map((name) => {
    const row = document.createElement("tr");
    const texts = values[name][here()].map(short);
    const [head, ...cells] = [name, ...texts].map((text, n) => {
      const element = document.createElement(n ? "td" : "th");
      element.textContent = text;
      return element;
    });
    head.scope = "row";
    row.append(head, ...cells);
    return row;
  });
  document.getElementById("numbers").replaceChildren(...rows);
}

// -- moving

function go(step) {
  slider.value = step;
  draw();
}

function stop() {
  clearInterval(timer);
  timer = 0;
  playing.textContent = "play";
}

function toggle() {
  if (timer) return stop();
  if (here() === Number(slider.max)) go(0);
  playing.textContent = "stop";
  timer = setInterval(() => {
    go(here() + 1);
    if (here() === Number(slider.max)) stop();
  }, slow.matches ? 1000 : 150);
}

function stepAt(canvas, event) {
  const box = canvas.getBoundingClientRect();
  const step = Math.floor(((event.clientX - box.left) / box.width) * (Number(slider.max) + 1));
  return Math.min(Math.max(step, 0), Number(slider.max));
}

function point(event) {
  const { dataset } = event.target;
  if (!event.buttons || !("map" in dataset || "strip" in dataset)) return;
  stop();
  slider.value = stepAt(event.target, event);
  if ("map" in dataset) return draw();
  const box = event.target.getBoundingClientRect();
  const share = Math.min(Math.max((event.clientY - box.top) / box.height, 0), 1);
  change(Number(dataset.strip), here(), Number(((1 - 2 * share) * FAR).toFixed(1)));
  compute();
}

function key(event) {
  const { dataset } = event.target;
  const moved = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const raised = { ArrowUp: 0.1, ArrowDown: -0.1 }[event.key];
  if (!("strip" in dataset) || !(moved || raised)) return;
  event.preventDefault();
  stop();
  if (moved) return go(here() + moved);
  const place = Number(dataset.strip);
  change(place, here(), Number((sequences[place][here()] + raised).toFixed(3)));
  compute();
}

function asked(event) {
  const { dataset } = event.target;
  if (event.target === slider) {
    stop();
    return draw();
  }
  if ("preset" in dataset) {
    const place = Number(dataset.preset);
    setSequence(place, preset(place, sequences[place].length));
  }
  if ("typed" in dataset) typed(event.target);
  compute();
}

function begin() {
  stop();
  setSteps(STEPS);
  compute();
}

form.hidden = false;
form.addEventListener("input", asked);
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("reset", () => setTimeout(begin)); // when the controls are as they were
form.addEventListener("pointerdown", point);
form.addEventListener("pointermove", point);
form.addEventListener("keydown", key);
playing.addEventListener("click", toggle);
document.getElementById("others").addEventListener("click", () => {
  form.elements.seed.valueAsNumber = (form.elements.seed.valueAsNumber || 0) + 1;
  compute();
});
// What is to be copied is selected when keys reach it, as a click does.
document.addEventListener("focusin", ({ target }) => {
  if (target.matches(".copy")) getSelection().selectAllChildren(target);
});
addEventListener("resize", draw);
for (const query of ["print", "(prefers-color-scheme: dark)"]) {
  matchMedia(query).addEventListener("change", draw);
}
begin();

"use strict";
// Asks for what has changed, once a second, and replaces the sections that have.
const EVERY = 1000;
const PATIENCE = 10000; // ms: a tunnel that stalls answers no more, a new request may heal it
const offline = document.getElementById("offline");
const shown = {}; // each section as it came last
let tag = "";
let now = Number(document.body.dataset.now) || 0; // of the sweep's clock; 0: it stands still
let received = performance.now();
let reached = new Date();

function duration(seconds) { // as `rnnzoo.errors.duration`
  if (seconds < 90) return `${seconds.toFixed(0)} s`;
  if (seconds < 5400) return `${(seconds / 60).toFixed(0)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

function tick() {
  if (!now) return;
  const clock = now + (performance.now() - received) / 1000;
  for (const element of document.querySelectorAll("[data-began]")) {
    element.textContent = duration(Math.max(0, clock - Number(element.dataset.began)));
  }
}

function replace(section, html) {
  const focused = section.contains(document.activeElement);
  const scrolled = [...section.querySelectorAll(".scroll")].map((box) => box.scrollLeft);
  section.innerHTML = html; // made and escaped by `rnnzoo.markup`
  const boxes = section.querySelectorAll(".scroll");
  boxes.forEach((box, place) => { box.scrollLeft = scrolled[place] || 0; });
  if (focused && boxes.length) boxes[0].focus({ preventScroll: true });
}

function show(news) {
  document.title = news.title;
  now = news.now || 0;
  received = performance.now();
  for (const [name, html] of Object.entries(news.sections)) {
    if (shown[name] !== html) replace(document.getElementById(name), html);
    shown[name] = html;
  }
}

async function ask() {
  const asked = new AbortController();
  const patience = setTimeout(() => asked.abort(), PATIENCE);
  try {
    const answer = await fetch("page.json", { headers: { "If-None-Match": tag }, signal: asked.signal });
    if (answer.status === 200) {
      show(await answer.json());
      tag = answer.headers.get("ETag") || "";
    } else if (answer.status !== 304) {
      throw new Error(`HTTP ${answer.status}`);
    }
    reached = new Date();
    offline.hidden = true;
  } catch {
    offline.textContent = "No answer since " + reached.toLocaleTimeString() +
      ": `rnnzoo watch` has ended, or the tunnel is down. This page goes on by itself.";
    offline.hidden = false;
  } finally {
    clearTimeout(patience);
  }
}

async function keepAsking() {
  if (!document.hidden) await ask();
  tick();
  setTimeout(keepAsking, EVERY);
}

document.addEventListener("visibilitychange", () => { if (!document.hidden) ask(); });
keepAsking();

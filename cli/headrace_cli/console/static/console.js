// Draws what has changed. Pages work without it: links and forms are plain HTML.
"use strict";
const stream = document.body.dataset.events;
const KEPT = "a, button, summary, input, select, textarea, [tabindex], .scroll, .tall, pre";
const AGAIN = 5000;  // milliseconds to the next try after an answer that was none
let seconds = Number(document.body.dataset.refresh);
let source = null, busy = false, again = false, timer = null, waiting = null, retrying = null;

function regions(root) { return root.querySelectorAll("[data-live][id]"); }

function notice(id, text) {
  const found = document.getElementById(id);
  if (text) found.querySelector("span").textContent = text;
  found.hidden = !text;
}

// What an element is, whatever stands before it: a button is its label and what its form is about.
function mark(item) {
  const form = item.closest("form"), name = (of) => of?.getAttribute("aria-label");
  const about = form ? [...form.querySelectorAll("input[type=hidden]")].map((field) => field.value) : [];
  const text = item.matches("button, summary, pre") ? item.textContent : "";
  return JSON.stringify([item.tagName, item.id, item.getAttribute("href"), item.getAttribute("name"), name(item),
    name(item.closest("section")), item.closest("details")?.id, about, text]);
}

// The elements that keep focus and scrolling, each under its mark and its number among those of the same mark.
function marked(root) {
  const found = new Map(), count = new Map();
  for (const item of root.querySelectorAll(KEPT)) {
    const its = mark(item), number = count.get(its) ?? 0;
    count.set(its, number + 1);
    found.set(`${its} ${number}`, item);
  }
  return found;
}

function swap(now, fresh) {
  const open = [...now.querySelectorAll("details[open][id]")].map((item) => item.id);
  for (const id of open) { fresh.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", ""); }
  if (now.outerHTML === fresh.outerHTML) return;
  const focused = now.contains(document.activeElement) ? document.activeElement : null;
  const kept = [...marked(now)].map(([its, item]) => [its, item, item.scrollTop, item.scrollLeft])
    .filter(([, item, top, left]) => item === focused || top || left);
  now.replaceWith(fresh);
  if (!kept.length) return;
  const next = marked(fresh);
  for (const [its, item, top, left] of kept) {
    const same = next.get(its);
    if (!same) continue;
    same.scrollTo(left, top);
    if (item === focused) same.focus({ preventScroll: true });
  }
}

function later(milliseconds) { clearTimeout(waiting); waiting = setTimeout(draw, milliseconds); }

function take(fresh) {
  for (const now of regions(document)) {
    const next = fresh.getElementById(now.id);
    if (next) swap(now, document.adoptNode(next));
  }
  document.title = fresh.title;
  keepPace(Number(fresh.body.dataset.refresh));
}

async function draw() {
  if (busy) { again = true; return; }
  if (!regions(document).length) return;
  if (document.getSelection()?.type === "Range") { later(1000); return; }
  busy = true;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.getElementById("gone").hidden = true;
    if (answer.ok) { take(fresh); notice("stale", ""); }
    else {
      const said = fresh.getElementById("problem") ?? fresh.body;
      notice("stale", said.textContent.trim() || `the answer was ${answer.status}`);
      if (!document.hidden) later(AGAIN);
    }
  } catch { document.getElementById("gone").hidden = false; } finally {
    busy = false;
    if (again) { again = false; later(300); }
  }
}

function keepPace(wanted) {
  if (wanted === seconds && (timer || !wanted)) return;
  clearInterval(timer);
  seconds = wanted;
  timer = seconds ? setInterval(draw, seconds * 1000) : null;
}

function connect() {
  if (source || document.hidden) return;
  source = new EventSource(stream);
  source.addEventListener("trouble", (event) => notice("trouble", JSON.parse(event.data)));
  source.addEventListener("changed", () => { document.getElementById("gone").hidden = true; draw(); });
  source.onerror = () => {
    document.getElementById("gone").hidden = false;
    if (source?.readyState !== EventSource.CLOSED) return;  // else the browser tries again by itself
    source = null;
    clearTimeout(retrying);
    retrying = setTimeout(connect, AGAIN);
  };
  keepPace(seconds);
}

// A browser has six connections to one server: a page that nobody sees holds none.
function rest() {
  source?.close();
  for (const each of [timer, waiting, retrying]) clearTimeout(each);
  source = timer = null;
}

document.addEventListener("visibilitychange", () => { if (document.hidden) rest(); else connect(); });
addEventListener("pagehide", rest);
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !/INPUT|TEXTAREA|SELECT/.test(document.activeElement.tagName)) {
    const field = document.querySelector("input[type=search]");
    if (field) { event.preventDefault(); field.focus(); field.select(); }
  }
});
for (const choice of document.querySelectorAll("select[data-submits]")) {
  choice.addEventListener("change", () => choice.form.requestSubmit());
}
connect();

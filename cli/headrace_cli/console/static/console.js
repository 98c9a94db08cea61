// Draws what has changed. Pages work without it: links and forms are plain HTML.
"use strict";
const stream = document.body.dataset.events;
const seconds = Number(document.body.dataset.refresh);
let source = null, busy = false, again = false, timer = null;

function regions(root) { return root.querySelectorAll("[data-live][id]"); }

function swap(now, fresh) {
  const open = [...now.querySelectorAll("details[open][id]")].map((item) => item.id);
  for (const id of open) { fresh.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", ""); }
  if (now.outerHTML === fresh.outerHTML) return;
  const focused = now.contains(document.activeElement) ? document.activeElement : null;
  const key = focused?.id || focused?.getAttribute("href");
  now.replaceWith(fresh);
  if (key) {
    const next = document.getElementById(key) || [...fresh.querySelectorAll("a")].find((a) => a.getAttribute("href") === key);
    next?.focus({ preventScroll: true });
  }
}

async function draw() {
  if (busy) { again = true; return; }
  if (!regions(document).length || document.getSelection()?.type === "Range") return;
  busy = true;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (answer.ok) {
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const now of regions(document)) {
        const next = fresh.getElementById(now.id);
        if (next) swap(now, document.adoptNode(next));
      }
      document.title = fresh.title;
    }
  } catch { document.getElementById("gone").hidden = false; } finally {
    busy = false;
    if (again) { again = false; setTimeout(draw, 300); }
  }
}

function connect() {
  if (source || document.hidden) return;
  source = new EventSource(stream);
  source.addEventListener("changed", () => { document.getElementById("gone").hidden = true; draw(); });
  source.onerror = () => { document.getElementById("gone").hidden = false; };
  if (seconds) timer = setInterval(draw, seconds * 1000);
}

// A browser has six connections to one server: a page that nobody sees holds none.
function rest() { source?.close(); source = null; clearInterval(timer); }

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

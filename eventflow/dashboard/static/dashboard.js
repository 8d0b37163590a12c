// Keeps a page up to date. The server says only that the log went on; the page is asked for again as a whole, and
// what is marked data-live is put in place of what is there, unless somebody is at work in it. Without this script
// every page works all the same.

const body = document.body;
const pulse = document.querySelector("[data-pulse]");
const REST = 1000; // milliseconds between two looks at a page, however fast the log goes on
let wanted = false;
let resting = false;
let missed = false;

function isBusy(part) {
  return part.contains(document.activeElement) && document.activeElement !== document.body
    || part.querySelector(".act[open], input:checked") !== null;
}

function keepOpen(from, to) {
  const before = [...from.querySelectorAll("details")];
  const after = [...to.querySelectorAll("details")];
  // By the event they belong to where there is one: new events push the others down.
  const key = (one, all) => {
    const home = one.closest("[id]");
    const within = home ? [...home.querySelectorAll("details")].indexOf(one) : all.indexOf(one);
    return `${home ? home.id : ""}/${within}`;
  };
  const was = new Map(before.map((one) => [key(one, before), one.open]));
  for (const one of after) {
    const said = was.get(key(one, after));
    if (said !== undefined) one.open = said;
  }
}

async function look() {
  const answer = await fetch(location.href, { headers: { accept: "text/html" }, credentials: "same-origin" });
  if (!answer.ok) return;
  missed = false;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(part.id);
    if (!next) continue;
    if (isBusy(part)) { missed = true; continue; }
    keepOpen(part, next);
    if (next.innerHTML !== part.innerHTML) part.replaceChildren(...next.childNodes);
  }
}

async function lookSoon() {
  if (resting || document.hidden) { wanted = true; return; }
  wanted = false;
  resting = true;
  try { await look(); } catch (error) { console.warn("The page could not be asked for again:", error.message); }
  setTimeout(() => { resting = false; if (wanted) lookSoon(); }, REST);
}

let source = null;
let last = null;

function listen() {
  source = new EventSource(body.dataset.liveUrl);
  source.addEventListener("open", () => { pulse.hidden = false; });
  source.addEventListener("error", () => { pulse.hidden = true; });
  source.addEventListener("log", (event) => {
    if (last !== null && event.data !== last) lookSoon();
    last = event.data;
  });
}

// A hidden tab holds no connection: a browser has six of them for one site.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) { source?.close(); source = null; pulse.hidden = true; return; }
  if (source === null) listen();
});

if (document.querySelector("[data-live]") && !document.hidden) listen();

// What was left alone while somebody was at work in it is brought up to date afterwards.
for (const done of ["focusout", "change", "toggle"]) {
  document.addEventListener(done, () => setTimeout(() => { if (missed) lookSoon(); }), true);
}

// On a phone the menu is folded until somebody wants it.
const menu = document.querySelector(".menu > details");
if (menu && matchMedia("(max-width: 820px)").matches) menu.open = false;

// A question that was opened goes away with Escape, and when somebody goes on elsewhere.
function closeQuestions(except) {
  for (const one of document.querySelectorAll(".act[open]")) if (!one.contains(except)) one.open = false;
}
document.addEventListener("click", (event) => closeQuestions(event.target));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const open = document.querySelector(".act[open]");
    closeQuestions(null);
    open?.querySelector("summary").focus();
  } else if (event.key === "/" && !event.target.closest("input, textarea, select")) {
    const field = document.querySelector("form[role=search] input");
    if (field) { event.preventDefault(); field.focus(); field.select(); }
  }
});
document.addEventListener("toggle", (event) => {
  if (event.target.matches?.(".act[open]")) event.target.querySelector("input:not([type=hidden]), button")?.focus();
}, true);

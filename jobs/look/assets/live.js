// Makes a page live and handy. Every page is whole without this script.
"use strict";

// Times: how long ago, with the exact time in the viewer's zone on hover.
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const spans = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
function tell(element) {
  const then = new Date(element.dateTime);
  if (Number.isNaN(then.getTime())) return;
  const seconds = Math.round((then - Date.now()) / 1000);
  const [unit, length] = spans.find(([, length]) => Math.abs(seconds) >= length) ?? spans.at(-1);
  const text = relative.format(Math.trunc(seconds / length), unit);
  if (element.textContent !== text) element.textContent = text;
  const title = exact.format(then);
  if (element.title !== title) element.title = title;
}

// What a part of the page needs after it was loaded or changed.
function refresh(root) {
  root.querySelectorAll("time[datetime]").forEach(tell);
  if (navigator.clipboard) root.querySelectorAll("button[data-copy]").forEach((button) => { button.hidden = false; });
}

// Changes `from` into `to` and touches nothing that is equal already. So focus, selection, scrolling and what a person
// typed stay. Each child is found again by its id, by the action of a form, or by the first link of a table's row.
const key = (node) => node.id || (node.nodeName === "FORM" && node.getAttribute("action")) || (node.nodeName === "TR" && node.querySelector("a[href]")?.getAttribute("href")) || null;
function morph(from, to) {
  if (from.nodeType !== Node.ELEMENT_NODE) { if (from.nodeValue !== to.nodeValue) from.nodeValue = to.nodeValue; return; }
  if (from.nodeName === "TIME" && from.dateTime === to.dateTime) return;
  for (const { name } of [...from.attributes]) if (!to.hasAttribute(name)) from.removeAttribute(name);
  for (const { name, value } of to.attributes) if (from.getAttribute(name) !== value && !(name === "hidden" && from.dataset.copy)) from.setAttribute(name, value);
  if (from.nodeName === "TEXTAREA") return;
  const follows = from.dataset.follow !== undefined && from.scrollTop + from.clientHeight >= from.scrollHeight - 4;
  const fresh = [...to.childNodes];
  const wanted = new Set(fresh.map(key));
  const known = new Map();
  const spare = [];
  for (const child of from.childNodes) {
    const name = key(child);
    if (name && wanted.has(name) && !known.has(name)) known.set(name, child);
    else spare.push(child);
  }
  let at = from.firstChild;
  for (const child of fresh) {
    const name = key(child);
    // A row that came takes the place of a row that left. So nodes stay while the table has as many rows. A row that has the
    // focus goes, because the focus would go with it to the row that came.
    const usable = (old) => old.nodeName === child.nodeName && !(key(old) && old.contains(document.activeElement));
    const free = known.has(name) ? -1 : spare.findIndex(usable);
    const same = known.get(name) ?? spare[free];
    known.delete(name);
    if (free >= 0) spare.splice(free, 1);
    if (same?.nodeName !== child.nodeName) { from.insertBefore(child, at); continue; }
    if (same === at) at = at.nextSibling;
    else if (from.moveBefore) from.moveBefore(same, at);
    else from.insertBefore(same, at);
    morph(same, child);
  }
  while (at) { const next = at.nextSibling; at.remove(); at = next; }
  if (follows) from.scrollTop = from.scrollHeight;
}

// Copies a command.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
});

// Dialogs. Elements are made here, because they have no use without the script.
function make(name, attributes, ...children) {
  const element = Object.assign(document.createElement(name), attributes);
  element.append(...children);
  return element;
}
function show(heading, content, ...buttons) {
  const title = make("h2", { id: "dialog-title", textContent: heading });
  const form = make("form", { method: "dialog" }, title, ...content, make("div", { className: "actions" }, ...buttons));
  const dialog = make("dialog", {}, form);
  dialog.setAttribute("aria-labelledby", title.id);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

// Forms that change something ask first, in words of their own.
document.addEventListener("submit", (event) => {
  const { submitter, target: form } = event;
  const question = form.dataset.confirm;
  if (!question || form.dataset.confirmed) return;
  event.preventDefault();
  // The page may change before the person answers. The answer counts for this question only.
  const { action } = form;
  const doing = (submitter?.textContent || submitter?.value || "go on").trim();
  const yes = make("button", { value: "yes", className: "first", textContent: `Yes, ${doing[0].toLowerCase()}${doing.slice(1)}` });
  const no = make("button", { value: "no", textContent: "No" });
  // The form is sent at the click. A person who leaves the page before the dialog closes has still said yes.
  yes.addEventListener("click", () => {
    if (form.action !== action || !form.isConnected) return;
    form.dataset.confirmed = "yes";
    form.requestSubmit(submitter);
    delete form.dataset.confirmed;
  });
  show(doing, [make("p", { textContent: question })], yes, no);
});

// A text area can take its text from a file.
document.querySelectorAll("input[type=file][data-fills]").forEach((input) => {
  input.closest("label").hidden = false;
  input.addEventListener("change", async () => {
    const file = input.files[0];
    if (file) document.getElementById(input.dataset.fills).value = await file.text();
  });
});

// Filters apply as one types. The choices are in the URL, so that the page can be passed on.
let typing;
let asked = 0;
async function choose(form) {
  const url = new URL(form.action);
  url.search = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== "")).toString();
  const mine = ++asked;
  const answer = await fetch(url, { headers: { accept: "text/html" } }).catch(() => null);
  if (!answer || mine !== asked) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
  if (!fresh || mine !== asked) return;
  history.replaceState(null, "", url);
  morph(document.querySelector("main"), fresh);
  refresh(document);
  listen();
}
document.addEventListener("input", (event) => {
  const form = event.target.closest("form.filter");
  if (!form) return;
  clearTimeout(typing);
  typing = setTimeout(choose, 200, form);
});

// Keyboard. Single keys can be turned off, for those who speak to their machine.
const places = [...document.querySelectorAll("header nav a")];
const letter = (link) => link.textContent.trim()[0].toLowerCase();
const off = () => localStorage.getItem("keys") === "off";
function help() {
  if (document.querySelector("dialog[open]")) return;
  const keys = [["?", "this help"], ["/", "to the filter"], ["j", "to the next row"], ["k", "to the row before"], ["Enter", "open the row"]];
  keys.push(...places.map((link) => [`g ${letter(link)}`, link.textContent]));
  const rows = keys.map(([names, what]) => make("tr", {}, make("td", {}, ...names.split(" ").map((name) => make("kbd", { textContent: name }))), make("td", { textContent: what })));
  const choice = make("input", { type: "checkbox", checked: !off() });
  choice.addEventListener("change", () => localStorage.setItem("keys", choice.checked ? "on" : "off"));
  show("Keyboard", [make("table", {}, make("tbody", {}, ...rows)), make("label", {}, choice, " Use these keys")], make("button", { textContent: "Close" }));
}
function step(by) {
  const links = [...document.querySelectorAll("main tbody tr")].map((row) => row.querySelector("a[href]")).filter(Boolean);
  const at = links.findIndex((link) => link.closest("tr").contains(document.activeElement));
  links[Math.min(Math.max(at + by, 0), links.length - 1)]?.focus();
}
let going = 0;
document.addEventListener("keydown", (event) => {
  if (off() || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog")) return;
  const went = Date.now() - going < 1500;
  going = 0;
  const place = went && places.find((link) => letter(link) === event.key);
  if (place) place.click();
  else if (event.key === "g") going = Date.now();
  else if (event.key === "?") help();
  else if (event.key === "j") step(1);
  else if (event.key === "k") step(-1);
  else if (event.key === "/") {
    const field = document.querySelector("form.filter input:not([type=hidden])");
    if (!field) return;
    event.preventDefault();
    field.select();
    field.focus();
  }
});
const helper = document.getElementById("help");
if (helper) { helper.hidden = false; helper.addEventListener("click", help); }

// Live sections: the server sends those that changed, as long as somebody looks.
const pulse = document.getElementById("pulse");
let source = null;
let again;
function say(text, waits) { pulse.textContent = text; pulse.className = waits ? "waits" : ""; }
function listen() {
  clearTimeout(again);
  source?.close();
  source = null;
  if (!pulse || document.hidden) return;
  source = new EventSource(location.href);
  source.addEventListener("open", () => say("Live", false));
  source.addEventListener("section", (event) => {
    const { id, html } = JSON.parse(event.data);
    const section = document.getElementById(id);
    const fresh = new DOMParser().parseFromString(html, "text/html").body.firstElementChild;
    if (!section || !fresh) return;
    morph(section, fresh);
    refresh(section);
  });
  source.addEventListener("error", async () => {
    say("Not connected, trying again", true);
    if (source?.readyState !== EventSource.CLOSED) return;
    // The server refused. A viewer who has to sign in again is sent there.
    const answer = await fetch(location.href, { method: "HEAD", redirect: "manual", headers: { accept: "text/html" } }).catch(() => null);
    if (answer?.type === "opaqueredirect") location.reload();
    else again = setTimeout(listen, 5000);
  });
}

refresh(document);
setInterval(() => { if (!document.hidden) document.querySelectorAll("time[datetime]").forEach(tell); }, 1000);
document.addEventListener("visibilitychange", listen);
window.addEventListener("pagehide", () => source?.close());
window.addEventListener("pageshow", (event) => { if (event.persisted) listen(); });
listen();

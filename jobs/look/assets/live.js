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
  if (!element.title) element.title = exact.format(then);
}
function tellAll(root = document) { root.querySelectorAll("time[datetime]").forEach(tell); }

// Buttons that copy a command.
function offerCopies(root = document) {
  if (navigator.clipboard) root.querySelectorAll("button[data-copy]").forEach((button) => { button.hidden = false; });
}
document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
});

// Forms that change something ask first, in words of their own.
document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.confirm ?? event.target.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});

// A text area can take its text from a file.
document.querySelectorAll("input[type=file][data-fills]").forEach((input) => {
  input.closest("label").hidden = false;
  input.addEventListener("change", async () => {
    const file = input.files[0];
    if (file) document.getElementById(input.dataset.fills).value = await file.text();
  });
});

function refresh(root) { tellAll(root); offerCopies(root); }
refresh();
setInterval(tellAll, 1000);

// Live sections: the server sends those that changed. A section in which somebody selects text or types waits.
const pulse = document.getElementById("pulse");
const busy = (section) => section.contains(document.activeElement) && /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName);
if (pulse && window.EventSource) {
  const source = new EventSource(location.href);
  source.addEventListener("open", () => { pulse.textContent = "live"; });
  source.addEventListener("error", () => { pulse.textContent = "not connected, trying again"; });
  source.addEventListener("section", (event) => {
    const { id, html } = JSON.parse(event.data);
    const section = document.getElementById(id);
    if (!section || busy(section)) return;
    const fresh = new DOMParser().parseFromString(html, "text/html").body.firstElementChild;
    if (!fresh) return;
    section.replaceWith(fresh);
    refresh(fresh);
  });
}

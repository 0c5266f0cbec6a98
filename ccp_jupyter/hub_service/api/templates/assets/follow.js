"use strict";
// Follows an Execution by its events. Without this script the page reloads itself.

const { base, job, xsrf, after } = document.body.dataset;
const FINAL = ["successful", "failed", "dismissed"];
const MOST = 200000; // characters of the log that are kept
const byId = (id) => document.getElementById(id);
const log = byId("log");
let last = Number(after || 0);
let source = null;

function addLines(event) {
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  const text = log.textContent;
  const more = (text && !text.endsWith("\n") ? "\n" : "") + event.lines.join("\n");
  log.textContent = (text + more).slice(-MOST);
  if (atEnd) log.scrollTop = log.scrollHeight;
}

function showStatus(event) {
  byId("status").textContent = event.status;
  byId("status").className = `badge ${event.status}`;
  byId("message").textContent = event.message;
  byId("progress").value = event.progress;
  document.title = `${event.status} · ccp`;
  // Files, results and times come with the page.
  if (FINAL.includes(event.status)) location.reload();
}

function listen(kind, show) {
  source.addEventListener(kind, (message) => {
    const event = JSON.parse(message.data);
    if (event.seq <= last) return;
    last = event.seq;
    byId("lost").hidden = true;
    show(event);
  });
}

function open() {
  if (source) return;
  const query = new URLSearchParams({ after: last, _xsrf: xsrf });
  source = new EventSource(`${new URL(base, location.href).pathname}jobs/${job}/events?${query}`);
  listen("status", showStatus);
  listen("phase", (event) => { byId("message").textContent = `${event.phase} on ${event.node}`; });
  listen("log", addLines);
  source.onopen = () => { byId("lost").hidden = true; };
  source.onerror = () => {
    // A browser does not come back by itself when it was told that no more will come.
    if (source.readyState === EventSource.CLOSED) location.reload();
    else byId("lost").hidden = false;
  };
}

function close() {
  if (source) source.close();
  source = null;
}

// A browser has few connections to one site: pages that nobody looks at hold none.
document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
addEventListener("pagehide", close);
if (log) log.scrollTop = log.scrollHeight;
if (!document.hidden) open();

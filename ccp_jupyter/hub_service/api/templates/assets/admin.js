"use strict";
// Shows what the API tells, every few seconds. All text goes in as text, never as HTML.
const BASE = new URL(document.body.dataset.base, location.href).pathname;
const INTERVAL = 3000;
const MANY = 12; // Nodes from which on a filter helps
const ORDER = ["offline", "degraded", "draining", "online"]; // what needs somebody comes first
const byId = (id) => document.getElementById(id);
const rows = new Map();
let nodes = [];
let busy = false;
let timer = 0;

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function write(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

async function call(path, options = {}) {
  const headers = { Accept: "application/json", "X-XSRFToken": document.body.dataset.xsrf };
  if (options.body) headers["Content-Type"] = "application/json";
  const signal = AbortSignal.timeout(15000);
  const answer = await fetch(BASE + path, { ...options, headers, signal });
  const document_ = await answer.json().catch(() => ({}));
  if (answer.ok) return document_;
  if (answer.status === 401 || answer.status === 403) {
    throw new Error("Your login has ended, or does not allow this; reload the page.");
  }
  if (document_.request_id) throw new Error(`${document_.detail} (${document_.request_id})`);
  throw new Error(document_.detail || `The service answers with an error (${answer.status}).`);
}

function size(bytes) {
  for (const [name, step] of [["TiB", 2 ** 40], ["GiB", 2 ** 30], ["MiB", 2 ** 20]]) {
    if (bytes >= step) return `${Number((bytes / step).toPrecision(3))} ${name}`;
  }
  return bytes ? `${Math.ceil(bytes / 1024)} KiB` : "0";
}

function span(seconds) {
  for (const [name, step] of [["d", 86400], ["h", 3600], ["min", 60]]) {
    if (seconds >= 2 * step) return `${Math.floor(seconds / step)} ${name}`;
  }
  return `${Math.max(0, Math.floor(seconds))} s`;
}

function age(time) {
  return span((Date.now() - Date.parse(time)) / 1000);
}

function newLoad(name) {
  const cell = element("td", undefined, "load");
  cell.dataset.name = name;
  return cell;
}

function showLoad(cell, used, all, format) {
  if (!all) {
    cell.replaceChildren();
    return;
  }
  if (!cell.firstChild) {
    const bar = element("div", undefined, "bar");
    bar.setAttribute("role", "meter");
    bar.setAttribute("aria-label", cell.dataset.name);
    bar.setAttribute("aria-valuemin", "0");
    bar.append(element("span"));
    cell.append(element("span"), bar);
  }
  const [text, bar] = cell.children;
  const told = `${format(used)} / ${format(all)}`;
  write(text, told);
  bar.setAttribute("aria-valuemax", String(all));
  bar.setAttribute("aria-valuenow", String(Math.min(used, all)));
  bar.setAttribute("aria-valuetext", told);
  bar.firstChild.style.width = `${Math.min(100, (100 * used) / all)}%`;
}

function newRow(id) {
  const name = element("th");
  name.scope = "row";
  const where = element("div", "", "detail");
  name.append(element("span", id), where);
  const state = element("td");
  const badge = element("span", "", "badge");
  const since = element("span", "", "detail");
  const reason = element("div", "", "detail");
  state.append(badge, " ", since, reason);
  const loads = ["Tasks", "Memory", "CPUs", "GPUs"].map(newLoad);
  const change = element("td");
  const button = element("button");
  button.type = "button";
  button.addEventListener("click", () => changeNode(id, button));
  change.append(button);
  const row = element("tr");
  row.dataset.node = id;
  row.append(name, state, ...loads, change);
  return { row, where, badge, since, reason, loads, button };
}

function showNode(node) {
  let found = rows.get(node.id);
  if (!found) {
    found = newRow(node.id);
    rows.set(node.id, found);
  }
  const used = node.used || { memory: 0, cpus: 0, gpus: [] };
  const others = node.outside && node.outside.containers;
  const engine = node.version ? `engine ${node.version}` : "";
  const foreign = others ? `containers of others: ${others}` : "";
  write(found.where, [node.infrastructure, engine, foreign].filter(Boolean).join(" · "));
  write(found.badge, node.state);
  found.badge.className = `badge ${node.state}`;
  write(found.since, `for ${age(node.since)}`);
  found.since.title = node.since;
  write(found.reason, node.reason);
  const plain = (number) => String(Number(number.toFixed(1)));
  showLoad(found.loads[0], node.running, node.slots, plain);
  showLoad(found.loads[1], used.memory, node.memory, size);
  showLoad(found.loads[2], used.cpus, node.cpus, plain);
  showLoad(found.loads[3], used.gpus.length, (node.gpus || []).length, plain);
  const draining = node.draining;
  write(found.button, draining ? "Enable" : "Drain");
  found.button.dataset.drain = draining ? "" : "yes";
  found.button.setAttribute("aria-label", `${draining ? "Enable" : "Drain"} ${node.id}`);
  return found.row;
}

function fits(node) {
  const find = byId("find").value.trim().toLowerCase();
  const only = byId("only").value;
  const text = `${node.id} ${node.infrastructure} ${node.reason}`.toLowerCase();
  return (!only || node.state === only) && (!find || text.includes(find));
}

function showNodes() {
  const rank = (node) => ORDER.indexOf(node.state);
  nodes.sort((a, b) => rank(a) - rank(b) || a.id.localeCompare(b.id, "en", { numeric: true }));
  const shown = nodes.filter(fits);
  const body = byId("nodes").tBodies[0];
  const wanted = shown.map(showNode);
  // Rows are moved only when the order changes, so that the focus stays where it is.
  if (wanted.length !== body.rows.length || wanted.some((row, n) => row !== body.rows[n])) {
    const focused = document.activeElement;
    body.replaceChildren(...wanted);
    if (focused && body.contains(focused)) focused.focus();
  }
  for (const id of rows.keys()) if (!nodes.some((node) => node.id === id)) rows.delete(id);
  byId("none").hidden = nodes.length > 0;
  byId("nodes").hidden = shown.length === 0;
  byId("hidden-nodes").hidden = nodes.length === 0 || shown.length > 0;
  byId("filter").hidden = nodes.length < MANY;
  const counts = ORDER.map((state) => [nodes.filter((n) => n.state === state).length, state]);
  const told = counts.filter(([count]) => count).map(([count, state]) => `${count} ${state}`);
  write(byId("count"), told.join(", "));
}

function showStatus(status) {
  write(byId("version"), `version ${status.version}, up for ${span(status.uptime)}`);
  const health = byId("health");
  write(health, status.health.status);
  health.className = `badge ${status.health.status}`;
  const bad = status.health.checks.filter((check) => check.status !== "ok");
  byId("checks").replaceChildren(
    ...bad.map((check) => {
      const line = element("li");
      const text = ` ${check.name}: ${check.detail || check.message}`;
      line.append(element("span", check.status, `badge ${check.status}`), text);
      return line;
    }),
  );
  byId("queue").replaceChildren(
    ...status.queue.map((queue) => {
      const tile = element("div");
      const told = `${queue.running} running, ${queue.waiting} waiting`;
      tile.append(element("dt", queue.infrastructure), element("dd", told));
      return tile;
    }),
  );
  showFailures(status.failures);
}

function showFailures(failures) {
  byId("no-failures").hidden = failures.length > 0;
  byId("failures").hidden = failures.length === 0;
  byId("failures").tBodies[0].replaceChildren(
    ...failures.slice(0, 20).map((failure) => {
      const when = element("td", `${age(failure.at)} ago`, "when");
      when.title = failure.at;
      const job = `${BASE}jobs/${encodeURIComponent(failure.execution)}`;
      const link = element("a", `${failure.execution}.${failure.task}`);
      link.href = job;
      const log = element("a", "log");
      log.href = `${job}/log`;
      const detail = element("div", `attempt ${failure.attempt} · `, "detail");
      detail.append(log);
      const which = element("td");
      which.append(link, detail);
      const whose = failure.outcome === "platform" ? "the platform's" : "the user's";
      const row = element("tr");
      row.append(when, which, element("td", failure.node), element("td", whose));
      row.append(element("td", failure.reason));
      return row;
    }),
  );
}

function trouble(message) {
  write(byId("trouble"), message);
  byId("trouble").hidden = !message;
}

async function update() {
  clearTimeout(timer);
  if (busy) return;
  busy = true;
  try {
    const [status, listed] = await Promise.all([call("admin/status"), call("nodes")]);
    nodes = listed.nodes;
    showStatus(status);
    showNodes();
    trouble("");
    write(byId("updated"), `As of ${new Date().toLocaleTimeString()}; updates by itself.`);
  } catch (error) {
    const lost = error instanceof TypeError || error.name === "TimeoutError";
    trouble(lost ? "The service does not answer; this page tries again." : error.message);
  }
  busy = false;
  if (!document.hidden) timer = setTimeout(update, INTERVAL);
}

function askReason(id) {
  const dialog = byId("drain");
  write(byId("drain-title"), `Drain ${id}`);
  byId("reason").value = "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    const done = () => resolve(dialog.returnValue === "drain" ? byId("reason").value : null);
    dialog.addEventListener("close", done, { once: true });
  });
}

async function changeNode(id, button) {
  const draining = button.dataset.drain === "yes";
  const reason = draining ? await askReason(id) : "";
  if (reason === null) return;
  button.disabled = true;
  try {
    const body = JSON.stringify({ draining, reason });
    await call(`nodes/${encodeURIComponent(id)}`, { method: "PATCH", body });
    write(byId("told"), draining ? `${id} drains` : `${id} is enabled`);
    trouble("");
  } catch (error) {
    trouble(`${id}: ${error.message}`);
  }
  button.disabled = false;
  button.focus();
  await update();
}

byId("filter").addEventListener("submit", (event) => event.preventDefault());
byId("find").addEventListener("input", showNodes);
byId("only").addEventListener("change", showNodes);
document.addEventListener("visibilitychange", () => document.hidden || update());
update();

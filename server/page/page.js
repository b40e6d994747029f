// The page of a nearlite server. It speaks the same protocol as every client, builds
// all of its content as text nodes, and loads nothing from elsewhere.
"use strict";

const $ = (id) => document.getElementById(id);
const state = { indexes: [] };

// el makes an element: attributes, then children, which are elements or text.
function el(name, attributes, ...children) {
  const e = name.startsWith("svg:") ? document.createElementNS("http://www.w3.org/2000/svg", name.slice(4)) : document.createElement(name);
  for (const [k, v] of Object.entries(attributes ?? {})) e.setAttribute(k, v);
  e.append(...children.filter((c) => c !== null && c !== undefined));
  return e;
}

const quoteName = (s) => '"' + s.replaceAll('"', '""') + '"';

function argument(v) {
  if (v === null || v === undefined) return { type: "null" };
  if (Number.isInteger(v)) return { type: "integer", value: String(v) };
  if (typeof v === "number") return { type: "float", value: v };
  if (v.base64 !== undefined) return { type: "blob", base64: v.base64 };
  return { type: "text", value: v };
}

function fromWire(v) {
  switch (v.type) {
    case "null": return null;
    case "integer": return Number.isSafeInteger(Number(v.value)) ? Number(v.value) : v.value;
    case "blob": return { base64: v.base64 };
    default: return v.value;
  }
}

// run sends one statement and returns columns, rows and the time in the server.
async function run(sql, args = []) {
  const name = $("database").value.trim();
  const headers = { "Content-Type": "application/json" };
  if (name) headers["x-namespace"] = name;
  if ($("token").value) headers.Authorization = "Bearer " + $("token").value;
  const response = await fetch("v3/pipeline", {
    method: "POST",
    headers,
    body: JSON.stringify({ requests: [{ type: "execute", stmt: { sql, args: args.map(argument) } }, { type: "close" }] }),
  });
  const text = await response.text();
  if (!response.ok) {
    let message = text;
    try { message = JSON.parse(text).message; } catch { /* plain text */ }
    throw new Error(`${response.status}: ${message}`);
  }
  const result = JSON.parse(text).results[0];
  if (result.type === "error") throw new Error(result.error.message);
  const r = result.response.result;
  return { columns: r.cols.map((c) => c.name), rows: r.rows.map((row) => row.map(fromWire)), ms: r.query_duration_ms, changed: r.affected_row_count };
}

const objects = (r) => r.rows.map((row) => Object.fromEntries(r.columns.map((c, i) => [c, row[i]])));

function show(v) {
  if (v === null) return "NULL";
  if (v?.base64 !== undefined) return `blob, ${Math.floor((v.base64.replace(/=+$/, "").length * 3) / 4)} bytes`;
  if (typeof v === "number" && !Number.isInteger(v)) return v.toPrecision(6);
  const s = String(v);
  return s.length > 300 ? s.slice(0, 300) + "…" : s;
}

function table(columns, rows, cell = show) {
  return el("div", { class: "scroll" }, el("table", {},
    el("thead", {}, el("tr", {}, ...columns.map((c) => el("th", { scope: "col" }, c)))),
    el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map((v, i) => {
      const content = cell(v, i, row);
      return el("td", typeof v === "number" ? { class: "n" } : {}, ...(Array.isArray(content) ? content : [content]));
    })))),
  ));
}

function fill(id, ...children) {
  $(id).replaceChildren(...children.filter(Boolean));
}

function fail(id, error) {
  fill(id, el("p", { class: "error", role: "alert" }, error.message));
}

const moduleOf = (sql) => /USING\s+(hnsw|lexical)\b/i.exec(sql ?? "")?.[1].toLowerCase();

// load reads the schema and what the indexes say of themselves.
async function load() {
  $("status").textContent = "reading the schema …";
  const schema = objects(await run("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name"));
  const virtual = schema.filter((s) => s.type === "table" && moduleOf(s.sql));
  const inner = (name) => name.startsWith("sqlite_") || name.startsWith("libsql_vector_") || virtual.some((v) => name.startsWith(v.name + "_"));
  const tables = [];
  for (const t of schema.filter((s) => s.type === "table" && !moduleOf(s.sql) && !inner(s.name))) {
    const count = await run(`SELECT count(*) FROM ${quoteName(t.name)}`).then((r) => r.rows[0][0], (e) => e.message);
    const columns = await run("SELECT group_concat(name || ' ' || type, ', ') FROM pragma_table_info(?)", [t.name]);
    tables.push([t.name, count, columns.rows[0][0]]);
  }
  fill("tables", tables.length ? table(["table", "rows", "columns"], tables) : el("p", {}, "There is no table yet."));
  state.indexes = [];
  const anchored = schema.filter((s) => s.type === "index" && /libsql_vector_idx/i.test(s.sql ?? ""));
  const listed = [...virtual.filter((v) => !v.name.startsWith("libsql_vector_")).map((v) => [v.name, moduleOf(v.sql)]), ...anchored.map((a) => [a.name, "hnsw"])];
  for (const [name, module] of listed) {
    const stats = await run(`SELECT ${module}_stats(?)`, [name]).then((r) => JSON.parse(r.rows[0][0]), (e) => ({ error: e.message }));
    state.indexes.push({ name, module, stats });
  }
  fill("indexes", state.indexes.length ? table(["index", "kind", "table", "rows", "KiB", "settings"], state.indexes.map((x) => [
    x.name, x.module === "hnsw" ? "vector" : "lexical", x.stats.table ?? x.stats.error, x.stats.rows ?? null, Math.round((x.stats.bytes ?? 0) / 1024),
    x.module === "hnsw" ? Object.entries(x.stats.options ?? {}).map(([k, v]) => `${k} ${v}`).join(", ") : `${x.stats.terms} terms, ${(x.stats.columns ?? []).map((c) => c.name).join(", ")}, ${x.stats.analyzer}`,
  ])) : el("p", {}, "There is no index yet."));
  const options = (module, none) => [...(none ? [el("option", { value: "" }, "none")] : []), ...state.indexes.filter((x) => x.module === module).map((x) => el("option", {}, x.name))];
  fill("vindex", ...options("hnsw", true));
  fill("lindex", ...options("lexical", true));
  fill("cindex", ...options("hnsw", false));
  for (const id of ["vindex", "lindex"]) $(id).selectedIndex = $(id).options.length > 1 ? 1 : 0;
  $("status").textContent = `${tables.length} tables, ${state.indexes.length} indexes`;
}

const indexNamed = (name) => state.indexes.find((x) => x.name === name);
const baseTable = (x) => x.stats.table.split(".").map(quoteName).join(".");

// marked cuts a text around the first word of the query and marks the words.
function marked(text, query) {
  const words = query.toLowerCase().split(/[^\p{L}\p{N}]+/u).filter((w) => w.length > 2).map((w) => w.replace(/(ies|es|s)$/u, ""));
  const parts = String(text).split(/([\p{L}\p{N}]+)/u);
  const hit = (p) => words.some((w) => p.toLowerCase().startsWith(w));
  const first = Math.max(0, parts.findIndex(hit) - 12);
  const cut = parts.slice(first, first + 50);
  return [first > 0 ? "… " : "", ...cut.map((p) => (hit(p) ? el("mark", {}, p) : p)), first + 50 < parts.length ? " …" : ""];
}

async function search() {
  const [vi, li] = [indexNamed($("vindex").value), indexNamed($("lindex").value)];
  const text = $("text").value.trim();
  let vector = $("vector").value.trim();
  const filter = $("filter").value.trim() || null;
  const k = Number($("k").value) || 10;
  const row = /^#(-?\d+)$/.exec(vector);
  if (row && vi) {
    const found = await run(`SELECT ${quoteName(vi.stats.column)} FROM ${baseTable(vi)} WHERE rowid = ?`, [Number(row[1])]);
    if (!found.rows.length) throw new Error(`there is no row ${row[1]}`);
    vector = found.rows[0][0];
  }
  const byVector = vi && vector, byText = li && text;
  let from, args;
  if (byVector && byText) [from, args] = ["hybrid_search(?, ?, ?, ?, ?, ?)", [vi.name, li.name, text, vector, k, filter]];
  else if (byVector) [from, args] = ["vector_search(?, ?, ?, ?)", [vi.name, vector, k, filter]];
  else if (byText) [from, args] = ["lexical_search(?, ?, ?, ?)", [li.name, text, k, filter]];
  else throw new Error("want a text and a lexical index, or a vector and a vector index, or both");
  const begin = performance.now();
  const r = await run(`SELECT id, score, distance, lexical_score, vector_rank, lexical_rank, explain FROM ${from}`, args);
  const total = performance.now() - begin;
  const hits = objects(r);
  const base = byText ? li : vi;
  const info = await run("SELECT name, type FROM pragma_table_info(?)", [base.stats.table.split(".").at(-1)]);
  const wanted = byText ? li.stats.columns.map((c) => c.name) : info.rows.filter(([, type]) => /TEXT|CHAR|CLOB/i.test(type)).map(([name]) => name).slice(0, 3);
  for (const h of hits) {
    if (!wanted.length) break;
    const found = await run(`SELECT ${wanted.map(quoteName).join(", ")} FROM ${baseTable(base)} WHERE rowid = ?`, [h.id]);
    h.texts = found.rows[0] ?? [];
  }
  fill("hits",
    el("p", {}, `${hits.length} hits in ${r.ms.toFixed(2)} ms, ${total.toFixed(1)} ms with the way here`),
    table(["", "id", "score", "distance", "BM25", "vector rank", "lexical rank", ...wanted], hits.map((h, i) => [i + 1, h.id, h.score, h.distance, h.lexical_score, h.vector_rank, h.lexical_rank, ...(h.texts ?? [])]),
      (v, i) => (i >= 7 && v !== null && v?.base64 === undefined ? marked(v, text) : v === null ? "–" : show(v))));
  fill("plan", hits.length ? planPicture(JSON.parse(hits[0].explain)) : null);
  $("hits").focus();
}

// planPicture draws the plans that were weighed, for each leg, by their cost.
function planPicture(x) {
  const box = el("div", {}, el("h3", {}, `Plan: ${x.plan}`));
  if (x.filter) box.append(el("p", {}, `filter ${x.filter.sql}: ${Math.round(100 * x.filter.selectivity.estimated)} % of the rows pass (estimated)`));
  for (const leg of x.legs) {
    const plans = [{ plan: leg.plan, cost_ns: leg.cost_ns, chosen: true }, ...(leg.rejected ?? [])];
    const most = Math.max(...plans.map((p) => p.cost_ns), 1);
    const height = 24 * plans.length + 4;
    const label = `${leg.leg}: ${plans.map((p) => `${p.plan} ${(p.cost_ns / 1000).toFixed(0)} µs${p.chosen ? ", chosen" : ""}`).join("; ")}`;
    box.append(
      el("p", {}, `${leg.leg} (${leg.index}): ${leg.rows} rows, ${leg.nodes_visited} nodes, ${leg.distances} distances, ${(leg.time_us / 1000).toFixed(2)} ms`),
      el("svg:svg", { viewBox: `0 0 640 ${height}`, width: 640, role: "img", "aria-label": label }, ...plans.flatMap((p, i) => [
        el("svg:rect", { class: p.chosen ? "bar chosen" : "bar", x: 170, y: 24 * i + 4, height: 16, width: Math.max(2, (340 * p.cost_ns) / most) }),
        el("svg:text", { x: 0, y: 24 * i + 16 }, p.plan),
        el("svg:text", { x: 176 + Math.max(2, (340 * p.cost_ns) / most), y: 24 * i + 16 }, `${(p.cost_ns / 1000).toFixed(0)} µs`),
      ])));
  }
  if (x.fusion) box.append(el("p", {}, `joined by ${x.fusion.method}${x.fusion.weight === undefined ? "" : `, weight of the vector ${x.fusion.weight}`}`));
  return box;
}

// curve measures recall@10 and latency of an index over its ef_search, with vectors of
// its own rows as queries and an exact scan as the truth.
async function curve() {
  const x = indexNamed($("cindex").value);
  if (!x) throw new Error("there is no vector index");
  const column = quoteName(x.stats.column);
  const n = Math.min(200, Number($("queries").value) || 20);
  const sample = await run(`SELECT ${column} FROM ${baseTable(x)} WHERE ${column} IS NOT NULL ORDER BY random() LIMIT ?`, [n]);
  const vectors = sample.rows.map((r) => r[0]);
  if (!vectors.length) throw new Error("the table has no vectors");
  const ask = async (v, options) => {
    const r = await run("SELECT id FROM vector_search(?, ?, 10, NULL, NULL, ?)", [x.name, v, JSON.stringify(options)]);
    return { ids: r.rows.map((row) => row[0]), ms: r.ms };
  };
  const truth = [];
  let exactMs = 0;
  for (const v of vectors) {
    const r = await ask(v, { exact: true });
    truth.push(new Set(r.ids));
    exactMs += r.ms / vectors.length;
  }
  const points = [];
  for (const ef of [10, 16, 24, 40, 64, 100, 160, 256, 400]) {
    let found = 0, wanted = 0;
    const times = [];
    for (const [i, v] of vectors.entries()) {
      const r = await ask(v, { ef_search: ef });
      found += r.ids.filter((id) => truth[i].has(id)).length;
      wanted += truth[i].size;
      times.push(r.ms);
    }
    times.sort((a, b) => a - b);
    points.push({ ef, recall: found / wanted, ms: times[times.length >> 1] });
    $("status").textContent = `ef_search ${ef} measured`;
  }
  const maxMs = Math.max(...points.map((p) => p.ms)) * 1.1;
  const minRecall = Math.min(0.9, ...points.map((p) => p.recall));
  const px = (p) => 60 + (520 * p.ms) / maxMs;
  const py = (p) => 250 - (220 * (p.recall - minRecall)) / (1 - minRecall);
  const svg = el("svg:svg", { viewBox: "0 0 640 300", width: 640, role: "img", "aria-label": "recall over latency; the table below has the numbers" },
    el("svg:path", { class: "axis", d: "M60 20V250H600", fill: "none" }),
    el("svg:text", { x: 8, y: 34 }, "1.000"), el("svg:text", { x: 8, y: 254 }, minRecall.toFixed(3)), el("svg:text", { x: 500, y: 285 }, `${maxMs.toFixed(2)} ms (median)`), el("svg:text", { x: 60, y: 285 }, "0"), el("svg:text", { x: 60, y: 14 }, "recall@10"),
    el("svg:polyline", { class: "curve", points: points.map((p) => `${px(p)},${py(p)}`).join(" ") }),
    ...points.flatMap((p) => [el("svg:circle", { class: "dot", r: 4, cx: px(p), cy: py(p) }), el("svg:text", { x: px(p) + 6, y: py(p) + 14 }, String(p.ef))]));
  fill("curve", svg, table(["ef_search", "recall@10", "median ms"], points.map((p) => [p.ef, p.recall, p.ms])), el("p", {}, `${vectors.length} queries; an exact scan takes ${exactMs.toFixed(2)} ms. Times are the server's own, of single requests.`));
  $("status").textContent = "measured";
}

async function execute() {
  const r = await run($("sql").value);
  const shown = r.rows.slice(0, 500);
  fill("result",
    el("p", {}, `${r.rows.length} rows${r.rows.length > shown.length ? `, the first ${shown.length} are shown` : ""}, ${r.changed} changed, ${r.ms.toFixed(2)} ms`),
    r.columns.length ? table(r.columns, shown) : null);
  $("result").focus();
}

function on(form, output, fn) {
  $(form).addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = event.target.querySelector("button");
    button.disabled = true;
    try { await fn(); } catch (error) { fail(output, error); } finally { button.disabled = false; }
  });
}

on("connect", "tables", load);
on("searchform", "hits", search);
on("curveform", "curve", curve);
on("sqlform", "result", execute);
$("sql").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) $("sqlform").requestSubmit();
});
load().catch((error) => { $("status").textContent = ""; fail("tables", error); });

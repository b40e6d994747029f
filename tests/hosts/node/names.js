// names.js EXTENSION DOCUMENT: what nearlite adds to libSQL, which must leave libSQL's own
// functions alone and be what the document lists.
const fs = require('node:fs');
const Database = require('libsql');

const [extension, document] = process.argv.slice(2);
const db = new Database(':memory:');
const all = () => db.prepare(`SELECT name || '/' || narg || ' ' || builtin || type AS entry, name FROM pragma_function_list
  UNION SELECT 'module ' || name, name FROM pragma_module_list`).all();
const before = all();
db.loadExtension(extension);
const after = all();
const problems = [];

const kept = new Set(after.map((f) => f.entry));
for (const { entry } of before) if (!kept.has(entry)) problems.push(`${entry} is not there any more`);
const own = db.prepare("SELECT vector_extract(vector64('[1, 2.5]')) AS v").get().v;
if (own !== '[1,2.5]') problems.push(`libSQL's vector_extract answers ${own}`);

const had = new Set(before.map((f) => f.name));
const added = [...new Set(after.map((f) => f.name))].filter((name) => !had.has(name)).sort();
const text = fs.readFileSync(document, 'utf8');
for (const name of added) if (!text.includes('`' + name + '`')) problems.push(`${document} does not name ${name}`);
for (const p of problems) console.log(p);
console.log(`libSQL: ${before.length} functions and modules kept, ${added.length} names added: ${problems.length ? 'FAIL' : 'ok'}`);
process.exitCode = problems.length ? 1 : 0;

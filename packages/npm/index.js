'use strict';

const fs = require('node:fs');
const path = require('node:path');

const LIB = path.join(__dirname, 'lib');
const SUFFIX = { darwin: 'dylib', win32: 'dll' };

/** The path of the extension for this platform, as SQLite's load_extension() takes it. */
function getLoadablePath() {
  const platform = `${process.platform}-${process.arch}`;
  const file = path.join(LIB, platform, `nearlite.${SUFFIX[process.platform] ?? 'so'}`);
  if (!fs.existsSync(file)) {
    throw new Error(`nearlite: this package has no library for ${platform}, want one of ${fs.readdirSync(LIB).sort().join(', ')}`);
  }
  return file;
}

/** Loads nearlite into an open database of better-sqlite3 or libsql, and returns the database. */
function load(db) {
  if (typeof db?.loadExtension !== 'function') {
    const got = db === null ? 'null' : typeof db === 'object' ? (db.constructor?.name ?? 'an object') : typeof db;
    throw new TypeError(`nearlite: load: got ${got}, want an open database with a method loadExtension`);
  }
  db.loadExtension(getLoadablePath());
  return db;
}

/** A vector as the bytes that F32_BLOB columns hold: float32, little-endian. */
function serializeFloat32(vector) {
  if (typeof vector === 'string' || typeof vector?.[Symbol.iterator] !== 'function') {
    throw new TypeError(`nearlite: serializeFloat32: got ${typeof vector}, want an array of numbers`);
  }
  const numbers = Array.isArray(vector) || ArrayBuffer.isView(vector) ? vector : Array.from(vector);
  const bytes = Buffer.alloc(4 * numbers.length);
  for (let i = 0; i < numbers.length; i++) {
    if (typeof numbers[i] !== 'number') {
      throw new TypeError(`nearlite: serializeFloat32: element ${i} is a ${typeof numbers[i]}, want a number`);
    }
    bytes.writeFloatLE(numbers[i], 4 * i);
  }
  return bytes;
}

module.exports = { getLoadablePath, load, serializeFloat32 };

/** The path of the extension for this platform, as SQLite's load_extension() takes it. */
export function getLoadablePath(): string;

/** Loads nearlite into an open database of better-sqlite3 or libsql, and returns the database. */
export function load<T extends { loadExtension(path: string): unknown }>(db: T): T;

/** A vector as the bytes that F32_BLOB columns hold: float32, little-endian. */
export function serializeFloat32(vector: Iterable<number>): Buffer;

// Usage: node search.mjs [URL]
import { createClient } from "@libsql/client";

const db = createClient({ url: process.argv[2] ?? "http://127.0.0.1:8080", authToken: process.env.TOKEN });

await db.batch(
  [
    "DROP TABLE IF EXISTS notes_text",
    "DROP TABLE IF EXISTS notes",
    "CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT, embedding F32_BLOB(3))",
    "CREATE INDEX notes_vec ON notes(libsql_vector_idx(embedding))",
    "CREATE VIRTUAL TABLE notes_text USING lexical(notes, body)",
    ...[
      ["the tide comes in", [0.9, 0.1, 0]],
      ["boats in the harbor", [0.8, 0.3, 0.1]],
      ["bread with olives", [0, 0.2, 0.9]],
    ].map(([body, vector]) => ({ sql: "INSERT INTO notes(body, embedding) VALUES (?, vector32(?))", args: [body, JSON.stringify(vector)] })),
  ],
  "write",
);

const { rows } = await db.execute({
  sql: `SELECT body, score, vector_rank, lexical_rank
        FROM hybrid_search('notes_vec', 'notes_text', ?, vector32(?), 3) AS hit JOIN notes ON notes.id = hit.id
        ORDER BY score DESC`,
  args: ["boats at sea", "[1, 0.2, 0]"],
});
for (const row of rows) console.log(row.body, Number(row.score).toFixed(3), row.vector_rank, row.lexical_rank);
db.close();

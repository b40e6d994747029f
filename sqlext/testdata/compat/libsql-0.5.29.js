const Database = require('libsql');

// Writes libsql-0.5.29.db with libSQL itself: npm i libsql@0.5.29 && node libsql-0.5.29.js FILE
const db = new Database(process.argv[2]);
db.exec(`CREATE TABLE movies(id INTEGER PRIMARY KEY, title TEXT, year INT, embedding F32_BLOB(4))`);
db.exec(`CREATE INDEX movies_idx ON movies(libsql_vector_idx(embedding, 'metric=cosine', 'max_neighbors=8'))`);
const rows=[['Napoleon',2023,'[0.800,0.579,0.481,0.229]'],['Black Hawk Down',2001,'[0.406,0.027,0.378,0.056]'],['Gladiator',2000,'[0.698,0.140,0.073,0.125]'],['Blade Runner',1982,'[0.379,0.637,0.011,0.647]']];
for(const r of rows) db.prepare(`INSERT INTO movies(title,year,embedding) VALUES(?,?,vector32(?))`).run(r);
db.close();

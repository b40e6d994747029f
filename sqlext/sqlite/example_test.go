package sqlite_test

import (
	"fmt"
	"log"

	"github.com/ncruces/go-sqlite3"

	"github.com/nearlite/nearlite/sqlext/sqlite"
)

// Open gives a *sql.DB whose connections know nearlite.
func ExampleOpen() {
	db, err := sqlite.Open(":memory:")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	_, err = db.Exec(`
		CREATE TABLE docs(id INTEGER PRIMARY KEY, title TEXT, embedding F32_BLOB(3));
		INSERT INTO docs VALUES
			(1, 'apple', vector32('[1, 0, 0]')),
			(2, 'pear',  vector32('[0.9, 0.1, 0]')),
			(3, 'car',   vector32('[0, 0, 1]'))`)
	if err != nil {
		log.Fatal(err)
	}
	rows, err := db.Query(`
		SELECT title FROM docs ORDER BY vector_distance_cos(embedding, ?) LIMIT 2`, "[1, 0.05, 0]")
	if err != nil {
		log.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var title string
		if err := rows.Scan(&title); err != nil {
			log.Fatal(err)
		}
		fmt.Println(title)
	}
	if err := rows.Err(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// apple
	// pear
}

// Register adds nearlite to a connection of github.com/ncruces/go-sqlite3.
func ExampleRegister() {
	conn, err := sqlite3.Open(":memory:")
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	if err := sqlite.Register(conn); err != nil {
		log.Fatal(err)
	}

	stmt, _, err := conn.Prepare(`SELECT vector_distance_l2('[0, 0]', '[3, 4]')`)
	if err != nil {
		log.Fatal(err)
	}
	defer stmt.Close()
	for stmt.Step() {
		fmt.Println(stmt.ColumnFloat(0))
	}
	if err := stmt.Err(); err != nil {
		log.Fatal(err)
	}
	// Output: 5
}

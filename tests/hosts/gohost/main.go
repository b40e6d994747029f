// Command gohost runs one SQL script through the Go driver for the host tests:
// gohost DATABASE SCRIPT prints each row as a line of values separated by |, and
// each error as a line.
package main

import (
	"database/sql"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/nearlite/nearlite/sqlext/sqlite"
)

// driverPrefix is what the driver says before SQLite's message.
var driverPrefix = regexp.MustCompile(`^sqlite3: (SQL logic error|constraint failed|[a-z ]+): `)

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(file, script string) error {
	text, err := os.ReadFile(script)
	if err != nil {
		return err
	}
	db, err := sqlite.Open(file)
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // the scripts' transactions span statements
	for stmt := range strings.SplitSeq(string(text), ";\n") {
		if strings.TrimSpace(stmt) == "" {
			continue
		}
		if err := query(db, stmt); err != nil {
			fmt.Println("ERROR " + driverPrefix.ReplaceAllString(err.Error(), ""))
		}
	}
	return nil
}

func query(db *sql.DB, stmt string) error {
	rows, err := db.Query(stmt)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	values := make([]sql.NullString, len(columns))
	into := make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		texts := make([]string, len(values))
		for i, v := range values {
			texts[i] = v.String
		}
		fmt.Println(strings.Join(texts, "|"))
	}
	return rows.Err()
}

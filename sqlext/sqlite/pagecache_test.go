package sqlite_test

import (
	"path/filepath"
	"testing"
)

func TestPageCache(t *testing.T) {
	file := "file:" + filepath.Join(t.TempDir(), "a.db")
	for dsn, want := range map[string]string{
		file: "-65536",
		file + "?_pragma=busy_timeout(1000)&_pragma=cache_size(-4000)": "-4000",
		":memory:": "-65536",
	} {
		var got string
		if err := openDB(t, dsn).QueryRow(`PRAGMA cache_size`).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s: cache_size is %s, want %s", dsn, got, want)
		}
	}
}

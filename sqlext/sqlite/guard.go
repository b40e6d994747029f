package sqlite

import (
	"fmt"
	"strings"

	"github.com/ncruces/go-sqlite3"
)

// access decides at prepare what the SQL of strangers may do on
// a Session's connection, through SQLite's authorizer.
//
// It guards the statements of users and, by the same rules, those that nearlite
// prepares for itself: the filter of a search is an expression that a user wrote.
type access struct {
	readOnly bool

	// nested counts statements of nearlite in preparation. They record nothing, and
	// a read-only session leaves their writes to PRAGMA query_only: an index prepares
	// its INSERT when it is connected, not when it is used.
	nested int

	// vacuum is on while VACUUM runs, which attaches a nameless database of its own.
	vacuum bool

	// reset before each statement of a user
	seen   statementFacts
	reason string // why the last one was refused
}

// statementFacts is what the authorizer saw of a statement.
type statementFacts struct {
	inserts bool // it is an INSERT, not counting triggers
	changes bool // it is an INSERT, UPDATE or DELETE
	lasting bool // it changes the connection: settings, temporary objects, ATTACH
}

type pragmaKind uint8

const (
	pragmaReads   pragmaKind = iota + 1 // with any argument
	pragmaSession                       // a setting of the connection
	pragmaFile                          // writes to the file when it has an argument
	pragmaBoth                          // writes to the file, and stays with the connection
	pragmaQuiet                         // accepted without effect: the server decides
	pragmaLooks                         // may be read, not set
)

// pragmas are those that SQL of strangers may use; others are refused.
var pragmas = map[string]pragmaKind{
	"table_info": pragmaReads, "table_xinfo": pragmaReads, "table_list": pragmaReads,
	"index_list": pragmaReads, "index_info": pragmaReads, "index_xinfo": pragmaReads,
	"foreign_key_list": pragmaReads, "foreign_key_check": pragmaReads,
	"integrity_check": pragmaReads, "quick_check": pragmaReads,
	"database_list": pragmaReads, "collation_list": pragmaReads, "function_list": pragmaReads,
	"module_list": pragmaReads, "pragma_list": pragmaReads, "compile_options": pragmaReads,
	"data_version": pragmaReads, "freelist_count": pragmaReads, "page_count": pragmaReads,

	"foreign_keys": pragmaSession, "defer_foreign_keys": pragmaSession,
	"recursive_triggers": pragmaSession, "case_sensitive_like": pragmaSession,
	"reverse_unordered_selects": pragmaSession, "automatic_index": pragmaSession,
	"legacy_alter_table": pragmaSession, "analysis_limit": pragmaSession,
	"ignore_check_constraints": pragmaSession, "cell_size_check": pragmaSession,
	"read_uncommitted": pragmaSession, "full_column_names": pragmaSession,
	"short_column_names": pragmaSession, "empty_result_callbacks": pragmaSession,
	"count_changes": pragmaSession, "temp_store": pragmaSession, "busy_timeout": pragmaSession,

	"user_version": pragmaFile, "application_id": pragmaFile, "auto_vacuum": pragmaBoth,
	"incremental_vacuum": pragmaFile, "optimize": pragmaFile, "encoding": pragmaBoth,
	"page_size": pragmaBoth, "secure_delete": pragmaBoth, "wal_checkpoint": pragmaFile,
	"max_page_count": pragmaBoth, "shrink_memory": pragmaQuiet,

	"cache_size": pragmaQuiet, "cache_spill": pragmaQuiet, "mmap_size": pragmaQuiet,
	"threads": pragmaQuiet, "wal_autocheckpoint": pragmaQuiet, "journal_size_limit": pragmaQuiet,
	"fullfsync": pragmaQuiet, "checkpoint_fullfsync": pragmaQuiet,

	"schema_version": pragmaLooks, "query_only": pragmaLooks, "trusted_schema": pragmaLooks,
	"hard_heap_limit": pragmaLooks, "soft_heap_limit": pragmaLooks, "writable_schema": pragmaLooks,
}

// bannedFunctions reach outside of the database, where a build has them, or to all
// databases of the process.
var bannedFunctions = map[string]bool{
	"load_extension": true, "fts3_tokenizer": true, "readfile": true, "writefile": true, "edit": true, "fsdir": true, "lsmode": true,
	"nearlite_cache_size": true,
}

// authorize is SQLite's authorizer callback.
func (a *access) authorize(action sqlite3.AuthorizerActionCode, arg3, arg4, schema, trigger string) sqlite3.AuthorizerReturnCode {
	switch action {
	case sqlite3.AUTH_SELECT, sqlite3.AUTH_READ, sqlite3.AUTH_RECURSIVE:
		return sqlite3.AUTH_OK
	case sqlite3.AUTH_FUNCTION:
		if bannedFunctions[strings.ToLower(arg4)] {
			return a.deny("the function %s is not allowed on this server", arg4)
		}
		return sqlite3.AUTH_OK
	case sqlite3.AUTH_TRANSACTION, sqlite3.AUTH_SAVEPOINT:
		return sqlite3.AUTH_OK
	case sqlite3.AUTH_PRAGMA:
		return a.pragma(strings.ToLower(arg3), arg4)
	case sqlite3.AUTH_ATTACH:
		// The file's name is empty when it is the result of an expression, too.
		if a.vacuum && arg3 == "" {
			return sqlite3.AUTH_OK
		}
		if a.vacuum {
			return a.deny(vacuumIntoText)
		}
		if arg3 == ":memory:" && !a.readOnly {
			a.note(statementFacts{lasting: true})
			return sqlite3.AUTH_OK
		}
		return a.deny("ATTACH is not allowed on this server")
	}
	if a.readOnly {
		if a.nested > 0 || rtreeInner(action, arg3) {
			return sqlite3.AUTH_OK // query_only stops it
		}
		return a.deny(readOnlyText)
	}
	switch action {
	case sqlite3.AUTH_INSERT, sqlite3.AUTH_UPDATE, sqlite3.AUTH_DELETE:
		if trigger == "" && !isSchemaTable(arg3) {
			a.note(statementFacts{inserts: action == sqlite3.AUTH_INSERT, changes: true})
		}
	case sqlite3.AUTH_CREATE_TEMP_INDEX, sqlite3.AUTH_CREATE_TEMP_TABLE, sqlite3.AUTH_CREATE_TEMP_TRIGGER, sqlite3.AUTH_CREATE_TEMP_VIEW:
		a.note(statementFacts{lasting: true})
	case sqlite3.AUTH_CREATE_VTABLE:
		if strings.EqualFold(schema, "temp") {
			a.note(statementFacts{lasting: true})
		}
	}
	return sqlite3.AUTH_OK
}

const vacuumIntoText = "VACUUM INTO is not allowed on this server; use its backups"

// vacuumsInto reports whether a VACUUM has an INTO: SQLite asks the authorizer only
// when it runs, and not at all where the target has no name.
func vacuumsInto(text string) bool {
	for _, t := range sqlTokens(text) {
		if t.is("INTO") {
			return true
		}
	}
	return false
}

const readOnlyText = "attempt to write a readonly database"

func (a *access) pragma(name, arg string) sqlite3.AuthorizerReturnCode {
	kind := pragmas[name]
	arg = strings.ToLower(strings.Trim(arg, "'\" "))
	switch {
	case name == "journal_mode" && (arg == "" || arg == "wal"):
		return sqlite3.AUTH_OK
	case name == "locking_mode" && (arg == "" || arg == "normal"):
		return sqlite3.AUTH_OK
	case name == "synchronous":
		if arg == "off" || arg == "0" || arg == "no" || arg == "false" {
			return a.deny("PRAGMA synchronous=%s is not allowed on this server", arg)
		}
		if arg == "" {
			return sqlite3.AUTH_OK
		}
		return sqlite3.AUTH_IGNORE // the server decides
	case kind == pragmaReads:
		return sqlite3.AUTH_OK
	case kind == 0 || kind == pragmaLooks && arg != "":
		if arg != "" {
			return a.deny("PRAGMA %s with a value is not allowed on this server", name)
		}
		return a.deny("PRAGMA %s is not allowed on this server", name)
	case arg == "" && name != "incremental_vacuum" && name != "optimize" && name != "wal_checkpoint":
		return sqlite3.AUTH_OK
	case kind == pragmaQuiet:
		return sqlite3.AUTH_IGNORE
	case a.readOnly && (kind == pragmaFile || kind == pragmaBoth) && a.nested == 0:
		return a.deny(readOnlyText)
	case a.readOnly:
		return sqlite3.AUTH_IGNORE
	case kind == pragmaSession || kind == pragmaBoth:
		a.note(statementFacts{lasting: true})
	}
	return sqlite3.AUTH_OK
}

func (a *access) note(f statementFacts) {
	if a.nested > 0 {
		return
	}
	a.seen.inserts = a.seen.inserts || f.inserts
	a.seen.changes = a.seen.changes || f.changes
	a.seen.lasting = a.seen.lasting || f.lasting
}

func (a *access) deny(format string, args ...any) sqlite3.AuthorizerReturnCode {
	a.reason = fmt.Sprintf(format, args...)
	return sqlite3.AUTH_DENY
}

// rtreeInner reports whether a statement could be one of those that an R-Tree table
// compiles for its inner tables as soon as it is looked at, also for reading.
func rtreeInner(action sqlite3.AuthorizerActionCode, table string) bool {
	switch action {
	case sqlite3.AUTH_INSERT, sqlite3.AUTH_UPDATE, sqlite3.AUTH_DELETE:
		return strings.HasSuffix(table, "_node") || strings.HasSuffix(table, "_rowid") || strings.HasSuffix(table, "_parent")
	}
	return false
}

func isSchemaTable(name string) bool {
	switch strings.ToLower(name) {
	case "sqlite_master", "sqlite_schema", "sqlite_temp_master", "sqlite_temp_schema":
		return true
	}
	return false
}

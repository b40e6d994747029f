package server_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nearlite/nearlite/server"
)

// Each request of the protocol, its answer and its errors.
func TestRequests(t *testing.T) {
	s := start(t, nil)
	s.exec("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT UNIQUE, x)", "INSERT INTO t VALUES (1, 'one', 1.5)")
	ok := func(body string) string { return `{"response":` + body + `,"type":"ok"}` }
	bad := func(code, message string) string {
		b, _ := json.Marshal(message)
		return `{"error":{"code":"` + code + `","message":` + string(b) + `},"type":"error"}`
	}
	rows := func(cols, rows string) string {
		return ok(`{"result":{"affected_row_count":0,"cols":` + cols + `,"last_insert_rowid":null,"rows":` + rows + `},"type":"execute"}`)
	}
	col := `[{"decltype":null,"name":"v"}]`
	one := func(value string) string { return rows(col, "[["+value+"]]") }
	for _, c := range []struct{ name, request, want string }{
		{"Null", `{"type":"execute","stmt":{"sql":"SELECT ? AS v","args":[{"type":"null"}]}}`, one(`{"type":"null"}`)},
		{"Integer", `{"type":"execute","stmt":{"sql":"SELECT ? AS v","args":[{"type":"integer","value":"-9223372036854775808"}]}}`, one(`{"type":"integer","value":"-9223372036854775808"}`)},
		{"Float", `{"type":"execute","stmt":{"sql":"SELECT ? AS v","args":[{"type":"float","value":3}]}}`, one(`{"type":"float","value":3}`)},
		{"FloatIsReal", `{"type":"execute","stmt":{"sql":"SELECT typeof(?) AS v","args":[{"type":"float","value":3}]}}`, one(`{"type":"text","value":"real"}`)},
		{"FloatLimit", `{"type":"execute","stmt":{"sql":"SELECT ? AS v","args":[{"type":"float","value":1.7976931348623157e308}]}}`, one(`{"type":"float","value":1.7976931348623157e+308}`)},
		{"Infinity", `{"type":"execute","stmt":{"sql":"SELECT 9e999 AS v"}}`, one(`{"type":"null"}`)},
		{"Text", `{"type":"execute","stmt":{"sql":"SELECT ? AS v","args":[{"type":"text","value":"a\"\\\n\u0001\u00e9\ud83d\ude00"}]}}`, one(`{"type":"text","value":"a\"\\\n\u0001é😀"}`)},
		{"TextNotUTF8", `{"type":"execute","stmt":{"sql":"SELECT CAST(x'ff41' AS TEXT) AS v"}}`, one(`{"type":"text","value":"�A"}`)},
		{"BlobPadded", `{"type":"execute","stmt":{"sql":"SELECT ? AS v","args":[{"type":"blob","base64":"AQI="}]}}`, one(`{"base64":"AQI","type":"blob"}`)},
		{"BlobUnpadded", `{"type":"execute","stmt":{"sql":"SELECT ? AS v","args":[{"type":"blob","base64":"AQ"}]}}`, one(`{"base64":"AQ","type":"blob"}`)},
		{"BlobEmpty", `{"type":"execute","stmt":{"sql":"SELECT ? AS v","args":[{"type":"blob","base64":""}]}}`, one(`{"base64":"","type":"blob"}`)},
		{"Numbered", `{"type":"execute","stmt":{"sql":"SELECT ?2 || ?1 || ?2 AS v","args":[{"type":"text","value":"a"},{"type":"text","value":"b"}]}}`, one(`{"type":"text","value":"bab"}`)},
		{"NamedBare", `{"type":"execute","stmt":{"sql":"SELECT :a || @b || $c || :a AS v","named_args":[{"name":"a","value":{"type":"text","value":"1"}},{"name":"b","value":{"type":"text","value":"2"}},{"name":"c","value":{"type":"text","value":"3"}}]}}`, one(`{"type":"text","value":"1231"}`)},
		{"NamedPrefixed", `{"type":"execute","stmt":{"sql":"SELECT :a AS v","named_args":[{"name":":a","value":{"type":"text","value":"1"}}]}}`, one(`{"type":"text","value":"1"}`)},
		{"Trailing", `{"type":"execute","stmt":{"sql":" /* c */ SELECT 1 AS v ; -- end\n ;"}}`, one(`{"type":"integer","value":"1"}`)},
		{"NoRowsWanted", `{"type":"execute","stmt":{"sql":"SELECT 1 AS v","want_rows":false}}`, rows(col, "[]")},
		{"DeclType", `{"type":"execute","stmt":{"sql":"SELECT id, x, id+1 AS y FROM t"}}`, rows(`[{"decltype":"INTEGER","name":"id"},{"decltype":null,"name":"x"},{"decltype":null,"name":"y"}]`, `[[{"type":"integer","value":"1"},{"type":"float","value":1.5},{"type":"integer","value":"2"}]]`)},
		{"BothArgs", `{"type":"execute","stmt":{"sql":"SELECT ?, :a","args":[{"type":"null"}],"named_args":[{"name":"a","value":{"type":"null"}}]}}`, bad("ARGS_BOTH_POSITIONAL_AND_NAMED", "Specifying both positional and named arguments is not supported")},
		{"ArgMissing", `{"type":"execute","stmt":{"sql":"SELECT ?, ?","args":[{"type":"null"}]}}`, bad("ARGS_INVALID", "value for parameter 2 not found")},
		{"NamedArgMissing", `{"type":"execute","stmt":{"sql":"SELECT :a"}}`, bad("ARGS_INVALID", "value for parameter :a not found")},
		{"TooManyArgs", `{"type":"execute","stmt":{"sql":"SELECT 1","args":[{"type":"null"}]}}`, bad("ARGS_INVALID", "SQL statement has 0 parameters, got 1 arguments")},
		{"Many", sql("SELECT 1; SELECT 2"), bad("SQL_MANY_STATEMENTS", "SQL string contains more than one statement")},
		{"None", sql(" -- nothing"), bad("SQL_NO_STATEMENT", "SQL string does not contain any statement")},
		{"ZeroByte", sql("SELECT 1\x00"), bad("SQL_PARSE_ERROR", "SQL string could not be parsed: the SQL text holds a zero byte")},
		{"TooBig", sql("SELECT length(zeroblob(400000000))"), bad("SQLITE_TOOBIG", "SQLite error: string or blob too big")},
		{"Syntax", sql("SELECT FROM"), bad("SQL_INPUT_ERROR", `SQL input error: near "FROM": syntax error (at offset 7)`)},
		{"NoTable", sql("SELECT * FROM nope"), bad("SQLITE_UNKNOWN", "SQLite error: no such table: nope")},
		{"NoColumn", sql("SELECT nope FROM t"), bad("SQL_INPUT_ERROR", "SQL input error: no such column: nope (at offset 7)")},
		{"Unique", sql("INSERT INTO t(name) VALUES ('one')"), bad("SQLITE_CONSTRAINT", "SQLite error: UNIQUE constraint failed: t.name")},
		{"VectorDims", sql("SELECT vector_distance_cos('[1,2]', '[1,2,3]')"), bad("SQLITE_UNKNOWN", "SQLite error: vector_distance: vectors must have the same length: 2 != 3")},
		{"AlterColumn", sql("ALTER TABLE t ALTER COLUMN x TO y TEXT"), bad("SQLITE_UNKNOWN", `SQLite error: UPDATE cannot also rename column: "x" to "y". Use ALTER TABLE RENAME instead`)},
		{"SQLMissing", `{"type":"execute","stmt":{}}`, bad("SQL_MISSING", "a request needs sql or sql_id")},
		{"SQLIDUnknown", `{"type":"execute","stmt":{"sql_id":7}}`, bad("SQL_NOT_FOUND", "SQL text 7 not found")},
		{"CloseSQLUnknown", `{"type":"close_sql","sql_id":7}`, ok(`{"type":"close_sql"}`)},
		{"Autocommit", `{"type":"get_autocommit"}`, ok(`{"is_autocommit":true,"type":"get_autocommit"}`)},
		{"Describe", `{"type":"describe","sql":"SELECT id, x FROM t WHERE id = ? AND name = :n"}`, ok(`{"result":{"cols":[{"decltype":"INTEGER","name":"id"},{"decltype":null,"name":"x"}],"is_explain":false,"is_readonly":true,"params":[{"name":null},{"name":":n"}]},"type":"describe"}`)},
		{"DescribeExplain", `{"type":"describe","sql":"EXPLAIN QUERY PLAN DELETE FROM t"}`, ok(`{"result":{"cols":[{"decltype":null,"name":"id"},{"decltype":null,"name":"parent"},{"decltype":null,"name":"notused"},{"decltype":null,"name":"detail"}],"is_explain":true,"is_readonly":false,"params":[]},"type":"describe"}`)},
		{"DescribeWrite", `{"type":"describe","sql":"DELETE FROM t"}`, ok(`{"result":{"cols":[],"is_explain":false,"is_readonly":false,"params":[]},"type":"describe"}`)},
		{"Sequence", `{"type":"sequence","sql":"CREATE TABLE q(a); INSERT INTO q VALUES (';'); CREATE TRIGGER g AFTER INSERT ON q BEGIN SELECT 1; SELECT 2; END; DROP TABLE q; -- done"}`, ok(`{"type":"sequence"}`)},
		{"SequenceStops", `{"type":"sequence","sql":"CREATE TABLE s1(a); SELECT nope; CREATE TABLE s2(a)"}`, bad("SQL_INPUT_ERROR", "SQL input error: no such column: nope (at offset 7)")},
		{"SequenceStopped", sql("SELECT name FROM sqlite_schema WHERE name LIKE 's_'"), rows(`[{"decltype":"TEXT","name":"name"}]`, `[[{"type":"text","value":"s1"}]]`)},
		{"Returning", sql("INSERT INTO t(id, name) VALUES (5, 'five') RETURNING id"), ok(`{"result":{"affected_row_count":1,"cols":[{"decltype":"INTEGER","name":"id"}],"last_insert_rowid":"5","rows":[[{"type":"integer","value":"5"}]]},"type":"execute"}`)},
		{"SelectAfterInsert", sql("SELECT 1 AS v"), one(`{"type":"integer","value":"1"}`)},
		{"Update", sql("UPDATE t SET x = 0"), ok(`{"result":{"affected_row_count":2,"cols":[],"last_insert_rowid":null,"rows":[]},"type":"execute"}`)},
		{"DropCountsNothing", sql("DROP TABLE s1"), ok(`{"result":{"affected_row_count":0,"cols":[],"last_insert_rowid":null,"rows":[]},"type":"execute"}`)},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.t = t
			if got := result(s.pipeline(nil, c.request, closeRequest).Results[0]); got != c.want {
				t.Errorf("%s\ngot  %s\nwant %s", c.request, got, c.want)
			}
		})
	}
	s.t = t
}

// Requests go on after one that failed, and stored SQL lives as long as its stream.
func TestPipelineOrder(t *testing.T) {
	s := start(t, nil)
	r := s.pipeline(nil,
		sql("SELECT nope"),
		`{"type":"store_sql","sql_id":1,"sql":"SELECT 42"}`,
		`{"type":"store_sql","sql_id":1,"sql":"SELECT 43"}`,
		`{"type":"execute","stmt":{"sql_id":1}}`)
	for i, want := range []string{"no such column", `"store_sql"`, "SQL_EXISTS", `"42"`} {
		if !strings.Contains(string(r.Results[i]), want) {
			t.Errorf("result %d is %s, want %q in it", i, r.Results[i], want)
		}
	}
	if r.Baton == nil {
		t.Fatal("no baton, although the stream was not closed")
	}
	r = s.pipeline(r.Baton, `{"type":"describe","sql_id":1}`, `{"type":"sequence","sql_id":1}`, `{"type":"close_sql","sql_id":1}`, `{"type":"execute","stmt":{"sql_id":1}}`, closeRequest)
	if got := string(r.Results[3]); !strings.Contains(got, "SQL_NOT_FOUND") {
		t.Errorf("a closed text still runs: %s", got)
	}
	if r.Baton != nil {
		t.Error("a closed stream has a baton")
	}
}

func TestBatchConditions(t *testing.T) {
	s := start(t, nil)
	s.exec("CREATE TABLE t(a UNIQUE)", "INSERT INTO t VALUES (1)")
	steps := []struct{ condition, sql string }{
		{"", "SELECT 0"},                 // 0 ok
		{"", "INSERT INTO t VALUES (1)"}, // 1 error
		{`{"type":"ok","step":0}`, "SELECT 2"},
		{`{"type":"ok","step":1}`, "SELECT 3"}, // 3 skipped
		{`{"type":"error","step":1}`, "SELECT 4"},
		{`{"type":"error","step":3}`, "SELECT 5"}, // a skipped step is no error
		{`{"type":"not","cond":{"type":"ok","step":3}}`, "SELECT 6"},
		{`{"type":"and","conds":[{"type":"ok","step":0},{"type":"ok","step":1}]}`, "SELECT 7"},
		{`{"type":"or","conds":[{"type":"ok","step":0},{"type":"ok","step":1}]}`, "SELECT 8"},
		{`{"type":"and","conds":[]}`, "SELECT 9"},
		{`{"type":"or","conds":[]}`, "SELECT 10"},
		{`{"type":"is_autocommit"}`, "BEGIN"},
		{`{"type":"is_autocommit"}`, "SELECT 12"},
		{`{"type":"not","cond":{"type":"is_autocommit"}}`, "ROLLBACK"},
	}
	want := []string{"ok", "error", "ok", "skip", "ok", "skip", "ok", "skip", "ok", "ok", "skip", "ok", "skip", "ok"}
	var parts []string
	for _, st := range steps {
		c := ""
		if st.condition != "" {
			c = `"condition":` + st.condition + ","
		}
		parts = append(parts, `{`+c+`"stmt":{"sql":"`+st.sql+`"}}`)
	}
	r := s.pipeline(nil, `{"type":"batch","batch":{"steps":[`+strings.Join(parts, ",")+`]}}`, closeRequest)
	var got struct {
		Response struct {
			Result struct {
				Results []json.RawMessage `json:"step_results"`
				Errors  []json.RawMessage `json:"step_errors"`
			}
		}
	}
	if err := json.Unmarshal(r.Results[0], &got); err != nil {
		t.Fatal(err)
	}
	res := got.Response.Result
	if len(res.Results) != len(steps) || len(res.Errors) != len(steps) {
		t.Fatalf("%d results and %d errors for %d steps: %s", len(res.Results), len(res.Errors), len(steps), r.Results[0])
	}
	for i := range steps {
		state := "skip"
		if string(res.Results[i]) != "null" {
			state = "ok"
		} else if string(res.Errors[i]) != "null" {
			state = "error"
		}
		if state != want[i] {
			t.Errorf("step %d (%s): %s, want %s", i, steps[i].condition, state, want[i])
		}
	}
	bad := s.pipeline(nil, `{"type":"batch","batch":{"steps":[{"stmt":{"sql":"SELECT 1"},"condition":{"type":"ok","step":0}}]}}`, closeRequest)
	if !strings.Contains(string(bad.Results[0]), "BATCH_COND_BAD_STEP") {
		t.Errorf("a condition on the step itself: %s", bad.Results[0])
	}
}

// A baton is good once, for its database, and nobody can make one.
func TestBatons(t *testing.T) {
	s := start(t, nil)
	first := s.pipeline(nil, sql("BEGIN"), sql("CREATE TABLE t(a)")).Baton
	second := s.pipeline(first, `{"type":"get_autocommit"}`)
	if !strings.Contains(string(second.Results[0]), `"is_autocommit":false`) {
		t.Errorf("the transaction is gone: %s", second.Results[0])
	}
	if *second.Baton == *first {
		t.Error("the baton did not change")
	}
	try := func(name, baton string) {
		t.Helper()
		status, header, body := s.post("/v2/pipeline", `{"baton":"`+baton+`","requests":[{"type":"close"}]}`)
		if status != http.StatusBadRequest || !strings.HasPrefix(header.Get("Content-Type"), "text/plain") {
			t.Errorf("%s: %d %s %s, want 400 as text", name, status, header.Get("Content-Type"), body)
		}
	}
	try("used before", *first)
	try("not base64", "!!!")
	try("empty", "")
	forged := []byte(*second.Baton)
	forged[3] ^= 1
	try("forged", string(forged))
	s.pipeline(second.Baton, closeRequest)
	if status, _, body := s.post("/v2/pipeline", `{"baton":"`+*second.Baton+`","requests":[]}`); status != 400 || !strings.Contains(body, "STREAM_EXPIRED") {
		t.Errorf("closed stream: %d %s", status, body)
	}
	if got := s.value("SELECT count(*) FROM sqlite_schema"); got != "0" {
		t.Errorf("close kept the transaction: %s tables", got)
	}
}

// A silent transaction is undone and lets others write; an idle stream without one
// keeps its baton.
func TestExpiry(t *testing.T) {
	s := start(t, func(c *server.Config) {
		c.Limits.TransactionIdle = 100 * time.Millisecond
		c.Limits.DetachIdle = 50 * time.Millisecond
	})
	s.exec("CREATE TABLE t(a)")
	idle := s.pipeline(nil, `{"type":"store_sql","sql_id":1,"sql":"SELECT 42"}`)
	txn := s.pipeline(nil, sql("BEGIN IMMEDIATE"), sql("INSERT INTO t VALUES (1)"))
	s.exec("INSERT INTO t VALUES (2)") // waits for the turn
	if got := s.value("SELECT group_concat(a) FROM t"); got != "2" {
		t.Errorf("rows %s, want only 2: the silent transaction is undone", got)
	}
	status, header, body := s.post("/v2/pipeline", `{"baton":"`+*txn.Baton+`","requests":[]}`)
	if status != 400 || header.Get("Content-Type") != "application/json" || !strings.Contains(body, `"STREAM_EXPIRED"`) {
		t.Errorf("expired stream: %d %s %s", status, header.Get("Content-Type"), body)
	}
	time.Sleep(200 * time.Millisecond)
	r := s.pipeline(idle.Baton, `{"type":"execute","stmt":{"sql_id":1}}`, closeRequest)
	if got := firstValue(t, r.Results[0]); got != "42" {
		t.Errorf("idle stream: %s", r.Results[0])
	}
}

func TestMalformed(t *testing.T) {
	s := start(t, nil)
	for _, body := range []string{
		"", "{", "[]", "null", `{"requests":null}`, `{"requests":[{}]}`, `{"requests":[{"type":"nope"}]}`,
		`{"requests":[{"type":"execute"}]}`, `{"requests":[{"type":"batch"}]}`, `{"requests":[{"type":"batch","batch":{}}]}`,
		`{"requests":[{"type":"execute","stmt":{"sql":"SELECT ?","args":[{"type":"integer","value":1}]}}]}`,
		`{"requests":[{"type":"execute","stmt":{"sql":"SELECT ?","args":[{"type":"integer","value":"9223372036854775808"}]}}]}`,
		`{"requests":[{"type":"execute","stmt":{"sql":"SELECT ?","args":[{"type":"float","value":"1"}]}}]}`,
		`{"requests":[{"type":"execute","stmt":{"sql":"SELECT ?","args":[{"type":"float","value":1e999}]}}]}`,
		`{"requests":[{"type":"execute","stmt":{"sql":"SELECT ?","args":[{"type":"blob","base64":"*"}]}}]}`,
		`{"requests":[{"type":"execute","stmt":{"sql":"SELECT ?","args":[{"type":"text"}]}}]}`,
		`{"requests":[{"type":"execute","stmt":{"sql":"SELECT ?","args":[{"type":"date"}]}}]}`,
		`{"requests":[{"type":"execute","stmt":{"sql":"SELECT :a","named_args":[{"name":"a"}]}}]}`,
		`{"requests":[{"type":"store_sql","sql":"x"}]}`, `{"requests":[{"type":"store_sql","sql":"x","sql_id":99999999999}]}`,
		`{"requests":[{"type":"batch","batch":{"steps":[{"condition":{"type":"ok"},"stmt":{"sql":"x"}}]}}]}`,
		`{"requests":[{"type":"batch","batch":{"steps":[{"condition":{"type":"not"},"stmt":{"sql":"x"}}]}}]}`,
	} {
		for _, path := range []string{"/v2/pipeline", "/v3/pipeline", "/v3/cursor"} {
			if status, header, answer := s.post(path, body); status != 400 || !strings.HasPrefix(header.Get("Content-Type"), "text/plain") {
				t.Errorf("%s %s: %d %s, want 400 as text", path, body, status, answer)
			}
		}
	}
	// Version 2 has no get_autocommit.
	if status, _, _ := s.post("/v2/pipeline", `{"requests":[{"type":"get_autocommit"}]}`); status != 400 {
		t.Errorf("get_autocommit in version 2: %d, want 400", status)
	}
}

func TestProbes(t *testing.T) {
	s := start(t, nil)
	for path, want := range map[string]int{"/health": 200, "/version": 200, "/v2": 200, "/v3": 200, "/v3-protobuf": 404, "/v4": 404} {
		resp, err := http.Get(s.url + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("GET %s: %d, want %d", path, resp.StatusCode, want)
		}
	}
}

func TestCursor(t *testing.T) {
	s := start(t, nil)
	status, _, body := s.post("/v3/cursor", `{"baton":null,"batch":{"steps":[
		{"stmt":{"sql":"CREATE TABLE t(a INTEGER)"}},
		{"stmt":{"sql":"INSERT INTO t VALUES (1),(2)"}},
		{"stmt":{"sql":"SELECT a FROM t"}},
		{"stmt":{"sql":"SELECT nope"}},
		{"stmt":{"sql":"SELECT 1"},"condition":{"type":"ok","step":3}},
		{"stmt":{"sql":"SELECT 2"},"condition":{"type":"ok","step":99}}]}}`)
	lines := strings.Split(strings.TrimSpace(body), "\n")
	want := []string{
		`{"type":"step_begin","step":0,"cols":[]}`,
		`{"type":"step_end","affected_row_count":0,"last_insert_rowid":null}`,
		`{"type":"step_begin","step":1,"cols":[]}`,
		`{"type":"step_end","affected_row_count":2,"last_insert_rowid":"2"}`,
		`{"type":"step_begin","step":2,"cols":[{"name":"a","decltype":"INTEGER"}]}`,
		`{"type":"row","row":[{"type":"integer","value":"1"}]}`,
		`{"type":"row","row":[{"type":"integer","value":"2"}]}`,
		`{"type":"step_end","affected_row_count":0,"last_insert_rowid":null}`,
		`{"type":"step_error","step":3,"error":{"message":"SQL input error: no such column: nope (at offset 7)","code":"SQL_INPUT_ERROR"}}`,
		`{"type":"error","error":{"message":"the condition of step 5 asks for step 99, want one before it","code":"BATCH_COND_BAD_STEP"}}`,
	}
	if status != 200 || len(lines) != len(want)+1 {
		t.Fatalf("%d with %d lines, want %d:\n%s", status, len(lines), len(want)+1, body)
	}
	for i, w := range want {
		if lines[i+1] != w {
			t.Errorf("line %d is %s\nwant %s", i+1, lines[i+1], w)
		}
	}
	var head reply
	if err := json.Unmarshal([]byte(lines[0]), &head); err != nil || head.Baton == nil {
		t.Fatalf("first line %s", lines[0])
	}
	if got := firstValue(t, s.pipeline(head.Baton, sql("SELECT count(*) FROM t"), closeRequest).Results[0]); got != "2" {
		t.Errorf("the stream goes on with %s rows, want 2", got)
	}
}

// What strangers may not do, in every way that we know to write it.
func TestRefusedSQL(t *testing.T) {
	s := start(t, nil)
	s.exec("CREATE TABLE t(a)")
	for _, text := range []string{
		"ATTACH '/etc/passwd' AS x", "ATTACH DATABASE 'file:other.db' AS x", "ATTACH 'a' || 'b' AS x", "attach \"x.db\" as x", "ATTACH '' || '/tmp/q.db' AS x",
		"VACUUM INTO 'copy.db'", "VACUUM main INTO 'copy.db'", "/* x */ VACUUM INTO 'a' || 'b'", "VACUUM INTO ''", "VACUUM INTO ':memory:'", "; vacuum into 'x'",
		"PRAGMA writable_schema=ON", "PRAGMA main.writable_schema=1", "PRAGMA writable_schema('on')",
		"PRAGMA journal_mode=OFF", "PRAGMA journal_mode=DELETE", "PRAGMA locking_mode=EXCLUSIVE", "PRAGMA synchronous=OFF", "PRAGMA synchronous=0",
		"PRAGMA trusted_schema=1", "PRAGMA temp_store_directory='/tmp'", "PRAGMA data_store_directory='/tmp'", "PRAGMA query_only=0",
		"PRAGMA hard_heap_limit=1", "PRAGMA schema_version=7", "PRAGMA key='x'",
		"SELECT load_extension('x')", "SELECT readfile('/etc/passwd')", "SELECT writefile('x', 'y')",
		"UPDATE sqlite_schema SET sql = ''", "DELETE FROM sqlite_master", "SELECT * FROM fsdir('/')",
	} {
		if got := s.pipeline(nil, sql(text), closeRequest).Results[0]; !strings.HasPrefix(string(got), `{"type":"error"`) {
			t.Errorf("%s: %s", text, got)
		}
	}
	args := `{"type":"execute","stmt":{"sql":"ATTACH ? AS x","args":[{"type":"text","value":"never/there.db"}]}}`
	if got := s.pipeline(nil, args, closeRequest).Results[0]; !strings.Contains(string(got), "SQLITE_AUTH") {
		t.Errorf("ATTACH ?: %s", got)
	}
	s.exec("VACUUM", "ATTACH ':memory:' AS m", "PRAGMA table_info(t)", "PRAGMA journal_mode=WAL", "PRAGMA user_version=3",
		"PRAGMA mmap_size=100000000000", "PRAGMA cache_size=-1000000000", "PRAGMA busy_timeout=5000", "PRAGMA temp_store=MEMORY", "ANALYZE", "REINDEX")
	if got := s.value("PRAGMA user_version"); got != "3" {
		t.Errorf("user_version is %s", got)
	}
}

// What a stream does to its connection is gone for the next one.
func TestStreamsAreClean(t *testing.T) {
	s := start(t, nil)
	for range 3 {
		s.exec("PRAGMA foreign_keys=0", "CREATE TEMP TABLE private(a)", "ATTACH ':memory:' AS m")
		if got := s.value("PRAGMA foreign_keys"); got != "1" {
			t.Errorf("foreign_keys is %s for the next stream", got)
		}
		if got := s.value("SELECT count(*) FROM pragma_database_list WHERE name <> 'main'"); got != "0" {
			t.Errorf("%s databases are left", got)
		}
		before := s.value("PRAGMA max_page_count") + s.value("PRAGMA secure_delete")
		s.exec("PRAGMA max_page_count=1", "PRAGMA secure_delete=ON")
		if got := s.value("PRAGMA max_page_count") + s.value("PRAGMA secure_delete"); got != before {
			t.Errorf("max_page_count and secure_delete are %s for the next stream, want %s", got, before)
		}
	}
	// Within a stream they stay.
	r := s.pipeline(nil, sql("CREATE TEMP TABLE private(a)"), sql("INSERT INTO private VALUES (7)"))
	r = s.pipeline(r.Baton, sql("SELECT a FROM private"), closeRequest)
	if got := firstValue(t, r.Results[0]); got != "7" {
		t.Errorf("temporary table: %s", r.Results[0])
	}
}

func TestResponseLimit(t *testing.T) {
	s := start(t, func(c *server.Config) { c.Limits.ResponseBytes = 10_000; c.Limits.RequestBytes = 20_000 })
	big := "SELECT hex(zeroblob(4000))"
	if r := s.pipeline(nil, sql(big), sql(big), sql("SELECT 1"), closeRequest); !strings.Contains(string(r.Results[0]), "RESPONSE_TOO_LARGE") && !strings.Contains(string(r.Results[1]), "RESPONSE_TOO_LARGE") {
		t.Errorf("rows of 16000 bytes passed a limit of 10000")
	}
	if r := s.pipeline(nil, sql("WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c) SELECT i FROM c"), closeRequest); !strings.Contains(string(r.Results[0]), "RESPONSE_TOO_LARGE") {
		t.Errorf("endless rows: %.200s", r.Results[0])
	}
	if status, _, _ := s.post("/v2/pipeline", strings.Repeat(" ", 20_001)); status != http.StatusRequestEntityTooLarge {
		t.Errorf("a large body: %d, want 413", status)
	}
}

// A statement that never ends is stopped by the clock, and its connection is good
// for others.
func TestRequestTimeout(t *testing.T) {
	s := start(t, func(c *server.Config) { c.Limits.RequestTimeout = 300 * time.Millisecond })
	endless := "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c) SELECT max(i) FROM c"
	r := s.pipeline(nil, sql(endless), closeRequest)
	if !strings.Contains(string(r.Results[0]), "SQLITE_INTERRUPT") || !strings.Contains(string(r.Results[0]), "longer than the server allows: 300ms (--request-timeout)") {
		t.Errorf("endless statement: %s", r.Results[0])
	}
	if got := s.value("SELECT 1"); got != "1" {
		t.Errorf("afterwards: %s", got)
	}
}

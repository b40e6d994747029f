package sqlext_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/ncruces/go-sqlite3"

	"github.com/nearlite/nearlite/sqlext"
	"github.com/nearlite/nearlite/sqlext/sqlite"
)

func openMemory(t testing.TB) *sqlite3.Conn {
	t.Helper()
	c, err := sqlite3.Open(":memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	if err := sqlite.Register(c); err != nil {
		t.Fatal(err)
	}
	return c
}

// answer runs one statement and shows its rows ("a|b", one a line), or its error.
func answer(c *sqlite3.Conn, sql string) string {
	o := (&runner{}).run(c, sql, nil)
	if o.err != nil {
		return "error: " + o.message()
	}
	var rows []string
	for _, row := range o.rows {
		var cells []string
		for _, v := range row {
			switch v := v.(type) {
			case nil:
				cells = append(cells, "NULL")
			case []byte:
				cells = append(cells, fmt.Sprintf("x'%x'", v))
			default:
				cells = append(cells, fmt.Sprint(v))
			}
		}
		rows = append(rows, strings.Join(cells, "|"))
	}
	return strings.Join(rows, "\n")
}

type answerCase struct{ sql, want string }

func wantAnswers(t *testing.T, c *sqlite3.Conn, cases []answerCase) {
	t.Helper()
	for _, k := range cases {
		if got := answer(c, k.sql); got != k.want {
			t.Errorf("%s\n got %s\nwant %s", k.sql, got, k.want)
		}
	}
}

// Small whole numbers, whose sums are exact in float32: every kernel gives them.
func TestFunctions(t *testing.T) {
	wantAnswers(t, openMemory(t), []answerCase{
		{"SELECT vector_distance_dot('[1,2,3]', '[4,5,6]')", "-32"},
		{"SELECT vector_distance_dot(vector64('[1,2,3]'), vector64('[4,5,6]'))", "-32"},
		{"SELECT vector_distance_dot(vector16('[1,2,3]'), vector16('[4,5,6]'))", "-32"},
		{"SELECT vector_distance_l1('[1,2,3]', '[4,0,3]')", "5"},
		{"SELECT vector_distance_l1(vector64('[1,2,3]'), vector64('[4,0,3]'))", "5"},
		{"SELECT vector_distance_hamming('[1,-2,3,0]', '[1,2,-3,0]')", "2"},
		{"SELECT vector_distance_hamming(vector1bit('[1,0,1,0]'), vector1bit('[1,1,0,0]'))", "2"},
		{"SELECT vector_distance_hamming(vector64('[1,-2]'), vector64('[1,2]'))", "1"},
		{"SELECT vector_distance_jaccard(vector1bit('[1,1,0,0]'), vector1bit('[1,0,1,0]')) * 3", "2"},
		{"SELECT vector_distance_jaccard('[1,2,1]', '[1,1,2]')", "0.4"},
		{"SELECT vector_distance_jaccard(vector64('[1,2,1]'), vector64('[1,1,2]'))", "0.4"},
		{"SELECT vector_distance_jaccard('[0,0]', '[0,0]')", "0"},
		{"SELECT vector_distance_dot('[]', '[]'), vector_distance_l1('[]', '[]')", "0|0"},
		{"SELECT vector_distance_l1(x'0000c07f', x'00000000') IS NULL", "1"}, // NaN

		{"SELECT vector_dims('[1,2,3]'), vector_dims(vector1bit('[1,2,3]')), vector_dims('[]')", "3|3|0"},
		{"SELECT vector_type('[1]'), vector_type(vector64('[1]')), vector_type(vector8('[1]'))", "float32|float64|float8"},
		{"SELECT vector_type(vector16('[1]')), vector_type(vectorb16('[1]')), vector_type(vector1bit('[1]'))", "float16|floatb16|float1bit"},
		{"SELECT vector_extract(vector_normalize('[3,4]')), vector_extract(vector_normalize(vector64('[0,-2]')))", "[0.6,0.8]|[0,-1]"},
		{"SELECT vector_extract(vector_normalize('[0,0]')), vector_extract(vector_normalize('[3e38,3e38]'))", "[0,0]|[0.707107,0.707107]"},
		{"SELECT vector_extract(vector_add('[1,2]', '[3,4]')), vector_extract(vector_sub('[1,2]', '[3,4]'))", "[4,6]|[-2,-2]"},
		{"SELECT vector_type(vector_add(vector16('[1]'), vector16('[2]')))", "float16"},
		{"SELECT vector_extract(vector_scale('[1,2]', 1.5)), vector_extract(vector_scale('[1,2]', -2))", "[1.5,3]|[-2,-4]"},
		{"SELECT vector_extract(vector_slice('[1,2,3,4]', 1, 3)), vector_extract(vector_slice('[1,2]', 2, 2))", "[2,3]|[]"},
		{"SELECT vector_extract(vector_slice('[1,2,3,4]', 1.0, 3.0))", "[2,3]"},
		{"SELECT vector_extract(vector_concat('[1,2]', '[3]')), vector_dims(vector_concat(vector1bit('[1,1]'), vector1bit('[1]')))", "[1,2,3]|3"},
		{"SELECT vector_to_json('[0.1, 1e-7, 3]'), vector_to_json(vector64('[0.1]'))", "[0.1,1e-07,3]|[0.1]"},
		{"SELECT vector32(vector_to_json(vector32('[0.1,123456789,1e-40]'))) = vector32('[0.1,123456789,1e-40]')", "1"},
		{"SELECT libsql_vector_idx(5, 'metric=l2'), libsql_vector_idx('x')", "5|x"},
		{"SELECT nearlite_version()", sqlext.Version},
	})
}

func TestFunctionErrors(t *testing.T) {
	c := openMemory(t)
	if err := c.Exec("CREATE TABLE t(e); INSERT INTO t VALUES (vector32('[1,2,3]')), (NULL)"); err != nil {
		t.Fatal(err)
	}
	wantAnswers(t, c, []answerCase{
		// libSQL's texts.
		{"SELECT vector32('1,2')", "error: vector: must start with '['"},
		{"SELECT vector32('[1,x]')", "error: vector: invalid float at position 1: 'x'"},
		{"SELECT vector32('[1,NaN]')", "error: vector: invalid float at position 1: 'NaN'"},
		{"SELECT vector32('[1,2')", "error: vector: must end with ']'"},
		{"SELECT vector32(NULL)", "error: vector: unexpected value type: got NULL, expected TEXT or BLOB"},
		{"SELECT vector32(x'03')", "error: vector: float1bit vector blob length must be divisible by 2 and not be empty (excluding 'type'-byte): length=0"},
		{"SELECT vector_distance_cos('[1,2]', '[1,2,3]')", "error: vector_distance: vectors must have the same length: 2 != 3"},
		{"SELECT sum(vector_distance_cos(e, '[1,2,3]')) FROM t", "error: vector: unexpected value type: got NULL, expected TEXT or BLOB"},
		{"SELECT vector_distance_l2(vector1bit('[1]'), vector1bit('[1]'))", "error: vector_distance: l2 distance is not supported for float1bit vectors"},
		{"SELECT vector_distance_dot(vector64('[1]'), '[1]')", "error: vector_distance: vectors must have the same type: 2 != 1"},
		{"SELECT vector32()", "error: wrong number of arguments to function vector32()"},

		// Ours.
		{"SELECT vector_distance_jaccard('[1,-2]', '[1,1]')", "error: nearlite: vector_distance_jaccard: element 1 is -2, want values of at least 0 or 1-bit vectors"},
		{"SELECT vector_add('[1]', '[1,2]')", "error: nearlite: vector_add: got vectors of 1 and 2 dimensions, want the same number"},
		{"SELECT vector_sub('[1]', vector64('[1]'))", "error: nearlite: vector_sub: got vectors of type float32 and float64, want the same type"},
		{"SELECT vector_add(vector1bit('[1]'), vector1bit('[1]'))", "error: nearlite: vector_add: got float1bit vectors, want a type that holds numbers"},
		{"SELECT vector_normalize('[3e38,4e38]')", "error: nearlite: vector_normalize: element 1 is +Inf; vectors must be finite"},
		{"SELECT vector_scale('[1]', 'x')", "error: nearlite: vector_scale: the factor is TEXT, want a number"},
		{"SELECT vector_scale(vector1bit('[1]'), 2)", "error: nearlite: vector_scale: got a float1bit vector, want a type that holds numbers"},
		{"SELECT vector_slice('[1,2]', 1, 3)", "error: nearlite: vector_slice: got start 1 and end 3, want 0 <= start <= end <= 2"},
		{"SELECT vector_slice('[1,2]', -1, 1)", "error: nearlite: vector_slice: got start -1 and end 1, want 0 <= start <= end <= 2"},
		{"SELECT vector_slice('[1,2]', 0.5, 1)", "error: nearlite: vector_slice: the start is 0.5, want a whole number"},
		{"SELECT vector_slice('[1,2]', 0, NULL)", "error: nearlite: vector_slice: the end is NULL, want a whole number"},
		{"SELECT vector_concat('[1]', vector8('[1]'))", "error: nearlite: vector_concat: got vectors of type float32 and float8, want the same type"},
		{"SELECT vector_concat(zeroblob(4 * 65536), '[1]')", "error: nearlite: vector_concat: the result would have 65537 dimensions, want at most 65536"},
		{"SELECT vector_dims(5)", "error: vector: unexpected value type: got INTEGER, expected TEXT or BLOB"},
		{"SELECT vector_avg(e) FROM (SELECT '[1,2]' AS e UNION ALL SELECT '[1]')", "error: nearlite: vector_avg: got vectors of 2 and 1 dimensions, want the same number"},
		{"SELECT vector_sum(e) FROM (SELECT '[1]' AS e UNION ALL SELECT vector64('[1]'))", "error: nearlite: vector_sum: got vectors of type float32 and float64, want the same type"},
		{"SELECT vector_sum(x'0000c07f')", "error: nearlite: vector_sum: element 0 is NaN; vectors must be finite"},
		{"SELECT libsql_vector_idx()", "error: vector index: libsql_vector_idx got 0 arguments, want a column and parameters"},
	})
}

func TestAggregates(t *testing.T) {
	c := openMemory(t)
	if err := c.Exec(`CREATE TABLE t(id INTEGER PRIMARY KEY, g, e);
		INSERT INTO t VALUES (1,'a','[1,10]'), (2,'a',vector32('[3,30]')), (3,'b',NULL), (4,'b','[8,80]')`); err != nil {
		t.Fatal(err)
	}
	wantAnswers(t, c, []answerCase{
		{"SELECT vector_extract(vector_avg(e)), vector_extract(vector_sum(e)) FROM t", "[4,40]|[12,120]"},
		{"SELECT g, vector_extract(vector_avg(e)) FROM t GROUP BY g", "a|[2,20]\nb|[8,80]"},
		{"SELECT vector_sum(e), vector_avg(e) FROM t WHERE id = 3", "NULL|NULL"},
		{"SELECT vector_sum(e) FROM t WHERE 0", "NULL"},
		{
			"SELECT id, CASE WHEN v IS NULL THEN NULL ELSE vector_extract(v) END FROM (SELECT id, vector_sum(e) OVER (ORDER BY id ROWS 1 PRECEDING) AS v FROM t)",
			"1|[1,10]\n2|[4,40]\n3|[3,30]\n4|[8,80]",
		},
		{"SELECT vector_type(vector_sum(vector16('[1]'))), vector_type(vector_avg(vector64('[1]')))", "float32|float64"},
		// A window that a huge row has left gives the small ones exactly.
		{"SELECT vector_to_json(v) FROM (SELECT id, vector_sum(e) OVER (ORDER BY id ROWS 1 PRECEDING) AS v FROM " +
			"(SELECT 1 AS id, vector64('[1e30]') AS e UNION ALL SELECT 2, vector64('[1]') UNION ALL SELECT 3, vector64('[2]'))) WHERE id = 3", "[3]"},
	})
}

// The functions work wherever SQLite wants them deterministic and innocuous.
func TestFunctionsInSchema(t *testing.T) {
	wantAnswers(t, openMemory(t), []answerCase{
		{"CREATE TABLE t(j TEXT CHECK (vector_dims(j) = 2), e BLOB AS (vector_normalize(j)) STORED, d REAL DEFAULT (vector_distance_l1('[1]', '[3]')))", ""},
		{"CREATE INDEX i ON t(vector_distance_dot(j, '[1,1]'))", ""},
		{"CREATE VIEW v AS SELECT vector_extract(e) AS x FROM t", ""},
		{"CREATE TRIGGER tr AFTER INSERT ON t WHEN vector_dims(new.j) <> 2 BEGIN SELECT raise(abort, 'never'); END", ""},
		{"INSERT INTO t(j) VALUES ('[0,5]')", ""},
		{"INSERT INTO t(j) VALUES ('[1,2,3]')", "error: CHECK constraint failed: vector_dims(j) = 2"},
		{"SELECT x, d FROM v, t", "[0,1]|2"},
	})
}

func TestInfo(t *testing.T) {
	c := openMemory(t)
	var info sqlext.Info
	if err := json.Unmarshal([]byte(answer(c, "SELECT nearlite_info()")), &info); err != nil {
		t.Fatal(err)
	}
	if info.Version != sqlext.Version || info.SQLite != answer(c, "SELECT sqlite_version()") || info.Kernels == "" || info.Arch == "" {
		t.Errorf("nearlite_info() is %+v", info)
	}
}

func TestRegisterTwice(t *testing.T) {
	c := openMemory(t)
	if err := sqlite.Register(c); err != nil {
		t.Errorf("second Register: %v", err)
	}
	wantAnswers(t, c, []answerCase{{"SELECT vector_dims('[1]')", "1"}})
}

// A name that the host has is left alone: overriding libSQL's functions would
// break its own indexes.
func TestRegisterKeepsHostFunctions(t *testing.T) {
	c, err := sqlite3.Open(":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.CreateFunction("VECTOR32", 1, sqlite3.DETERMINISTIC, func(ctx sqlite3.Context, _ ...sqlite3.Value) {
		ctx.ResultText("the host's")
	}); err != nil {
		t.Fatal(err)
	}
	if err := sqlite.Register(c); err != nil {
		t.Fatal(err)
	}
	wantAnswers(t, c, []answerCase{
		{"SELECT vector32('[1]')", "the host's"},
		{"SELECT vector_dims('[1]')", "1"},
	})
}

// Distances allocate nothing per row, whatever the type, and a constant text is
// parsed once.
func TestDistanceAllocations(t *testing.T) {
	const rows = 2000
	c := openMemory(t)
	if err := c.Exec(fmt.Sprintf(`CREATE TABLE t AS
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		SELECT vector32('[1,2,' || i || ']') AS f32, vector64('[1,2,' || i || ']') AS f64,
			vector16('[1,2,' || i || ']') AS f16, vector8('[1,2,' || i || ']') AS f8, vector1bit('[1,-1,1]') AS bit FROM n`, rows)); err != nil {
		t.Fatal(err)
	}
	for _, expr := range []string{
		"vector_distance_cos(f32, vector32('[1,2,3]'))", "vector_distance_cos(f32, '[1,2,3]')", "vector_distance_cos('[1,2,3]', f32)",
		"vector_distance_l2(f16, vector16('[1,2,3]'))", "vector_distance_cos(f8, vector8('[1,2,3]'))",
		"vector_distance_cos(f64, vector64('[1,2,3]'))", "vector_distance_cos(bit, vector1bit('[1,2,3]'))",
		"vector_distance_dot(f64, f64)", "vector_distance_l1(f32, f32)", "vector_distance_hamming(f32, f32)", "vector_distance_jaccard(f16, f16)",
	} {
		st, _, err := c.Prepare("SELECT sum(" + expr + ") FROM t")
		if err != nil {
			t.Fatal(err)
		}
		allocs := testing.AllocsPerRun(3, func() {
			if !st.Step() {
				t.Fatal(st.Err())
			}
			if err := st.Reset(); err != nil {
				t.Fatal(err)
			}
		})
		// Under the race detector the driver's sync.Pool loses every other slice.
		if allocs > rows*3/4 {
			t.Errorf("%s: %.0f allocations in %d rows", expr, allocs, rows)
		}
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"nearlite": func() { os.Exit(run()) }})
}

// TestScripts runs the command line as users do; testdata/*.txtar are the scripts.
// Besides testscript's own commands they know:
//
//	jsonsets FILE N...  FILE holds as many JSON arrays as numbers are given, of
//	                    so many objects each
//	same FILE COPY      both files have the same bytes
//	bytes FILE TEXT     writes a binary file; TEXT is a JSON string of bytes
//	head FILE NEW N     NEW gets the first N bytes of FILE
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"jsonsets": cmdJSONSets,
			"same":     cmdSame,
			"bytes":    cmdBytes,
			"head":     cmdHead,
		},
		Setup: func(env *testscript.Env) error {
			dir, err := filepath.Abs("../../examples/data/tiny")
			env.Setenv("TINY", dir)
			return err
		},
	})
}

func cmdJSONSets(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: jsonsets FILE N...")
	}
	dec := json.NewDecoder(bytes.NewReader([]byte(ts.ReadFile(args[0]))))
	for i := 1; ; i++ {
		var set []map[string]any
		err := dec.Decode(&set)
		if errors.Is(err, io.EOF) && i == len(args) {
			return
		}
		if err != nil {
			ts.Fatalf("result set %d: %v, want %d sets", i, err, len(args)-1)
		}
		if i >= len(args) {
			ts.Fatalf("got a result set %d, want %d", i, len(args)-1)
		}
		var want int
		ts.Check(json.Unmarshal([]byte(args[i]), &want))
		if len(set) != want {
			ts.Fatalf("result set %d: got %d rows, want %d", i, len(set), want)
		}
	}
}

func cmdSame(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: [!] same FILE COPY")
	}
	if same := ts.ReadFile(args[0]) == ts.ReadFile(args[1]); same == neg {
		ts.Fatalf("%s and %s: same is %v", args[0], args[1], same)
	}
}

func cmdBytes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: bytes FILE TEXT")
	}
	var text string
	ts.Check(json.Unmarshal([]byte(`"`+args[1]+`"`), &text))
	content := make([]byte, 0, len(text))
	for _, r := range text { // \u00ff is the byte 0xff
		if r > 0xff {
			ts.Fatalf("%q is no byte", r)
		}
		content = append(content, byte(r))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), content, 0o600))
}

func cmdHead(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: head FILE NEW N")
	}
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	content := ts.ReadFile(args[0])
	if len(content) <= n {
		ts.Fatalf("%s has only %d bytes", args[0], len(content))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(content[:n]), 0o600))
}

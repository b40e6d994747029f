// Command server measures nearlite serve under load, and then kills it.
//
//	go build -o bin/nearlite ./cmd/nearlite
//	(cd server/clienttest && npm ci)
//	go run ./bench/server -server bin/nearlite -clients server/clienttest -time 60s
//
// It loads the vectors of a set with -data, such as data/wordnet (50,000 embeddings of
// 512 dimensions; bench/ann/README.md says where sets come from), else clustered random
// ones; it measures SELECT 1 over the same protocol and
// connections as a yardstick, then vector_top_k, each also while one writer inserts at a
// fixed rate, and prints throughput, p50, p99 and the processor time of server and client
// per request. The clients are a lean one, which shows what the server costs, and with
// -clients the published ones, which show what their users get; they take turns. Recall
// against an exact scan stands beside the speed. Last it sends SIGKILL in the middle
// of writing, starts the server again and checks that the indexes are sound and that
// every acknowledged row is there.
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

type options struct {
	binary      string
	rows, dims  int
	connections int
	rate        int
	time        time.Duration
	data        string
	sync        string
	tenants     int
	clients     string
	slice       time.Duration
	file        string
}

func main() {
	var o options
	flag.StringVar(&o.binary, "server", "", "the nearlite binary")
	flag.IntVar(&o.rows, "rows", 50_000, "rows before the load")
	flag.IntVar(&o.dims, "dims", 512, "dimensions")
	flag.IntVar(&o.connections, "connections", 32, "clients at once")
	flag.IntVar(&o.rate, "rate", 200, "rows a second that the writer inserts")
	flag.DurationVar(&o.time, "time", 60*time.Second, "of each measurement")
	flag.StringVar(&o.data, "data", "", "folder with docs.f16.gz and queries.f16.gz of -dims dimensions; generated vectors if empty")
	flag.StringVar(&o.sync, "synchronous", "full", "full or normal")
	flag.IntVar(&o.tenants, "tenants", 0, "touch so many databases at random instead")
	flag.StringVar(&o.clients, "clients", "", "folder of the client tests (server/clienttest, after npm ci): measure its clients, too")
	flag.DurationVar(&o.slice, "slice", 5*time.Second, "each client's turn")
	flag.StringVar(&o.file, "db", "", "database file, which stays; it is filled if it is not there")
	flag.Parse()
	if o.binary == "" {
		fmt.Fprintln(os.Stderr, "server: want -server FILE")
		os.Exit(2)
	}
	what := run
	if o.tenants > 0 {
		what = tenants
	}
	if err := what(&o); err != nil {
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(1)
	}
}

// child is a running server.
type child struct {
	cmd  *exec.Cmd
	url  string
	http *http.Client
}

func start(o *options, file string) (*child, error) {
	return launch(o, "--db", file)
}

// launch runs nearlite serve and waits for its address.
func launch(o *options, flags ...string) (*child, error) {
	cmd := exec.Command(o.binary, append([]string{"serve", "--listen", "127.0.0.1:0", "--synchronous", o.sync, "--slow-query", "0"}, flags...)...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(stderr)
	address := regexp.MustCompile(`address=(\S+)`)
	for lines.Scan() {
		if m := address.FindStringSubmatch(lines.Text()); m != nil {
			go func() {
				for lines.Scan() {
					fmt.Fprintln(os.Stderr, "  server:", lines.Text())
				}
			}()
			transport := &http.Transport{MaxIdleConnsPerHost: 2 * o.connections}
			return &child{cmd, "http://" + m[1], &http.Client{Transport: transport, Timeout: 10 * time.Minute}}, nil
		}
	}
	return nil, errors.New("the server did not start")
}

// cpu is the processor time that the server has used.
func (c *child) cpu() time.Duration {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * 10 * time.Millisecond // clock ticks of 1/100 s
}

// body is the request of one statement on a stream of its own.
func body(sql string, blobs ...[]byte) []byte {
	var b bytes.Buffer
	b.WriteString(`{"requests":[{"type":"execute","stmt":{"sql":`)
	text, _ := json.Marshal(sql)
	b.Write(text)
	b.WriteString(`,"args":[`)
	for i, blob := range blobs {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"type":"blob","base64":"`)
		b.WriteString(base64.RawStdEncoding.EncodeToString(blob))
		b.WriteString(`"}`)
	}
	b.WriteString(`]}},{"type":"close"}]}`)
	return b.Bytes()
}

// request runs one statement on a stream of its own and returns the rows' values.
func (c *child) request(sql string, blobs ...[]byte) ([][]string, error) {
	return c.send(body(sql, blobs...))
}

// post sends a body and returns the answer.
func (c *child) post(body []byte) ([]byte, error) {
	resp, err := c.http.Post(c.url+"/v2/pipeline", "application/json", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", resp.StatusCode, answer)
	}
	return answer, err
}

// expect sends a body and counts integers in the answer, without taking it apart: the
// client's time is not what is measured.
func (c *child) expect(body []byte, integers int) error {
	answer, err := c.post(body)
	if err != nil {
		return err
	}
	if n := bytes.Count(answer, []byte(`{"type":"integer"`)); n != integers || bytes.Contains(answer, []byte(`{"type":"error"`)) {
		return fmt.Errorf("%d values, want %d: %s", n, integers, answer)
	}
	return nil
}

func (c *child) send(body []byte) ([][]string, error) {
	answer, err := c.post(body)
	if err != nil {
		return nil, err
	}
	var reply struct {
		Results []struct {
			Error    *struct{ Message string }
			Response struct {
				Result struct {
					Rows [][]struct{ Value any }
				}
			}
		}
	}
	if err := json.Unmarshal(answer, &reply); err != nil {
		return nil, err
	}
	if e := reply.Results[0].Error; e != nil {
		return nil, errors.New(e.Message)
	}
	var rows [][]string
	for _, r := range reply.Results[0].Response.Result.Rows {
		var row []string
		for _, v := range r {
			row = append(row, fmt.Sprint(v.Value))
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// writing is a writer at work.
type writing struct {
	acked atomic.Int64  // greatest id that was acknowledged
	done  chan struct{} // closed when it has ended
	err   error         // what it ended with; good once done is closed
}

// writer inserts rows at a rate until stop is closed, or an insert fails.
func (c *child) writer(o *options, vs *vectors, next int64, stop <-chan struct{}) *writing {
	w := &writing{done: make(chan struct{})}
	go func() {
		defer close(w.done)
		rng := rand.New(rand.NewPCG(99, uint64(next)))
		tick := time.NewTicker(time.Second / 20)
		defer tick.Stop()
		begin := time.Now()
		for id := next; ; {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			// What is due since the last insert, in one statement: an acknowledged row
			// is a committed one.
			due := int64(time.Since(begin).Seconds()*float64(o.rate)) - (id - next)
			if due = min(due, 500); due < 1 {
				continue
			}
			var blobs [][]byte
			var rows []string
			for i := range due {
				blobs = append(blobs, vs.added(rng))
				rows = append(rows, fmt.Sprintf("(%d,?)", id+i))
			}
			if _, err := c.request("INSERT INTO docs(id, e) VALUES "+strings.Join(rows, ","), blobs...); err != nil {
				w.err = fmt.Errorf("insert of rows %d to %d: %w", id, id+due-1, err)
				return
			}
			id += due
			w.acked.Store(id - 1)
		}
	}()
	return w
}

// searchSQL is what the clients run, hits the rows it returns.
const (
	searchSQL = "SELECT id FROM vector_top_k('docs_vec', ?, 10)"
	hits      = 10
)

func run(o *options) error {
	dir, err := os.MkdirTemp("", "nearlite-bench-server-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "bench.db")
	if o.file != "" {
		file = o.file
	}
	_, missing := os.Stat(file)
	c, err := start(o, file)
	if err != nil {
		return err
	}
	defer func() { _ = c.cmd.Process.Kill(); _ = c.cmd.Wait() }()
	vs, err := newVectors(o)
	if err != nil {
		return err
	}
	if missing != nil {
		begin := time.Now()
		if err := c.fill(o, vs); err != nil {
			return err
		}
		fmt.Printf("%d rows of %d dimensions loaded and indexed in %.1f s\n", o.rows, o.dims, time.Since(begin).Seconds())
	}
	rng := rand.New(rand.NewPCG(3, 7))
	queries := make([][]byte, 8192)
	for i := range queries {
		queries[i] = vs.query(rng)
	}
	clients := []contestant{newLean(c, o.connections, queries)}
	if o.clients != "" {
		shared := filepath.Join(dir, "queries")
		data := binary.LittleEndian.AppendUint32(nil, uint32(4*o.dims))
		if err := os.WriteFile(shared, append(data, bytes.Join(queries, nil)...), 0o600); err != nil {
			return err
		}
		all, err := startPublished(o.clients, c.url, o.connections, shared)
		if err != nil {
			return err
		}
		for _, p := range all {
			defer p.stop()
			clients = append(clients, p)
		}
	}
	if err := c.contest(o, vs, clients); err != nil {
		return err
	}
	if err := c.recall(vs); err != nil {
		return err
	}
	return kill(o, c, file, vs)
}

// phases are what each client does; "beside a writer" is the load that counts.
var phases = []struct {
	title  string
	work   work
	writer bool
}{
	{"SELECT 1", selectOne, false},
	{"vector_top_k", topK, false},
	{"SELECT 1 beside a writer", selectOne, true},
	{"vector_top_k beside a writer", topK, true},
}

// contest lets the clients work in turns, a slice of time each, so that what else the
// machine does meets all of them.
func (c *child) contest(o *options, vs *vectors, clients []contestant) error {
	results := make([][]measured, len(clients))
	for i := range results {
		results[i] = make([]measured, len(phases))
	}
	next, err := c.lastID()
	if err != nil {
		return err
	}
	var written int64
	var seconds float64
	var failures []error
	slice := min(o.slice, o.time)
	for round := range int((o.time + slice - 1) / slice) {
		for i := range clients {
			client := clients[(i+round)%len(clients)]
			at := slices.Index(clients, client)
			for n, ph := range phases {
				stop := make(chan struct{})
				var w *writing
				if ph.writer {
					w = c.writer(o, vs, next+1, stop)
				}
				cpu := c.cpu()
				m, err := client.load(ph.work, slice)
				if err != nil {
					return err
				}
				m.cpu = c.cpu() - cpu
				close(stop)
				if ph.writer {
					<-w.done
					seconds += m.seconds
					if last := w.acked.Load(); last > next {
						written += last - next
						next = last
					}
					if w.err != nil {
						failures = append(failures, w.err)
						if next, err = c.lastID(); err != nil { // it may be there all the same
							return err
						}
					}
				}
				results[at][n].add(m)
			}
		}
	}
	fmt.Printf("the writer inserted %d rows (%.0f/s), %d failures\n", written, float64(written)/max(seconds, 1e-9), len(failures))
	failed := errors.Join(failures...)
	for i, client := range clients {
		fmt.Println(client.name())
		one := &results[i][0]
		for n := range phases {
			m := &results[i][n]
			fmt.Printf("  %-28s %s", phases[n].title, m)
			if phases[n].work == topK {
				// Where other programs take the processor now and then, the second says more.
				fmt.Printf("  %3.0f %% of SELECT 1, by processor time %3.0f %%", 100*m.perSecond()/one.perSecond(),
					100*float64(one.each(one.cpu+one.own))/float64(max(m.each(m.cpu+m.own), 1)))
			}
			fmt.Println()
			failed = errors.Join(failed, m.first)
		}
	}
	return failed
}

// lastID is the greatest id in the table.
func (c *child) lastID() (int64, error) {
	rows, err := c.request("SELECT max(id) FROM docs")
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(rows[0][0], 10, 64)
}

// fill loads the rows in batches and makes the index afterwards.
func (c *child) fill(o *options, vs *vectors) error {
	if _, err := c.request("CREATE TABLE docs(id INTEGER PRIMARY KEY, e F32_BLOB(" + strconv.Itoa(o.dims) + "))"); err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(5, 5))
	const most = 500
	for from := 0; from < o.rows; from += most {
		n := min(most, o.rows-from)
		blobs := make([][]byte, n)
		for i := range blobs {
			blobs[i] = vs.row(from+i, rng)
		}
		if _, err := c.request("INSERT INTO docs(e) VALUES "+strings.TrimSuffix(strings.Repeat("(?),", n), ","), blobs...); err != nil {
			return err
		}
	}
	_, err := c.request("CREATE INDEX docs_vec ON docs(libsql_vector_idx(e))")
	return err
}

// recallQueries are as many as keep the error of what recall prints within 0.015.
const recallQueries = 100

// recall compares searches with an exact scan.
func (c *child) recall(vs *vectors) error {
	rng := rand.New(rand.NewPCG(11, 3))
	same, total := 0, 0
	for range recallQueries {
		q := vs.query(rng)
		found, err := c.request(searchSQL, q)
		if err != nil {
			return err
		}
		exact, err := c.request("SELECT id FROM docs ORDER BY vector_distance_cos(e, ?) LIMIT 10", q)
		if err != nil {
			return err
		}
		for _, e := range exact {
			total++
			if slices.ContainsFunc(found, func(f []string) bool { return f[0] == e[0] }) {
				same++
			}
		}
	}
	fmt.Printf("recall@10 against an exact scan: %.3f\n", float64(same)/float64(total))
	return nil
}

// kill ends the server with SIGKILL in the middle of writing and looks at what is
// left.
func kill(o *options, c *child, file string, vs *vectors) error {
	last, err := c.lastID()
	if err != nil {
		return err
	}
	stop := make(chan struct{})
	w := c.writer(o, vs, last+1, stop)
	time.Sleep(3 * time.Second)
	if err := c.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-w.done
	close(stop)
	_ = c.cmd.Wait()
	again, err := start(o, file)
	if err != nil {
		return err
	}
	defer func() {
		_ = again.cmd.Process.Signal(syscall.SIGTERM)
		_ = again.cmd.Wait()
	}()
	check, err := again.request("PRAGMA integrity_check")
	if err != nil {
		return err
	}
	count, err := again.request(fmt.Sprintf("SELECT count(*) FROM docs WHERE id <= %d", w.acked.Load()))
	if err != nil {
		return err
	}
	fmt.Printf("killed after %d acknowledged rows: integrity_check %s, %s of %d rows are there\n", w.acked.Load()-last, check[0][0], count[0][0], w.acked.Load())
	if check[0][0] != "ok" || count[0][0] != strconv.FormatInt(w.acked.Load(), 10) {
		return errors.New("the database is not what was acknowledged")
	}
	return nil
}

// Command server measures nearlite serve under load, and then kills it.
//
//	go build -o bin/nearlite ./cmd/nearlite
//	go run ./bench/server -server bin/nearlite -rows 50000 -dims 512 -time 60s
//
// It loads clustered random vectors, measures SELECT 1 over the same protocol and
// connections as a yardstick, then vector_top_k while one writer inserts at a fixed
// rate, and prints throughput, p50, p99 and the server's CPU time per request. Recall
// against an exact scan stands beside the speed. Last it sends SIGKILL in the middle
// of the load, starts the server again and checks that the indexes are sound and that
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
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
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
	sync        string
	tenants     int
}

func main() {
	var o options
	flag.StringVar(&o.binary, "server", "", "the nearlite binary")
	flag.IntVar(&o.rows, "rows", 50_000, "rows before the load")
	flag.IntVar(&o.dims, "dims", 512, "dimensions")
	flag.IntVar(&o.connections, "connections", 32, "clients at once")
	flag.IntVar(&o.rate, "rate", 200, "rows a second that the writer inserts")
	flag.DurationVar(&o.time, "time", 60*time.Second, "of each measurement")
	flag.StringVar(&o.sync, "synchronous", "full", "full or normal")
	flag.IntVar(&o.tenants, "tenants", 0, "touch so many databases at random instead")
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

// vectors draws clustered vectors of length one.
type vectors struct {
	dims    int
	centers [][]float32
}

func newVectors(dims int) *vectors {
	rng := rand.New(rand.NewPCG(1, 2))
	v := &vectors{dims: dims}
	for range 256 {
		c := make([]float32, dims)
		for i := range c {
			c[i] = float32(rng.NormFloat64())
		}
		v.centers = append(v.centers, c)
	}
	return v
}

func (v *vectors) draw(rng *rand.Rand) []byte {
	center := v.centers[rng.IntN(len(v.centers))]
	x := make([]float64, v.dims)
	var norm float64
	for i := range x {
		x[i] = float64(center[i]) + rng.NormFloat64()
		norm += x[i] * x[i]
	}
	norm = math.Sqrt(norm)
	b := make([]byte, 0, 4*v.dims)
	for _, f := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(f/norm)))
	}
	return b
}

// measured is the outcome of a load.
type measured struct {
	requests int
	seconds  float64
	p50, p99 time.Duration
	cpu      time.Duration // of the server, per request
	own      time.Duration // of this program, per request
	errors   int
	first    error
}

func (m measured) perSecond() float64 { return float64(m.requests) / m.seconds }

func (m measured) String() string {
	return fmt.Sprintf("%8.0f req/s  p50 %6.2f ms  p99 %7.2f ms  CPU a request: server %5.3f ms, client %5.3f ms  %d requests, %d errors",
		m.perSecond(), ms(m.p50), ms(m.p99), ms(m.cpu), ms(m.own), m.requests, m.errors)
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// load runs fn on so many connections for a time.
func (c *child) load(o *options, fn func(rng *rand.Rand) error) measured {
	var mu sync.Mutex
	var m measured
	var took []time.Duration
	var wg sync.WaitGroup
	cpu, own, begin := c.cpu(), ownCPU(), time.Now()
	for w := range o.connections {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(w), 7))
			var own []time.Duration
			for time.Since(begin) < o.time {
				t := time.Now()
				if err := fn(rng); err != nil {
					mu.Lock()
					m.errors++
					m.first = errors.Join(m.first, err)
					stop := m.errors > 100
					mu.Unlock()
					if stop {
						return
					}
					continue
				}
				own = append(own, time.Since(t))
			}
			mu.Lock()
			took = append(took, own...)
			mu.Unlock()
		})
	}
	wg.Wait()
	m.seconds = time.Since(begin).Seconds()
	m.requests = len(took)
	if m.requests > 0 {
		slices.Sort(took)
		m.p50, m.p99 = took[len(took)/2], took[len(took)*99/100]
		m.cpu = (c.cpu() - cpu) / time.Duration(m.requests)
		m.own = (ownCPU() - own) / time.Duration(m.requests)
	}
	return m
}

// ownCPU is the processor time that this program has used.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// writer inserts rows at a rate until stop is closed; acked is the greatest id that
// was acknowledged.
func (c *child) writer(o *options, vs *vectors, next int64, stop <-chan struct{}) (acked *atomic.Int64, failures *atomic.Int64, done <-chan struct{}) {
	acked, failures = &atomic.Int64{}, &atomic.Int64{}
	finished := make(chan struct{})
	go func() {
		defer close(finished)
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
				blobs = append(blobs, vs.draw(rng))
				rows = append(rows, fmt.Sprintf("(%d,?)", id+i))
			}
			if _, err := c.request("INSERT INTO docs(id, e) VALUES "+strings.Join(rows, ","), blobs...); err != nil {
				failures.Add(1)
				return
			}
			id += due
			acked.Store(id - 1)
		}
	}()
	return acked, failures, finished
}

func run(o *options) error {
	dir, err := os.MkdirTemp("", "nearlite-bench-server-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "bench.db")
	c, err := start(o, file)
	if err != nil {
		return err
	}
	defer func() { _ = c.cmd.Process.Kill(); _ = c.cmd.Wait() }()
	vs := newVectors(o.dims)
	begin := time.Now()
	if err := c.fill(o, vs); err != nil {
		return err
	}
	fmt.Printf("%d rows of %d dimensions loaded and indexed in %.1f s\n", o.rows, o.dims, time.Since(begin).Seconds())

	// Requests are made beforehand: what is measured is the protocol and the server.
	plain := body("SELECT 1")
	rng := rand.New(rand.NewPCG(3, 7))
	searches := make([][]byte, 8192)
	for i := range searches {
		searches[i] = body("SELECT id FROM vector_top_k('docs_vec', ?, 10)", vs.draw(rng))
	}
	one := c.load(o, func(*rand.Rand) error {
		return c.expect(plain, 1)
	})
	fmt.Println("SELECT 1                    ", one)
	top := func(rng *rand.Rand) error {
		return c.expect(searches[rng.IntN(len(searches))], 10)
	}
	alone := c.load(o, top)
	fmt.Println("vector_top_k                ", alone)
	stop := make(chan struct{})
	acked, failures, done := c.writer(o, vs, int64(o.rows)+1, stop)
	search := c.load(o, top)
	close(stop)
	<-done
	fmt.Println("vector_top_k beside a writer", search)
	written := acked.Load() - int64(o.rows)
	fmt.Printf("the writer inserted %d rows (%.0f/s), %d failures\n", written, float64(written)/search.seconds, failures.Load())
	fmt.Printf("vector_top_k reaches %.0f %% of SELECT 1 alone, %.0f %% beside the writer\n", 100*alone.perSecond()/one.perSecond(), 100*search.perSecond()/one.perSecond())
	// Where other programs take the processor now and then, this says more.
	fmt.Printf("by processor time, client and server: %.0f %% and %.0f %%\n", 100*float64(one.cpu+one.own)/float64(alone.cpu+alone.own),
		100*float64(one.cpu+one.own)/float64(search.cpu+search.own))
	if err := c.recall(vs); err != nil {
		return err
	}
	if err := errors.Join(one.first, alone.first, search.first); err != nil {
		return err
	}
	return kill(o, c, file, vs)
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
			blobs[i] = vs.draw(rng)
		}
		if _, err := c.request("INSERT INTO docs(e) VALUES "+strings.TrimSuffix(strings.Repeat("(?),", n), ","), blobs...); err != nil {
			return err
		}
	}
	_, err := c.request("CREATE INDEX docs_vec ON docs(libsql_vector_idx(e))")
	return err
}

// recall compares some searches with an exact scan.
func (c *child) recall(vs *vectors) error {
	rng := rand.New(rand.NewPCG(11, 3))
	hits, total := 0, 0
	for range 20 {
		q := vs.draw(rng)
		found, err := c.request("SELECT id FROM vector_top_k('docs_vec', ?, 10)", q)
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
				hits++
			}
		}
	}
	fmt.Printf("recall@10 against an exact scan: %.3f\n", float64(hits)/float64(total))
	return nil
}

// kill ends the server with SIGKILL in the middle of writing and looks at what is
// left.
func kill(o *options, c *child, file string, vs *vectors) error {
	rows, err := c.request("SELECT max(id) FROM docs")
	if err != nil {
		return err
	}
	last, err := strconv.ParseInt(rows[0][0], 10, 64)
	if err != nil {
		return err
	}
	stop := make(chan struct{})
	acked, _, done := c.writer(o, vs, last+1, stop)
	time.Sleep(3 * time.Second)
	if err := c.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-done
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
	count, err := again.request(fmt.Sprintf("SELECT count(*) FROM docs WHERE id <= %d", acked.Load()))
	if err != nil {
		return err
	}
	fmt.Printf("killed after %d acknowledged rows: integrity_check %s, %s of %d rows are there\n", acked.Load()-last, check[0][0], count[0][0], acked.Load())
	if check[0][0] != "ok" || count[0][0] != strconv.FormatInt(acked.Load(), 10) {
		return errors.New("the database is not what was acknowledged")
	}
	return nil
}

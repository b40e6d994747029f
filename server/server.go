package server

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/nearlite/nearlite/sqlext/host"
)

// Server serves the databases of its Config. It is safe for many goroutines.
type Server struct {
	config    Config
	log       *slog.Logger
	auth      authorizer
	gate      *gate
	streams   *streams
	databases *databases
	metrics   *metrics
	sockets   sockets

	stop    context.CancelFunc
	life    context.Context // done when the server closes
	workers sync.WaitGroup
}

// New checks the configuration, opens the one file if there is one, and starts the
// clocks of streams and databases. Close must be called.
func New(config Config) (*Server, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	s := &Server{config: config, log: config.Log, streams: newStreams()}
	s.gate = newGate(&s.config.Limits)
	s.metrics = newMetrics(s)
	s.databases = newDatabases(&s.config, s.metrics)
	s.SetAuth(config.Auth)
	if config.File != "" {
		l, err := s.databases.link(context.Background(), defaultName, false, 0)
		if err != nil {
			return nil, err
		}
		l.db.release(l)
	}
	s.life, s.stop = context.WithCancel(context.Background())
	s.workers.Go(func() { s.streams.sweeper(s.life, &s.config.Limits) })
	s.workers.Go(func() { s.databases.sweeper(s.life) })
	return s, nil
}

// SetAuth replaces the rules of who may do what, for the requests to come.
func (s *Server) SetAuth(a Auth) { s.auth.rules.Store(&a) }

// Close ends the streams and the WebSockets, undoes their transactions and closes the
// databases, whose write-ahead logs move into the files. Requests over HTTP must have ended, see
// [Server.Drain] for the others; those that have not when ctx is done lose their connection.
func (s *Server) Close(ctx context.Context) error {
	s.stop()
	s.workers.Wait()
	_ = s.sockets.wait(ctx, true)
	s.streams.sweep(&s.config.Limits, time.Now(), func(*stream) bool { return true })
	return s.databases.close(ctx)
}

// ran notes a statement that ended: for the metrics, and in the log if it was slow.
func (s *Server) ran(l *link, text string, st *statement, took time.Duration, err error) {
	result := "ok"
	if err != nil {
		result = toHrana(err).Code
	}
	s.metrics.statements.WithLabelValues(result).Inc()
	if s.config.SlowQuery <= 0 || took < s.config.SlowQuery {
		return
	}
	s.metrics.slow.Inc()
	whole := text
	if !s.config.LogValues {
		text = withoutLiterals(text)
	}
	attrs := []any{"database", l.db.name, "ms", took.Milliseconds(), "sql", clipSQL(text), "result", result}
	if st != nil {
		if s.config.LogValues {
			attrs = append(attrs, "args", describeArgs(st))
		}
		if plan := queryPlan(l, whole); plan != "" {
			attrs = append(attrs, "plan", plan)
		}
	}
	s.log.Warn("slow statement", attrs...)
}

// clipSQL shortens the text of a statement for the log.
func clipSQL(text string) string {
	const most = 2000
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}

func describeArgs(st *statement) []string {
	var out []string
	show := func(name string, v host.Value) {
		text := string(appendValue(nil, v))
		if len(text) > 80 {
			text = v.KindName()
		}
		out = append(out, name+text)
	}
	for _, a := range st.Args {
		show("", a.Value)
	}
	for _, a := range st.NamedArgs {
		show(*a.Name+"=", a.Value.Value)
	}
	return out
}

// queryPlan is SQLite's plan of a statement, one step after the other.
func queryPlan(l *link, text string) (plan string) {
	if l.broken || l.session == nil {
		return ""
	}
	_ = safely(func() error {
		// That of a statement which was stopped is of interest most of all.
		old := l.session.SetInterrupt(context.Background())
		defer l.session.SetInterrupt(old)
		p, err := l.session.Prepare("EXPLAIN QUERY PLAN " + text)
		if err != nil {
			return err
		}
		defer p.Release()
		for {
			more, err := p.Step()
			if !more || err != nil {
				return err
			}
			if plan != "" {
				plan += "; "
			}
			plan += p.Column(3).String()
		}
	})
	return plan
}

// Version is what GET /version says.
func (s *Server) version() string {
	if s.config.Version != "" {
		return s.config.Version
	}
	return "nearlite"
}

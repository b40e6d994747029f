package server

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics are what GET /metrics shows. Nothing depends on them.
type metrics struct {
	registry   *prometheus.Registry
	requests   *prometheus.CounterVec
	seconds    *prometheus.HistogramVec
	statements *prometheus.CounterVec
	writerWait prometheus.Histogram
	refused    prometheus.Counter
	panics     prometheus.Counter
	slow       prometheus.Counter
}

func newMetrics(s *Server) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nearlite_http_requests_total", Help: "HTTP requests by kind and status.",
		}, []string{"kind", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "nearlite_request_seconds", Help: "Time from a request's body to its answer, by kind.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2.5, 14),
		}, []string{"kind"}),
		statements: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nearlite_statements_total", Help: "SQL statements by result: ok or the error's code.",
		}, []string{"result"}),
		writerWait: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "nearlite_writer_wait_seconds", Help: "Wait for the turn to write, of those that had to.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2.5, 14),
		}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "nearlite_refused_requests_total", Help: "Requests answered with 503 because the server was full.",
		}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "nearlite_panics_total", Help: "Requests that ended in a panic.",
		}),
		slow: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "nearlite_slow_statements_total", Help: "Statements slower than the slow-query limit.",
		}),
	}
	m.registry.MustRegister(
		m.requests, m.seconds, m.statements, m.writerWait, m.refused, m.panics, m.slow,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "nearlite_open_streams", Help: "Streams that wait for their next request.",
		}, func() float64 { return float64(s.streams.count()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "nearlite_running_requests", Help: "Requests that run at this moment.",
		}, func() float64 { return float64(len(s.gate.slots)) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "nearlite_open_databases", Help: "Database files that are open.",
		}, func() float64 { return float64(s.databases.count()) }),
		indexMetrics{s}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

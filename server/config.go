package server

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"
)

// Config says what a server serves. One of File and Dir is required.
type Config struct {
	File string // the one database
	Dir  string // a folder of databases, NAME.db each

	Limits Limits
	Auth   Auth

	// Admin turns on the admin API without a token, for a server that only this
	// machine can reach.
	OpenAdmin bool

	CORSOrigin  string        // Access-Control-Allow-Origin; "": none
	Synchronous string        // "full" (default): commits survive a power cut; "normal": a crash of the program
	SlowQuery   time.Duration // statements that take longer are logged with their plan; 0: none
	LogValues   bool          // the slow-query log may show the values of parameters and literals
	Log         *slog.Logger  // nil: slog.Default()
	Version     string        // for GET /version
}

// Limits bound what clients can use up. Zero fields mean the default.
type Limits struct {
	RequestTimeout   time.Duration // one HTTP request, one WebSocket request; default 5 min
	BusyTimeout      time.Duration // wait for the turn to write; default 5 s
	TransactionIdle  time.Duration // an open transaction without requests is undone; default 10 s
	TransactionLife  time.Duration // a transaction that is open for longer is undone; default 5 min
	StreamIdle       time.Duration // a stream without transaction and requests ends; default 10 min
	DetachIdle       time.Duration // such a stream gives its connection back; default 30 s
	QueueTimeout     time.Duration // wait for a place to run; default 5 s
	Concurrent       int           // requests that run at once; default 4 for each processor
	Queue            int           // requests that may wait for a place; default 1024
	Streams          int           // open streams; default 1024
	StoredSQL        int           // texts of store_sql in a stream; default 128
	StoredBytes      int           // their size together; default 1 MiB
	RequestBytes     int64         // of a request's body; default 64 MiB
	ResponseBytes    int           // of the rows in one answer; default 64 MiB
	OpenDatabases    int           // files open at once in a folder; default 200
	DatabaseIdle     time.Duration // a database without use is closed; default 1 min
	ConnectionsPerDB int           // connections of one database; default 64
}

func (l Limits) withDefaults() Limits {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	num := func(n *int, v int) {
		if *n <= 0 {
			*n = v
		}
	}
	def(&l.RequestTimeout, 5*time.Minute)
	def(&l.BusyTimeout, 5*time.Second)
	def(&l.TransactionIdle, 10*time.Second)
	def(&l.TransactionLife, 5*time.Minute)
	def(&l.StreamIdle, 10*time.Minute)
	def(&l.DetachIdle, 30*time.Second)
	def(&l.QueueTimeout, 5*time.Second)
	def(&l.DatabaseIdle, time.Minute)
	num(&l.Concurrent, 4*runtime.GOMAXPROCS(0))
	num(&l.Queue, 1024)
	num(&l.Streams, 1024)
	num(&l.StoredSQL, 128)
	num(&l.StoredBytes, 1<<20)
	num(&l.ResponseBytes, 64<<20)
	num(&l.OpenDatabases, 200)
	num(&l.ConnectionsPerDB, 64)
	if l.RequestBytes <= 0 {
		l.RequestBytes = 64 << 20
	}
	return l
}

// Auth is who may do what. Its zero value lets everybody do everything but
// administer.
type Auth struct {
	Keys   []ed25519.PublicKey // of signed tokens (JWT, EdDSA)
	Tokens []Token             // known by heart
}

// Token is a static bearer token.
type Token struct {
	Secret    string
	Access    Access
	Databases []string // nil: all
}

// Access is what a token permits.
type Access uint8

// The permissions, each with all before it.
const (
	NoAccess Access = iota
	ReadOnly
	ReadWrite
	Admin
)

// Required reports whether clients need a token.
func (a *Auth) Required() bool { return len(a.Keys)+len(a.Tokens) > 0 }

func (c *Config) validate() error {
	if (c.File == "") == (c.Dir == "") {
		return errors.New("want one of a database file and a folder of databases")
	}
	switch c.Synchronous {
	case "":
		c.Synchronous = "full"
	case "full", "normal":
	default:
		return fmt.Errorf("synchronous is %q, want full or normal", c.Synchronous)
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	c.Limits = c.Limits.withDefaults()
	return nil
}

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/nearlite/nearlite/cmd/nearlite/internal/dbfile"
	"github.com/nearlite/nearlite/server"
)

// serveOptions are the flags of nearlite serve.
type serveOptions struct {
	listen, db, dir  string
	tokenFile        string
	keyFiles         []string
	tlsCert, tlsKey  string
	cors             string
	synchronous      string
	logFormat        string
	logValues        bool
	slow, stop       time.Duration
	timeout, txnIdle time.Duration
	txnLife          time.Duration
	busy             time.Duration
	maxResponse      int
	maxRequest       int
	concurrent       int
	openDatabases    int
}

func newServe() *cobra.Command {
	var opt serveOptions
	cmd := &cobra.Command{
		Use:   "serve (--db FILE | --dir FOLDER) [--listen ADDRESS]",
		Short: "Serve databases to libSQL clients",
		Long: `Serves a database, or a folder of databases, over the protocol of libSQL's clients (Hrana over HTTP
and WebSocket). An address that others can reach needs --auth-token-file or --auth-jwt-key.
SIGHUP reads the tokens and keys again; SIGINT and SIGTERM finish the running requests and stop.`,
		Example: `  nearlite serve --db docs.db
  nearlite serve --dir tenants --listen 0.0.0.0:8080 --auth-jwt-key key.pem --tls-cert cert.pem --tls-key key.pem`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd, &opt) },
	}
	f := cmd.Flags()
	f.StringVar(&opt.listen, "listen", "127.0.0.1:8080", "address and port")
	f.StringVar(&opt.db, "db", "", "the database file to serve; made if it does not exist")
	f.StringVar(&opt.dir, "dir", "", "a folder of databases to serve, NAME.db each")
	f.StringVar(&opt.tokenFile, "auth-token-file", "", "file of bearer tokens: on each line TOKEN [ro|rw|admin [DATABASE,...]]")
	f.StringArrayVar(&opt.keyFiles, "auth-jwt-key", nil, "file with an Ed25519 public key (PEM or base64) of signed tokens; may be repeated")
	f.StringVar(&opt.tlsCert, "tls-cert", "", "file with the TLS certificate chain, PEM")
	f.StringVar(&opt.tlsKey, "tls-key", "", "file with the TLS private key, PEM")
	f.StringVar(&opt.cors, "cors", "", "origin whose pages may use the server, such as https://app.example.com")
	f.StringVar(&opt.synchronous, "synchronous", "full", "full: a commit survives a power cut; normal: a crash of the program")
	f.StringVar(&opt.logFormat, "log-format", "text", "log on standard error: text or json")
	f.DurationVar(&opt.slow, "slow-query", time.Second, "log statements that take longer, with their plan; 0: none")
	f.BoolVar(&opt.logValues, "log-values", false, "show the values of parameters and literals in the log of slow statements")
	f.DurationVar(&opt.timeout, "request-timeout", 5*time.Minute, "longest time of a request")
	f.DurationVar(&opt.txnIdle, "transaction-timeout", 10*time.Second, "undo a transaction whose client is silent for so long")
	f.DurationVar(&opt.txnLife, "transaction-life", 5*time.Minute, "undo a transaction that is open for so long")
	f.DurationVar(&opt.busy, "busy-timeout", 5*time.Second, "longest wait of a writer for its turn")
	f.DurationVar(&opt.stop, "stop-timeout", 10*time.Second, "longest wait for running requests when stopping")
	f.IntVar(&opt.maxRequest, "max-request-mb", 64, "largest body of a request, in MiB")
	f.IntVar(&opt.maxResponse, "max-response-mb", 64, "most rows in an answer, in MiB")
	f.IntVar(&opt.concurrent, "max-concurrent", 0, "requests that run at once; 0: by the number of processors")
	f.IntVar(&opt.openDatabases, "max-open-databases", 200, "databases of a folder that are open at once")
	return cmd
}

func serve(cmd *cobra.Command, opt *serveOptions) (err error) {
	if err := opt.check(); err != nil {
		return err
	}
	auth, err := opt.auth()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", opt.listen)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	defer listener.Close()
	local := isLoopback(listener.Addr())
	if !local && !auth.Required() {
		return fmt.Errorf("--listen %s can be reached by others: give --auth-token-file or --auth-jwt-key, or listen on 127.0.0.1", opt.listen)
	}
	handler := slog.Handler(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
	if opt.logFormat == "json" {
		handler = slog.NewJSONHandler(cmd.ErrOrStderr(), nil)
	}
	log := slog.New(handler)
	srv, err := server.New(server.Config{
		File: opt.db, Dir: opt.dir, Auth: *auth, OpenAdmin: local,
		CORSOrigin: opt.cors, Synchronous: opt.synchronous, SlowQuery: opt.slow, LogValues: opt.logValues,
		Log: log, Version: "nearlite " + moduleVersion(),
		Limits: server.Limits{
			RequestTimeout: opt.timeout, TransactionIdle: opt.txnIdle, TransactionLife: opt.txnLife, BusyTimeout: opt.busy,
			RequestBytes: int64(opt.maxRequest) << 20, ResponseBytes: opt.maxResponse << 20,
			Concurrent: opt.concurrent, OpenDatabases: opt.openDatabases,
		},
	})
	if err != nil {
		return err
	}
	return opt.run(cmd.Context(), srv, listener, log)
}

// run serves until ctx is done, then finishes the requests and closes the databases.
func (o *serveOptions) run(ctx context.Context, srv *server.Server, listener net.Listener, log *slog.Logger) error {
	web := &http.Server{
		Handler: srv.Handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() {
		if o.tlsCert != "" {
			web.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
			failed <- web.ServeTLS(listener, o.tlsCert, o.tlsKey)
			return
		}
		failed <- web.Serve(listener)
	}()
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	log.Info("serving", "address", listener.Addr().String(), "tls", o.tlsCert != "", "database", o.db, "folder", o.dir)
	for {
		select {
		case err := <-failed:
			return errors.Join(err, srv.Close(context.Background()))
		case <-hup:
			auth, err := o.auth()
			if err != nil {
				log.Error("tokens and keys not read again, the old ones stay", "error", err)
				continue
			}
			srv.SetAuth(*auth)
			log.Info("tokens and keys read again")
		case <-ctx.Done():
			log.Info("stopping")
			limit, cancel := context.WithTimeout(context.Background(), o.stop)
			defer cancel()
			drained := make(chan error, 1)
			go func() { drained <- srv.Drain(limit) }()
			err := errors.Join(web.Shutdown(limit), <-drained)
			if err != nil {
				log.Warn("requests still run and are cut off", "error", err)
				err = web.Close()
			}
			end, cancelEnd := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancelEnd()
			err = errors.Join(err, srv.Close(end))
			log.Info("stopped")
			return err
		}
	}
}

func (o *serveOptions) check() error {
	switch {
	case (o.db == "") == (o.dir == ""):
		return errors.New("want one of --db FILE and --dir FOLDER")
	case (o.tlsCert == "") != (o.tlsKey == ""):
		return errors.New("--tls-cert and --tls-key belong together")
	case o.logFormat != "text" && o.logFormat != "json":
		return fmt.Errorf("--log-format is %q, want text or json", o.logFormat)
	case o.maxRequest < 1 || o.maxRequest > 1024:
		return fmt.Errorf("--max-request-mb is %d, want 1 to 1024", o.maxRequest)
	case o.maxResponse < 1 || o.maxResponse > 1024:
		return fmt.Errorf("--max-response-mb is %d, want 1 to 1024", o.maxResponse)
	case o.concurrent < 0:
		return fmt.Errorf("--max-concurrent is %d, want 0 or more", o.concurrent)
	case o.openDatabases < 1:
		return fmt.Errorf("--max-open-databases is %d, want 1 or more", o.openDatabases)
	case o.db == dbfile.Memory:
		return errors.New("--db :memory: would give each connection a database of its own, want a file")
	case o.db != "":
		return dbfile.Check(o.db, false)
	}
	info, err := os.Stat(o.dir)
	if err != nil || !info.IsDir() {
		return fmt.Errorf("--dir: there is no folder %s", o.dir)
	}
	return nil
}

// auth reads the files of tokens and keys.
func (o *serveOptions) auth() (*server.Auth, error) {
	a := &server.Auth{}
	if o.tokenFile != "" {
		text, err := os.ReadFile(o.tokenFile)
		if err != nil {
			return nil, fmt.Errorf("--auth-token-file: %w", err)
		}
		if a.Tokens, err = server.ParseTokens(string(text)); err != nil {
			return nil, fmt.Errorf("--auth-token-file: %s: %w", o.tokenFile, err)
		}
	}
	for _, file := range o.keyFiles {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("--auth-jwt-key: %w", err)
		}
		key, err := server.ParseKey(text)
		if err != nil {
			return nil, fmt.Errorf("--auth-jwt-key: %s: %w", file, err)
		}
		a.Keys = append(a.Keys, key)
	}
	return a, nil
}

// isLoopback reports whether only this machine can reach an address.
func isLoopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

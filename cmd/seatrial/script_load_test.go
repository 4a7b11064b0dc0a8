package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// firstRequest is the key of a channel among a script's values, which the first
// request that its server is to hang on closes.
type firstRequest struct{}

// serve starts a server whose URL is $URL. It answers 503 below /broken, and
// never below /hangs.
func serve(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: serve")
	}
	first := ts.Value(firstRequest{}).(chan struct{})
	seen := sync.OnceFunc(func() { close(first) })
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/broken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	mux.HandleFunc("/hangs", func(_ http.ResponseWriter, r *http.Request) { seen(); <-r.Context().Done() })
	server := httptest.NewServer(mux)
	ts.Defer(server.Close)
	ts.Setenv("URL", server.URL)
}

// interrupted CODE COMMAND… runs a command, interrupts it once the script's
// server hangs on its first request, and wants that exit code. What it printed goes to
// the files stdout and stderr.
func interrupted(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: interrupted CODE COMMAND…")
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(args[1], args[2:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = ts.MkAbs("."), &stdout, &stderr
	ts.Check(cmd.Start())
	<-ts.Value(firstRequest{}).(chan struct{})
	ts.Check(cmd.Process.Signal(os.Interrupt))
	cmd.Wait() // the exit code says it
	ts.Check(os.WriteFile(ts.MkAbs("stdout"), stdout.Bytes(), 0o644))
	ts.Check(os.WriteFile(ts.MkAbs("stderr"), stderr.Bytes(), 0o644))
	wantCode(ts, args, cmd.ProcessState.ExitCode())
}

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"seatrial": main})
}

// TestTheCommandLineKeepsItsContract runs testdata/script: what a user types,
// what it prints, and the exit code. Nothing here needs Docker.
func TestTheCommandLineKeepsItsContract(t *testing.T) {
	library, err := filepath.Abs("../../scenarios")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			// No Docker, and a state folder of its own, whatever this machine has.
			env.Setenv("DOCKER_HOST", "unix://"+filepath.Join(env.WorkDir, "no-docker.sock"))
			env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, "state"))
			env.Values[firstRequest{}] = make(chan struct{})
			return os.CopyFS(filepath.Join(env.WorkDir, "scenarios"), os.DirFS(library))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "serve": serve, "interrupted": interrupted},
	})
}

// exits CODE COMMAND… runs a command that must end with that exit code, or one of
// several: 0|3.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND…")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		code = failed.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v: %v", args[1:], err)
	}
	wantCode(ts, args, code)
}

// wantCode compares the exit code of a command with what comes before it: a code,
// or several, as in 0|3.
func wantCode(ts *testscript.TestScript, args []string, code int) {
	if !slices.Contains(strings.Split(args[0], "|"), strconv.Itoa(code)) {
		ts.Fatalf("%v ended with exit code %d, want %s", args[1:], code, args[0])
	}
}

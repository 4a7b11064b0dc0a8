package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func openTestCache(t *testing.T) *cache {
	t.Helper()
	c, err := openCache()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.close)
	return c
}

// writer is a part that counts how often it is built.
func writer(builds *int, fail *error) *part {
	return &part{name: "writer", build: func(_ context.Context, env buildEnv) error {
		*builds++
		if err := os.WriteFile(filepath.Join(env.dir, "out"), []byte("done"), 0o644); err != nil {
			return err
		}
		return *fail
	}}
}

func TestCacheBuildsOnce(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	builds, fail := 0, error(nil)
	c, p := openTestCache(t), writer(&builds, &fail)
	for range 2 {
		if err := c.build(t.Context(), p, func(string) {}); err != nil {
			t.Fatal(err)
		}
	}
	if builds != 1 {
		t.Errorf("built %d times", builds)
	}
	if got, err := os.ReadFile(c.path("writer", "out")); err != nil || string(got) != "done" {
		t.Errorf("the result is %q, %v", got, err)
	}
}

// What a failed build wrote must never be taken for a result.
func TestCacheForgetsFailures(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	builds, fail := 0, errors.New("interrupted")
	c, p := openTestCache(t), writer(&builds, &fail)
	if err := c.build(t.Context(), p, func(string) {}); !errors.Is(err, fail) {
		t.Fatalf("the error is %v", err)
	}
	fail = nil
	if err := c.build(t.Context(), p, func(string) {}); err != nil || builds != 2 {
		t.Errorf("after %d builds: %v", builds, err)
	}
}

func TestCacheTidiesUp(t *testing.T) {
	base := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", base)
	dir := filepath.Join(base, "seatrial", "node-image")
	ages := map[string]time.Duration{"tmp-kubelet-1": 0, "kubelet-old": keepUnused + time.Hour, "kubelet-new": time.Hour}
	for name, age := range ages {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		used := time.Now().Add(-age)
		if err := os.Chtimes(filepath.Join(dir, name), used, used); err != nil {
			t.Fatal(err)
		}
	}
	openTestCache(t)
	left, err := filepath.Glob(filepath.Join(dir, "*-*"))
	if err != nil || len(left) != 1 || filepath.Base(left[0]) != "kubelet-new" {
		t.Errorf("left: %q, %v", left, err)
	}
}

func TestPrintErrorShowsTheInnermostHint(t *testing.T) {
	var out strings.Builder
	printError(&out, hinted(hinted(errors.New("no space"), "free some disk"), "try again"))
	if want := "error: no space\nhint: free some disk\n"; out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestQuietlyShowsTheLastWords(t *testing.T) {
	err := quietly(command{"sh", "-c", "echo first; echo second >&2; exit 3"}.cmd(t.Context()))
	if err == nil || !strings.HasSuffix(err.Error(), "exit status 3\n  first\n  second") {
		t.Errorf("the error is %q", err)
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// keepUnused is how long a part that no build asks for stays in the cache.
const keepUnused = 30 * 24 * time.Hour

// cache is the folder of finished parts, NAME-HASH each. A part is built in a
// temporary folder and renamed, so what has its name is complete.
type cache struct {
	dir  string
	lock *os.File
	made map[string]string // finished parts of this run: name to folder
}

// openCache waits until no other build uses the cache, then tidies it up.
func openCache() (*cache, error) {
	base, err := os.UserCacheDir() // honours XDG_CACHE_HOME
	if err != nil {
		return nil, hinted(fmt.Errorf("finding the cache folder: %w", err), "set HOME or XDG_CACHE_HOME")
	}
	dir := filepath.Join(base, "seatrial", "node-image")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, hinted(fmt.Errorf("making the cache folder: %w", err), "set XDG_CACHE_HOME to a folder that you may write to")
	}
	lock, err := lockFile(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, err
	}
	c := &cache{dir: dir, lock: lock, made: map[string]string{}}
	return c, c.tidy()
}

func (c *cache) close() { c.lock.Close() }

func lockFile(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening the cache's lock: %w", err)
	}
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
		return f, nil
	}
	fmt.Fprintln(os.Stderr, "waiting for another build of the node image")
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, fmt.Errorf("waiting for the cache's lock: %w", err)
	}
	return f, nil
}

// tidy removes what interrupted builds left and what has not been used for long.
func (c *cache) tidy() error {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return fmt.Errorf("reading the cache: %w", err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			continue // removed by hand meanwhile
		}
		left := strings.HasPrefix(e.Name(), "tmp-")
		if left || e.IsDir() && time.Since(info.ModTime()) > keepUnused {
			if err := os.RemoveAll(filepath.Join(c.dir, e.Name())); err != nil {
				return fmt.Errorf("tidying the cache: %w", err)
			}
		}
	}
	return nil
}

// path is where an earlier part's file lies.
func (c *cache) path(part, file string) string { return filepath.Join(c.made[part], file) }

// buildAll makes every part but the last, which is the image.
func (c *cache) buildAll(ctx context.Context, parts []*part) error {
	for i, p := range parts[:len(parts)-1] {
		show := progress(i+1, len(parts), p.name)
		if err := c.build(ctx, p, show); err != nil {
			return fmt.Errorf("part %s: %w", p.name, err)
		}
	}
	return nil
}

// build makes one part unless the cache has it.
func (c *cache) build(ctx context.Context, p *part, show func(string)) error {
	dir := filepath.Join(c.dir, fmt.Sprintf("%s-%.16s", p.name, p.hash()))
	c.made[p.name] = dir
	now := time.Now()
	if err := os.Chtimes(dir, now, now); err == nil {
		show("in the cache")
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("marking %s as used: %w", dir, err)
	}
	show("…")
	tmp, err := os.MkdirTemp(c.dir, "tmp-"+p.name+"-")
	if err != nil {
		return fmt.Errorf("making a folder to build in: %w", err)
	}
	defer os.RemoveAll(tmp) // what a failed build left; after the rename it is gone
	if err := p.build(ctx, buildEnv{dir: tmp, path: c.path}); err != nil {
		return err
	}
	if err := os.Rename(tmp, dir); err != nil {
		return fmt.Errorf("keeping the part: %w", err)
	}
	show(took(now))
	return nil
}

// progress writes flat lines such as "[ 4/24] kubelet 152s": a log of a CI job
// reads like the terminal.
func progress(i, n int, name string) func(string) {
	return func(what string) {
		fmt.Fprintf(os.Stderr, "[%2d/%d] %s %s\n", i, n, name, what)
	}
}

func took(since time.Time) string { return time.Since(since).Round(100 * time.Millisecond).String() }

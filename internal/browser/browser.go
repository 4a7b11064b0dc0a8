// Package browser asks a headless Chromium what it makes of a page. It is for
// tests of pages; nothing that is shipped imports it.
//
//	b, err := browser.Start(ctx, path)
//	defer b.Close()
//	err = b.Open("/tmp/report.html", browser.View{Width: 390, Dark: true})
//	err = b.Evaluate("document.title", &title)
//	said, asked := b.Said(), b.Asked() // console and network since Open
//
// It speaks the DevTools protocol (https://chromedevtools.github.io/devtools-protocol)
// over a pair of pipes: some ten of its methods do, and a client library of all
// of them would take longer to compile than the tests to run.
package browser

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
)

// Names under which Chromium is installed, the first that is there counts.
var names = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"}

// Find returns the path of a Chromium, or an error that says how to get one.
func Find() (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no Chromium on the PATH (looked for %v); Debian has it in the package chromium", names)
}

// Browser is a running Chromium with one page. It is for one goroutine.
type Browser struct {
	process *exec.Cmd
	profile string
	to      *os.File
	from    *bufio.Reader
	pipe    *os.File // that from reads
	output  bytes.Buffer
	session string
	last    int // id of the last command
	events  []message
}

// message is a command, its answer, or an event.
type message struct {
	ID      int             `json:"id,omitempty"`
	Session string          `json:"sessionId,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// Start runs a Chromium; it is killed when ctx ends.
func Start(ctx context.Context, path string) (*Browser, error) {
	profile, err := os.MkdirTemp("", "seatrial-browser-")
	if err != nil {
		return nil, fmt.Errorf("making a profile for the browser: %w", err)
	}
	b := &Browser{profile: profile}
	if err := b.start(ctx, path); err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w", path, err), b.Close())
	}
	return b, nil
}

func (b *Browser) start(ctx context.Context, path string) error {
	reads, to, err := os.Pipe()
	if err != nil {
		return err
	}
	defer reads.Close() // the child has its own
	b.to = to
	from, writes, err := os.Pipe()
	if err != nil {
		return err
	}
	defer writes.Close()
	b.pipe, b.from = from, bufio.NewReader(from)
	b.process = exec.CommandContext(ctx, path, "--headless", "--remote-debugging-pipe", "--no-sandbox",
		"--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run", "--disable-extensions",
		"--disable-background-networking", "--disable-component-update", "--user-data-dir="+b.profile, "about:blank")
	b.process.ExtraFiles = []*os.File{reads, writes} // 3 and 4, as Chromium expects
	b.process.Stderr = &b.output
	if err := b.process.Start(); err != nil {
		b.process = nil
		return err
	}
	return b.attach()
}

// attach opens a page and asks for what it says.
func (b *Browser) attach() error {
	var target struct{ TargetID string }
	if err := b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target); err != nil {
		return err
	}
	var session struct{ SessionID string }
	if err := b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &session); err != nil {
		return err
	}
	b.session = session.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		if err := b.call(domain+".enable", nil, nil); err != nil {
			return err
		}
	}
	return nil
}

// Close ends the browser and removes what it wrote.
func (b *Browser) Close() error {
	var errs []error
	for _, f := range []*os.File{b.to, b.pipe} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	if b.process != nil {
		_ = b.process.Process.Kill() // it may have ended with its pipes
		_ = b.process.Wait()         // says that it was killed
	}
	return errors.Join(append(errs, os.RemoveAll(b.profile))...)
}

// call sends a command and waits for its answer; events on the way are kept.
func (b *Browser) call(method string, params, result any) error {
	b.last++
	command := map[string]any{"id": b.last, "method": method}
	if params != nil {
		command["params"] = params
	}
	if b.session != "" {
		command["sessionId"] = b.session
	}
	text, err := json.Marshal(command)
	if err == nil {
		_, err = b.to.Write(append(text, 0))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	for {
		m, err := b.next()
		if err != nil {
			return fmt.Errorf("%s: %w", method, err)
		}
		if m.ID != b.last {
			b.events = append(b.events, m)
			continue
		}
		if m.Error != nil {
			return fmt.Errorf("%s: %s", method, m.Error.Message)
		}
		if result == nil {
			return nil
		}
		return json.Unmarshal(m.Result, result)
	}
}

// next reads a message: JSON up to a zero byte.
func (b *Browser) next() (message, error) {
	var m message
	text, err := b.from.ReadBytes(0)
	if err != nil {
		return m, fmt.Errorf("the browser ended: %w; it said: %s", err, bytes.TrimSpace(b.output.Bytes()))
	}
	err = json.Unmarshal(text[:len(text)-1], &m)
	return m, err
}

// wait reads events until one of the method.
func (b *Browser) wait(method string) error {
	for {
		for _, m := range b.events {
			if m.Method == method {
				return nil
			}
		}
		m, err := b.next()
		if err != nil {
			return fmt.Errorf("waiting for %s: %w", method, err)
		}
		b.events = append(b.events, m)
	}
}

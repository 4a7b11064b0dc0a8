package guardian

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// memory is a folder in the container with one file for each action in force:
// a guardian that crashed and was started again finds there what it has to
// end. The empty string remembers nothing.
type memory string

// remembered is the content of a file.
type remembered struct {
	Plan  Plan      `json:"plan"`
	Prior Prior     `json:"prior"`
	Until time.Time `json:"until"`
}

func (m memory) file(a *action) string {
	return filepath.Join(string(m), filepath.Base(a.plan.ID)+".json")
}

// keep writes a down; the rename makes that whole or nothing.
func (m memory) keep(a *action) error {
	if m == "" {
		return nil
	}
	raw, err := json.Marshal(remembered{a.plan, a.prior, a.until})
	if err != nil {
		return fmt.Errorf("remembering an action: %w", err)
	}
	draft := m.file(a) + ".draft"
	if err := os.WriteFile(draft, raw, 0o600); err != nil {
		return fmt.Errorf("remembering an action: %w", err)
	}
	return os.Rename(draft, m.file(a))
}

func (m memory) drop(a *action) error {
	if m == "" {
		return nil
	}
	if err := os.Remove(m.file(a)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forgetting an action: %w", err)
	}
	return nil
}

// load reads what was in force.
func (m memory) load() ([]remembered, error) {
	if m == "" {
		return nil, nil
	}
	if err := os.MkdirAll(string(m), 0o700); err != nil {
		return nil, fmt.Errorf("remembering: %w", err)
	}
	entries, err := os.ReadDir(string(m))
	if err != nil {
		return nil, fmt.Errorf("remembering: %w", err)
	}
	var all []remembered
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".json") {
			continue
		}
		var r remembered
		raw, err := os.ReadFile(filepath.Join(string(m), e.Name()))
		if err == nil {
			err = json.Unmarshal(raw, &r)
		}
		if err != nil {
			return nil, fmt.Errorf("remembering %s: %w", e.Name(), err)
		}
		all = append(all, r)
	}
	return all, nil
}

// resume takes over what an earlier guardian had in force, until its deadline.
func (s *server) resume() error {
	all, err := s.memory.load()
	for _, r := range all {
		s.log("taking over action %s on %.12s", r.Plan.ID, r.Plan.Node.Container)
		a := &action{plan: r.Plan, prior: r.Prior, effect: s.machine.again(r.Plan, r.Prior)}
		s.mu.Lock()
		s.actions[r.Plan.ID] = a
		s.holders[r.Plan.part()] = r.Plan.ID
		s.mu.Unlock()
		a.mu.Lock()
		s.activate(a, r.Until)
		a.mu.Unlock()
	}
	return err
}

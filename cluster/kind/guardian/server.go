package guardian

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// effect is one reversible change of a node. undo is idempotent, and what is
// gone counts as undone.
type effect interface {
	do() error
	undo() error
	close() error
}

// machine is the host that the nodes run on.
type machine interface {
	// noBlackout says why packets cannot be dropped here; empty where they can.
	noBlackout() string
	// prepare observes what p would change and opens what it needs.
	prepare(p Plan) (Prior, effect, error)
	// again is the effect of p once more, to undo what a guardian that is no
	// more did.
	again(p Plan, prior Prior) effect
	// sweeper undoes everything that any action could have done to n.
	sweeper(n Node, prior Prior) effect
	look(n Node, deep bool) (State, error)
	probe(p Probe) (Answer, error)
	// group looks at the cgroups of n, or of one of its containers.
	group(n Node, container string) (Group, error)
}

// stage of an action; it only ever grows.
type stage int

const (
	armed stage = iota
	active
	ended
)

// action is one id. Its mutex orders act, revoke and expiry.
type action struct {
	plan   Plan
	prior  Prior
	mu     sync.Mutex
	stage  stage
	effect effect
	until  time.Time
	stop   func() bool // the timer
}

// server keeps the actions and their timers.
type server struct {
	machine machine
	memory  memory
	log     func(format string, args ...any)
	after   func(time.Duration, func()) (stop func() bool)
	now     func() time.Time

	mu      sync.Mutex
	actions map[string]*action
	holders map[string]string // part of a node -> id of the action that holds it
	last    time.Time         // of the latest request
}

// retry is the pause after an undo that failed at its deadline.
const retry = time.Second

func newServer(m machine, log func(string, ...any)) *server {
	return &server{
		machine: m,
		log:     log,
		after: func(d time.Duration, f func()) func() bool {
			return time.AfterFunc(d, f).Stop
		},
		now:     time.Now,
		actions: map[string]*action{},
		holders: map[string]string{},
		last:    time.Now(),
	}
}

// prepare arms p. A second time it answers as the first.
func (s *server) prepare(p Plan) (Prior, error) {
	if err := p.check(); err != nil {
		return Prior{}, err
	}
	if a, err := s.find(p.ID); err == nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.stage == ended {
			return Prior{}, fmt.Errorf("preparing %s: %w", p.ID, ErrRevoked)
		}
		return a.prior, nil
	}
	prior, e, err := s.machine.prepare(p)
	if err != nil {
		return Prior{}, fmt.Errorf("preparing %s: %w", p.ID, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.actions[p.ID]; taken {
		return Prior{}, errors.Join(fmt.Errorf("preparing %s twice at once: %w", p.ID, ErrBusy), e.close())
	}
	s.actions[p.ID] = &action{plan: p, prior: prior, effect: e}
	return prior, nil
}

func (p Plan) check() error {
	if p.ID == "" || len(p.Node.Container) != 64 || p.Node.PID <= 0 {
		return fmt.Errorf("a plan needs an id, a container's full id and its pid, not %q, %q, %d", p.ID, p.Node.Container, p.Node.PID)
	}
	if parts := p.parts(); len(parts) != 1 {
		return fmt.Errorf("a plan changes one part of a node, not %d: %v", len(parts), parts)
	}
	if len(p.Kill)+len(p.Stop) > 0 && len(p.Units) == 0 {
		return errors.New("a plan signals processes only once units are stopped, which would start them again")
	}
	return nil
}

// parts are what the fields of p ask to change.
func (p Plan) parts() []Part {
	var parts []Part
	for _, f := range []struct {
		set  bool
		part Part
	}{
		{p.Freeze != "", Standing}, {p.PowerOff, Standing}, {p.CPUs > 0, CPU},
		{len(p.Units) > 0, Units}, {p.Cut != nil, Network},
		{p.Plugin, Mounts}, {p.Lose != nil, Mounts},
		{p.Hog != nil && p.Hog.Threads == 0, Memory}, {p.Hog != nil && p.Hog.Threads > 0, Computing}, {len(p.Restore) > 0, Objects},
	} {
		if f.set {
			parts = append(parts, f.part)
		}
	}
	return parts
}

// part is what an action changes; two actions cannot hold the same one.
func (p Plan) part() string {
	part := p.Node.Container + " " + string(p.parts()[0])
	switch {
	case len(p.Units) > 0:
		part += " " + p.Units[0]
	case p.Cut != nil:
		part += " " + p.Cut.Pod
	case p.Lose != nil:
		part += " " + p.Lose.Pod + " " + p.Lose.Volume
	case p.Hog != nil:
		part += " " + p.Hog.Group
	}
	return part
}

func (s *server) find(id string) (*action, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a, ok := s.actions[id]; ok {
		return a, nil
	}
	return nil, fmt.Errorf("action %s: %w", id, ErrUnknown)
}

// act does a prepared action and sets its timer first, so that nothing is ever
// in force without an end.
func (s *server) act(id string, expires time.Duration) (Acted, error) {
	if expires <= 0 {
		return Acted{}, fmt.Errorf("action %s has no end: expires must be above 0", id)
	}
	a, err := s.find(id)
	if err != nil {
		return Acted{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch a.stage {
	case ended:
		return Acted{}, fmt.Errorf("action %s: %w", id, ErrRevoked)
	case active:
		return Acted{}, nil
	}
	if err := s.hold(a.plan); err != nil {
		return Acted{}, err
	}
	begun := s.now()
	s.activate(a, begun.Add(expires))
	if err := errors.Join(s.memory.keep(a), a.effect.do()); err != nil {
		return Acted{}, errors.Join(fmt.Errorf("action %s: %w", id, err), s.end(a))
	}
	return Acted{Took: s.now().Sub(begun)}, nil
}

// activate puts a in force until the given time; its mutex is held.
func (s *server) activate(a *action, until time.Time) {
	a.stage, a.until = active, until
	a.stop = s.after(until.Sub(s.now()), func() { s.expire(a) })
}

// hold takes the part of the node that p changes.
func (s *server) hold(p Plan) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if other, taken := s.holders[p.part()]; taken && other != p.ID {
		return fmt.Errorf("action %s: %w: %s", p.ID, ErrBusy, other)
	}
	s.holders[p.part()] = p.ID
	return nil
}

// revoke undoes id if it is in force and makes it void for ever, also when it
// was never heard of.
func (s *server) revoke(id string) (Revoked, error) {
	a := s.fence(id)
	a.mu.Lock()
	defer a.mu.Unlock()
	was := a.stage == active
	return Revoked{Undone: was}, s.end(a)
}

// fence finds id, or enters it as one that has ended.
func (s *server) fence(id string) *action {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.actions[id]
	if !ok {
		a = &action{plan: Plan{ID: id}, stage: ended}
		s.actions[id] = a
	}
	return a
}

// end undoes a, whose mutex is held. It stays in force, and keeps its timer,
// when that fails.
func (s *server) end(a *action) error {
	if a.stage == active {
		if err := a.effect.undo(); err != nil {
			return fmt.Errorf("undoing action %s: %w", a.plan.ID, err)
		}
		a.stop()
		s.release(a.plan)
	}
	if a.stage == ended {
		return nil
	}
	a.stage = ended
	return errors.Join(s.memory.drop(a), a.effect.close())
}

func (s *server) release(p Plan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holders[p.part()] == p.ID {
		delete(s.holders, p.part())
	}
}

// expire ends a at its deadline, and tries again until that works.
func (s *server) expire(a *action) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stage != active {
		return
	}
	s.log("action %s on %s has expired: undoing it", a.plan.ID, a.plan.Node.Container[:12])
	if err := s.end(a); err != nil && a.stage == active {
		s.log("%v; trying again", err)
		a.stop = s.after(retry, func() { s.expire(a) })
	}
}

// sweep undoes everything that could be in force on a node, and voids every
// action of it.
func (s *server) sweep(n Node, prior Prior) error {
	var errs []error
	for _, a := range s.all() {
		if a.plan.Node.Container == n.Container {
			_, err := s.revoke(a.plan.ID)
			errs = append(errs, err)
		}
	}
	e := s.machine.sweeper(n, prior)
	errs = append(errs, e.undo(), e.close())
	return errors.Join(errs...)
}

// list names what is in force.
func (s *server) list() []Active {
	found := []Active{}
	for _, a := range s.all() {
		a.mu.Lock()
		if a.stage == active {
			found = append(found, Active{Plan: a.plan, Left: a.until.Sub(s.now())})
		}
		a.mu.Unlock()
	}
	return found
}

func (s *server) all() []*action {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*action, 0, len(s.actions))
	for _, a := range s.actions {
		all = append(all, a)
	}
	return all
}

// close undoes everything in force; it tries until ctx ends.
func (s *server) close(ctx context.Context) error {
	var errs []error
	for _, a := range s.all() {
		_, err := s.revoke(a.plan.ID)
		for err != nil && ctx.Err() == nil {
			_, err = s.revoke(a.plan.ID)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

package faults

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seatrial/seatrial"
)

// pool is nodes that leave, with or without successors.
type pool struct {
	env     seatrial.Env
	members []*member
}

// member is a node of a pool, and what is done to it. Its steps are taken by
// one task at a time.
type member struct {
	env       seatrial.Env
	name      string
	successor string // the same name: it is made anew; empty: nobody
	version   string // of the successor

	*evicting
	cordon, add, remove seatrial.Effect
	joined, left        bool
	begun               time.Duration
}

// arm prepares all but the evictions, whose pods come and go until then.
func (m *member) arm(ctx context.Context) error {
	if _, err := m.fresh(ctx); err != nil { // a pod that cannot be evicted is found out now
		return err
	}
	actions := []seatrial.Action{seatrial.Cordon{Node: m.name}, m.removal()}
	effects := []*seatrial.Effect{&m.cordon, &m.remove}
	if m.successor != "" {
		actions = append(actions, seatrial.AddNode{Name: m.successor, Like: m.name, Version: m.version})
		effects = append(effects, &m.add)
	}
	for i, a := range actions {
		effect, err := m.env.Arm(ctx, a)
		if err != nil {
			return fmt.Errorf("preparing the replacement of node %s: %w", m.name, err)
		}
		*effects[i] = effect
	}
	return nil
}

func (m *member) removal() seatrial.Action {
	if m.successor == m.name {
		return seatrial.RemoveNode{Name: m.name}
	}
	return seatrial.RemoveNode{Name: m.name, Successor: m.successor}
}

// replace is all of it, with the new node first or last.
func (m *member) replace(ctx context.Context, first bool, provision time.Duration) error {
	m.begin()
	join := func(ctx context.Context) error { return m.join(ctx, provision) }
	steps := []func(context.Context) error{m.close, m.drain, m.leave, join}
	if first {
		steps = []func(context.Context) error{join, m.close, m.drain, m.leave}
	}
	return inOrder(ctx, steps...)
}

// inOrder takes one step after the other, to the first that fails.
func inOrder(ctx context.Context, steps ...func(context.Context) error) error {
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// begin notes that it is the node's turn.
func (m *member) begin() {
	if m.begun == 0 {
		m.begun = m.env.Clock().Now()
		m.env.Note(seatrial.Event{Kind: seatrial.KindUpgrade, Subject: m.name, Edge: seatrial.Begin,
			Data: seatrial.Upgrade{}, Message: "its upgrade begins"})
	}
}

// end notes that the node has left and its successor is there.
func (m *member) end() {
	if m.successor == "" || !m.left || !m.joined {
		return
	}
	m.env.Note(seatrial.Event{Kind: seatrial.KindUpgrade, Subject: m.name, Edge: seatrial.End, Data: seatrial.Upgrade{},
		Message: fmt.Sprintf("replaced by node %s of version %s within %s", m.successor, m.version, seconds(m.env.Clock().Now()-m.begun))})
}

// The longest waits for a proof: what is proven is a change in the API that
// its act has made.
const poolProof = 30 * time.Second

// join gets the new node, which takes its time.
func (m *member) join(ctx context.Context, provision time.Duration) error {
	m.begin()
	if err := m.env.Clock().Sleep(ctx, provision); err != nil {
		return err
	}
	if err := m.add.Act(ctx); err != nil {
		return fmt.Errorf("adding node %s: %w", m.successor, err)
	}
	m.joined = true
	if err := proveWithin(ctx, m.env, m.add, "new node", poolProof); err != nil {
		return err
	}
	m.end()
	return nil
}

// close lets nothing new come.
func (m *member) close(ctx context.Context) error {
	if err := m.cordon.Act(ctx); err != nil {
		return fmt.Errorf("cordoning node %s: %w", m.name, err)
	}
	return proveWithin(ctx, m.env, m.cordon, "cordon", poolProof)
}

// drain empties the node. What is left when its time is over is lost with it.
func (m *member) drain(ctx context.Context) error {
	left, err := m.empty(ctx)
	if err != nil {
		return fmt.Errorf("draining node %s: %w", m.name, err)
	}
	if len(left) > 0 {
		m.env.Note(seatrial.Event{Kind: seatrial.KindMessage, Subject: m.name, Severity: seatrial.Warning,
			Message: fmt.Sprintf("the drain is given up after %s; pods are left: %s", m.force, list(left))})
	}
	return nil
}

// leave deletes machine and object.
func (m *member) leave(ctx context.Context) error {
	if err := m.remove.Act(ctx); err != nil {
		return fmt.Errorf("removing node %s: %w", m.name, err)
	}
	m.left = true
	if err := proveWithin(ctx, m.env, m.remove, "node's end", poolProof); err != nil {
		return err
	}
	m.end()
	return nil
}

// sideBySide runs tasks and joins their errors. The first that fails ends the
// others.
func (p *pool) sideBySide(ctx context.Context, count int, do func(context.Context, int) error) error {
	// The clock's own kind of context: below it, the end of the window is told
	// from a cancellation.
	ctx, cancel := p.env.Clock().WithTimeout(ctx, p.env.Span())
	defer cancel()
	var tasks []seatrial.Task
	for i := range count {
		tasks = append(tasks, p.env.Clock().Go(ctx, "upgrade lane "+strconv.Itoa(i+1), func(ctx context.Context) error {
			err := do(ctx, i)
			if err != nil {
				cancel()
			}
			return err
		}))
	}
	return first(tasks)
}

// first waits for all, and joins the errors but for those that only say that
// another one has ended the task.
func first(tasks []seatrial.Task) error {
	var errs, ended []error
	for _, t := range tasks {
		switch err := t.Wait(); {
		case errors.Is(err, context.Canceled):
			ended = append(ended, err)
		default:
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return errors.Join(ended...)
}

func (p *pool) each(ctx context.Context, members []*member, do func(*member, context.Context) error) error {
	return p.sideBySide(ctx, len(members), func(ctx context.Context, i int) error { return do(members[i], ctx) })
}

// replaced counts the nodes that have left and have a successor.
func (p *pool) replaced() int {
	count := 0
	for _, m := range p.members {
		if m.left && m.joined {
			count++
		}
	}
	return count
}

// undo leaves a pool that is whole, and a workload that is. Nodes come before
// the pods that may wait for them.
func (p *pool) undo(ctx context.Context) error {
	var errs []error
	for _, effect := range p.effects() {
		errs = append(errs, effect.Revert(ctx))
	}
	for _, m := range p.members {
		errs = append(errs, m.evicting.replaced(ctx))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("making the pool whole again: %w", err)
	}
	return nil
}

// effects are those on nodes that are armed: first all cordons, then the nodes
// that left, then those that joined.
func (p *pool) effects() []seatrial.Effect {
	var cordons, removals, additions []seatrial.Effect
	for _, m := range p.members {
		cordons, removals, additions = append(cordons, m.cordon), append(removals, m.remove), append(additions, m.add)
	}
	all := slices.Concat(cordons, removals, additions)
	return slices.DeleteFunc(all, func(e seatrial.Effect) bool { return e == nil })
}

// successorOf is a free name that tells whose place its node takes.
func successorOf(name string, taken []string) string {
	for i := 1; ; i++ {
		if fresh := fmt.Sprintf("%s-new%d", name, i); !slices.Contains(taken, fresh) {
			return fresh
		}
	}
}

// nextPatch is the patch release after a version.
func nextPatch(version string) (string, error) {
	i := strings.LastIndex(version, ".")
	patch, err := strconv.Atoi(version[i+1:])
	if strings.Count(version, ".") != 2 || err != nil {
		return "", seatrial.Fail(seatrial.BadInput, fmt.Errorf("version %q of the nodes is not one like v1.37.1", version), "say which version they are upgraded to")
	}
	return version[:i+1] + strconv.Itoa(patch+1), nil
}

// seconds rounds for people.
func seconds(d time.Duration) time.Duration { return d.Round(100 * time.Millisecond) }

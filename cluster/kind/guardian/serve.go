package guardian

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// idle is how long a guardian stays without a request before it leaves.
const idle = 24 * time.Hour

// serve answers connections until ctx ends or nobody has asked for idle.
func (s *server) serve(ctx context.Context, l net.Listener, idle time.Duration) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var owned sync.WaitGroup
	defer owned.Wait()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	owned.Go(func() { s.leaveWhenIdle(ctx, cancel, idle) })
	for {
		conn, err := l.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			cancel()
			return fmt.Errorf("accepting a connection: %w", err)
		}
		owned.Go(func() {
			defer conn.Close()
			defer context.AfterFunc(ctx, func() { conn.Close() })()
			if err := s.converse(conn); err != nil && ctx.Err() == nil {
				s.log("a connection ended: %v", err)
			}
		})
	}
}

// leaveWhenIdle cancels once no request came for idle and nothing is in force.
func (s *server) leaveWhenIdle(ctx context.Context, cancel func(), idle time.Duration) {
	tick := time.NewTicker(max(idle/100, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s.mu.Lock()
		over := s.now().Sub(s.last) >= idle && len(s.holders) == 0
		s.mu.Unlock()
		if over {
			s.log("no request for %v: leaving", idle)
			cancel()
			return
		}
	}
}

// converse answers the requests of one connection; a slow one does not hold
// up the next.
func (s *server) converse(conn io.ReadWriter) error {
	var answers sync.WaitGroup
	defer answers.Wait()
	var mu sync.Mutex
	out := json.NewEncoder(conn)
	in := json.NewDecoder(bufio.NewReader(conn))
	for {
		var q request
		if err := in.Decode(&q); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("reading a request: %w", err)
		}
		answers.Go(func() {
			answer := s.answer(q)
			mu.Lock()
			defer mu.Unlock()
			if err := out.Encode(answer); err != nil {
				s.log("answering %s: %v", q.Op, err)
			}
		})
	}
}

func (s *server) answer(q request) response {
	s.mu.Lock()
	s.last = s.now()
	s.mu.Unlock()
	result, err := s.do(q)
	if err != nil {
		return response{Seq: q.Seq, Error: refuse(err)}
	}
	raw, err := json.Marshal(result)
	if err != nil {
		return response{Seq: q.Seq, Error: refuse(fmt.Errorf("encoding the answer to %s: %w", q.Op, err))}
	}
	return response{Seq: q.Seq, Result: raw}
}

func (s *server) do(q request) (any, error) {
	switch q.Op {
	case opHello:
		return Hello{Version: Version, NoBlackout: s.machine.noBlackout()}, nil
	case opPrepare:
		return with(q, s.prepare)
	case opAct:
		return with(q, func(a actArgs) (Acted, error) { return s.act(a.ID, a.Expires) })
	case opRevoke:
		return with(q, func(a idArgs) (Revoked, error) { return s.revoke(a.ID) })
	case opStatus:
		return with(q, func(a statusArgs) (State, error) { return s.machine.look(a.Node, a.Deep) })
	case opProbe:
		return with(q, s.machine.probe)
	case opGroup:
		return with(q, func(a groupArgs) (Group, error) { return s.machine.group(a.Node, a.Container) })
	case opSweep:
		return with(q, func(a sweepArgs) (struct{}, error) { return struct{}{}, s.sweep(a.Node, a.Prior) })
	case opList:
		return s.list(), nil
	}
	return nil, fmt.Errorf("operation %q is unknown to version %d", q.Op, Version)
}

// with decodes the arguments of q and answers it with f.
func with[A, R any](q request, f func(A) (R, error)) (R, error) {
	var args A
	if err := json.Unmarshal(q.Args, &args); err != nil {
		var none R
		return none, fmt.Errorf("decoding %s: %w", q.Op, err)
	}
	return f(args)
}

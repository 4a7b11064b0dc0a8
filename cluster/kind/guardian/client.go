package guardian

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// ErrBroken: the connection to the guardian has ended; dial again.
var ErrBroken = errors.New("the connection to the guardian has ended")

// Client talks to a guardian. It is safe for use by many at once.
type Client struct {
	conn io.ReadWriteCloser

	writing sync.Mutex
	mu      sync.Mutex
	seq     int64
	waiting map[int64]chan response
	err     error // why it is broken
	done    chan struct{}
}

// NewClient owns conn and reads from it until [Client.Close].
func NewClient(conn io.ReadWriteCloser) *Client {
	c := &Client{conn: conn, waiting: map[int64]chan response{}, done: make(chan struct{})}
	go c.read()
	return c
}

// read hands every answer to its caller; Close waits for it.
func (c *Client) read() {
	defer close(c.done)
	in := json.NewDecoder(bufio.NewReader(c.conn))
	for {
		var r response
		if err := in.Decode(&r); err != nil {
			c.fail(fmt.Errorf("%w: %w", ErrBroken, err))
			return
		}
		c.mu.Lock()
		ch := c.waiting[r.Seq]
		delete(c.waiting, r.Seq)
		c.mu.Unlock()
		if ch != nil {
			ch <- r
		}
	}
}

// fail wakes everyone who waits.
func (c *Client) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
	for seq, ch := range c.waiting {
		close(ch)
		delete(c.waiting, seq)
	}
}

// Broken says why no answer can come any more; nil while it can.
func (c *Client) Broken() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Close ends the connection and waits for its reader.
func (c *Client) Close() error {
	err := c.conn.Close()
	<-c.done
	return err
}

// Hello asks who is there.
func (c *Client) Hello(ctx context.Context) (Hello, error) {
	return ask[Hello](ctx, c, opHello, nil)
}

// Prepare arms p: it observes, lists and opens, and changes nothing.
func (c *Client) Prepare(ctx context.Context, p Plan) (Prior, error) {
	return ask[Prior](ctx, c, opPrepare, p)
}

// Act does the prepared action id; it ends by itself after expires.
func (c *Client) Act(ctx context.Context, id string, expires time.Duration) (Acted, error) {
	return ask[Acted](ctx, c, opAct, actArgs{ID: id, Expires: expires})
}

// Revoke undoes id if it is in force, and voids it for ever.
func (c *Client) Revoke(ctx context.Context, id string) (Revoked, error) {
	return ask[Revoked](ctx, c, opRevoke, idArgs{ID: id})
}

// Status looks at a node.
func (c *Client) Status(ctx context.Context, n Node) (State, error) {
	return ask[State](ctx, c, opStatus, statusArgs{Node: n})
}

// Deep looks at a node and at the links of its pods, which takes longer.
func (c *Client) Deep(ctx context.Context, n Node) (State, error) {
	return ask[State](ctx, c, opStatus, statusArgs{Node: n, Deep: true})
}

// Probe asks from inside a node. That nobody answers is not an error.
func (c *Client) Probe(ctx context.Context, p Probe) (Answer, error) {
	return ask[Answer](ctx, c, opProbe, p)
}

// Group looks at the cgroups of a node, or of one of its containers.
func (c *Client) Group(ctx context.Context, n Node, container string) (Group, error) {
	return ask[Group](ctx, c, opGroup, groupArgs{Node: n, Container: container})
}

// Sweep undoes everything that any guardian could have done to a node, and
// restores prior.
func (c *Client) Sweep(ctx context.Context, n Node, prior Prior) error {
	_, err := ask[struct{}](ctx, c, opSweep, sweepArgs{Node: n, Prior: prior})
	return err
}

// List names the actions in force.
func (c *Client) List(ctx context.Context) ([]Active, error) {
	return ask[[]Active](ctx, c, opList, nil)
}

// ask sends one request and waits for its answer.
func ask[R any](ctx context.Context, c *Client, op string, args any) (R, error) {
	var result R
	seq, answer, err := c.expect()
	if err != nil {
		return result, fmt.Errorf("guardian %s: %w", op, err)
	}
	defer c.forget(seq)
	if err := c.send(seq, op, args); err != nil {
		return result, fmt.Errorf("guardian %s: %w", op, err)
	}
	select {
	case <-ctx.Done():
		return result, fmt.Errorf("guardian %s: %w", op, ctx.Err())
	case r, ok := <-answer:
		if !ok {
			return result, fmt.Errorf("guardian %s: %w", op, c.Broken())
		}
		if r.Error != nil {
			return result, fmt.Errorf("guardian %s: %w", op, r.Error)
		}
		return result, json.Unmarshal(r.Result, &result)
	}
}

func (c *Client) expect() (int64, chan response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return 0, nil, c.err
	}
	c.seq++
	ch := make(chan response, 1)
	c.waiting[c.seq] = ch
	return c.seq, ch, nil
}

func (c *Client) forget(seq int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, seq)
}

func (c *Client) send(seq int64, op string, args any) error {
	raw, err := json.Marshal(args)
	if err != nil {
		return fmt.Errorf("encoding the request: %w", err)
	}
	line, err := json.Marshal(request{Seq: seq, Op: op, Args: raw})
	if err != nil {
		return fmt.Errorf("encoding the request: %w", err)
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	if _, err := c.conn.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("%w: %w", ErrBroken, err)
	}
	return nil
}

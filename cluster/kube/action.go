package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/seatrial/seatrial"
	"k8s.io/apimachinery/pkg/types"
)

// power is one action on this cluster, in the steps of [seatrial.Actor].
type power interface {
	// observe returns the prior state, which is marshalled to JSON.
	observe(ctx context.Context) (any, error)
	act(ctx context.Context) error
	prove(ctx context.Context) (seatrial.Proof, error)
	revert(ctx context.Context, prior []byte) error
}

// power finds the power for an action; its error says why there is none here.
func (c *Cluster) power(a seatrial.Action) (power, error) {
	switch a := a.(type) {
	case seatrial.DeletePod:
		return deletion{c, a}, nil
	case seatrial.Evict:
		return eviction{c, a}, nil
	case seatrial.Cordon:
		return cordon{c, a}, nil
	case seatrial.Restart:
		return restart{c, a}, nil
	case seatrial.DNSDown:
		return dnsDown{c, a}, nil
	case seatrial.Deschedule:
		return descheduling{c, a}, nil
	}
	return nil, fmt.Errorf("%s of %s is not supported on this backend: it needs access to the node itself", a.Kind(), a.Target())
}

// Supports says what can be done through the API server alone: delete and
// evict pods, cordon nodes, restart workloads. What has to end by itself needs
// something beside the cluster that ends it, see package kind.
func (c *Cluster) Supports(a seatrial.Action) error {
	_, err := c.power(a)
	if _, expires := a.(seatrial.DNSDown); expires {
		err = errors.New("taking DNS away is not supported on this backend: nothing would bring it back by itself")
	}
	var known *seatrial.Error
	if errors.As(err, &known) {
		return err
	}
	if err != nil {
		return seatrial.Fail(seatrial.BadInput, err, "run it with --on kind")
	}
	switch a := a.(type) {
	case seatrial.Restart:
		_, err = parseWorkload(a)
	case seatrial.Deschedule:
		if c.o.Images[seatrial.ImageDescheduler] == nil {
			return seatrial.Fail(seatrial.BadInput, errors.New("the descheduler is not supported on this backend: it has no image of it"), "run it with --on kind")
		}
	case seatrial.Evict:
		if a.Force < 0 {
			err = fmt.Errorf("evict: force is %s; how long budgets are respected is at least 0", a.Force)
		}
	}
	return seatrial.Fail(seatrial.BadInput, err, "")
}

// observation is what this process remembers between the steps of an action.
type observation struct {
	uid        types.UID            // of the object that is meant
	generation int64                // of its spec once it was changed
	evicted    map[string]types.UID // pods that others had evicted before the act
	told       bool                 // what only the proof has found out
	image      string               // that the act runs
}

func (c *Cluster) keep(a seatrial.Action, o observation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.observed[a.Kind()+" "+a.Target()] = o
}

// recall gives what Observe saw.
func (c *Cluster) recall(a seatrial.Action) (observation, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o, ok := c.observed[a.Kind()+" "+a.Target()]
	if !ok {
		return o, fmt.Errorf("%s of %s was not observed before", a.Kind(), a.Target())
	}
	return o, nil
}

// Observe records which object is meant and how it is. One of the same name
// that comes later is another one.
func (c *Cluster) Observe(ctx context.Context, a seatrial.Action) (seatrial.Prior, error) {
	p, err := c.power(a)
	if err != nil {
		return nil, err
	}
	was, err := p.observe(ctx)
	if err != nil {
		return nil, err
	}
	return json.Marshal(was)
}

// Act does what was observed before, to that object and no other of its name.
func (c *Cluster) Act(ctx context.Context, a seatrial.Action) error {
	p, err := c.power(a)
	if err != nil {
		return err
	}
	return p.act(ctx)
}

// Prove returns once both a watch and a live read show what the action brought
// about; the answer to the act itself counts for nothing.
func (c *Cluster) Prove(ctx context.Context, a seatrial.Action) (seatrial.Proof, error) {
	p, err := c.power(a)
	if err != nil {
		return seatrial.Proof{}, err
	}
	return p.prove(ctx)
}

// Revert restores the prior state, or waits for the end state of what cannot be
// undone. It needs nothing but prior, so that any later process can call it.
func (c *Cluster) Revert(ctx context.Context, a seatrial.Action, prior seatrial.Prior) error {
	p, err := c.power(a)
	if err != nil {
		return err
	}
	return p.revert(ctx, prior)
}

// readPrior decodes what observe returned.
func readPrior[P any](a seatrial.Action, raw []byte) (P, error) {
	var was P
	if err := json.Unmarshal(raw, &was); err != nil {
		return was, fmt.Errorf("reading what was observed of %s: %w", a.Target(), err)
	}
	return was, nil
}

package load

import (
	"context"
	"net/http/httptrace"
	"sync"
	"time"

	"github.com/seatrial/seatrial/load/tally"
)

// lookups are those of one request: one for each connection that was dialled
// to a name. A dial runs beside the request that asked for it, and several may
// run beside each other, so each is timed on its own.
type lookups struct {
	mu  sync.Mutex
	all []*lookup
}

// lookup is one of a name, from the resolver's first question to its answer.
type lookup struct {
	began time.Time
	tally.Lookup
	ended bool
}

// timing is the key under which a request's lookups are in the context that
// net/http dials with.
type timing struct{}

// within hands the lookups to whoever dials for the request.
func (l *lookups) within(ctx context.Context) context.Context {
	return context.WithValue(ctx, timing{}, l)
}

// timed lets the lookup of one dial be noted by the request that it is for.
func timed(ctx context.Context) context.Context {
	l, ok := ctx.Value(timing{}).(*lookups)
	if !ok {
		return ctx
	}
	var this *lookup
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSStart: func(httptrace.DNSStartInfo) { this = l.begin() },
		DNSDone:  func(info httptrace.DNSDoneInfo) { l.end(this, info.Err) },
	})
}

func (l *lookups) begin() *lookup {
	l.mu.Lock()
	defer l.mu.Unlock()
	this := &lookup{began: time.Now()}
	l.all = append(l.all, this)
	return this
}

func (l *lookups) end(this *lookup, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !this.ended {
		this.ended, this.Took, this.Failed = true, time.Since(this.began), err != nil
	}
}

// take ends the request's account. A lookup that still goes on has failed it:
// the request was given up, and the resolver may not have heard of that yet.
func (l *lookups) take() []tally.Lookup {
	l.mu.Lock()
	defer l.mu.Unlock()
	var taken []tally.Lookup
	for _, this := range l.all {
		if !this.ended {
			this.ended, this.Took, this.Failed = true, time.Since(this.began), true
		}
		taken = append(taken, this.Lookup)
	}
	return taken
}

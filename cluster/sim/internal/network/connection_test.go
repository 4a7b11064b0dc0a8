package network

import (
	"errors"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
)

func TestAnOldConnectionIsNotUsedAgain(t *testing.T) {
	lookups := func(age time.Duration) int64 {
		r := newBench(t, 1, 3).load(func(l *seatrial.Load) { l.Connection.Age = age }, nothing)
		if r.Succeeded != 2000 || r.Attempts != 2000 {
			t.Errorf("%d of 2000 succeeded in %d attempts", r.Succeeded, r.Attempts)
		}
		n := int64(0)
		for _, c := range r.Lookups {
			n += c
		}
		return n
	}
	// 20 users for 20 s; a user sends every 200 ms.
	if none, some := lookups(0), lookups(2*time.Second); none != 20 || some < 180 || some > 200 {
		t.Errorf("%d connections without an age, want 20; %d with one of 2 s, want about 190", none, some)
	}
}

func TestARememberedNameIsNotLookedUp(t *testing.T) {
	lookups := func(cache seatrial.CacheTime) int64 {
		r := newBench(t, 1, 3).load(func(l *seatrial.Load) {
			l.Connections, l.DNS.Cache = seatrial.PerRequest, cache
		}, nothing)
		if r.Succeeded != 2000 {
			t.Errorf("%d of 2000 succeeded", r.Succeeded)
		}
		n := int64(0)
		for _, c := range r.Lookups {
			n += c
		}
		return n
	}
	for cache, want := range map[seatrial.CacheTime][2]int64{0: {2000, 2000}, seatrial.Forever: {20, 20}, seatrial.CacheTime(5 * time.Second): {80, 80}} {
		if got := lookups(cache); got < want[0] || got > want[1] {
			t.Errorf("cache %v: %d lookups, want %v", cache, got, want)
		}
	}
}

// A silent node acknowledges nothing: the kernel gives up when it is told to, and
// net/http sends the request again, to another pod.
func TestTheUserTimeoutFreesWhoIsTiedToASilentNode(t *testing.T) {
	silent := func(timeout time.Duration) *records {
		b := newBench(t, 1, 3)
		return b.load(func(l *seatrial.Load) { l.UserTimeout = timeout }, func() {
			b.sleep(5 * time.Second)
			node := b.victim()
			node.Freeze(true)
			b.sleep(8 * time.Second)
			node.Thaw()
		})
	}
	bare, guarded := silent(0), silent(time.Second)
	if bare.worst < 6*time.Second || bare.Attempts != bare.Sent {
		t.Errorf("without it the worst took %v, %d attempts for %d requests", bare.worst, bare.Attempts, bare.Sent)
	}
	if guarded.worst > bare.worst/2 || guarded.Attempts == guarded.Sent || guarded.Hurt >= bare.Hurt {
		t.Errorf("with 1 s the worst took %v, %d attempts for %d requests, %d hurt instead of %d", guarded.worst, guarded.Attempts, guarded.Sent, guarded.Hurt, bare.Hurt)
	}
}

func TestHTTP2IsRefused(t *testing.T) {
	b := newBench(t, 1, 1)
	l := seatrial.Load{Name: "browse", Target: "http://shop/", Rate: 1}
	l.HTTP2 = &seatrial.HTTP2{}
	_, err := b.net.Attack([]seatrial.LoadPlan{{Load: l, Duration: time.Second}}, &records{})
	var fail *seatrial.Error
	if !errors.As(err, &fail) || fail.Class != seatrial.BadInput || fail.Hint == "" {
		t.Errorf("got %v", err)
	}
}

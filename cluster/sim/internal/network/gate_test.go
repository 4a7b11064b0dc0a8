package network

import (
	"testing"
	"time"

	"github.com/seatrial/seatrial"
)

// A node of three stands still for 4 s.
func standstill(t *testing.T, change func(*seatrial.Load)) *records {
	t.Helper()
	b := newBench(t, 1, 3)
	return b.load(change, func() {
		b.sleep(5 * time.Second)
		node := b.victim()
		node.Freeze(false)
		b.sleep(4 * time.Second)
		node.Thaw()
	})
}

func TestAPoolFillsWithWhatHangs(t *testing.T) {
	r := standstill(t, func(l *seatrial.Load) { l.InFlight = 3 })
	if r.PoolWaited < 17 || r.CatchUpLimited != 0 || r.Dropped != 0 || r.Failed != 0 {
		t.Errorf("%d waited for the pool, %d were held back, %d dropped, %d failed", r.PoolWaited, r.CatchUpLimited, r.Dropped, r.Failed)
	}
	if free := standstill(t, asItIs); r.Hurt < free.Hurt*3/2 || free.PoolWaited != 0 {
		t.Errorf("%d requests were hurt with a pool that a third of the users fills, %d without", r.Hurt, free.Hurt)
	}
}

func TestCatchingUpIsBound(t *testing.T) {
	held := standstill(t, func(l *seatrial.Load) { l.InFlight, l.CatchUp = 3, 1.5 })
	if held.CatchUpLimited < 100 || held.Dropped != 0 {
		t.Errorf("%d were held back, %d dropped", held.CatchUpLimited, held.Dropped)
	}
	if again := standstill(t, func(l *seatrial.Load) { l.InFlight, l.CatchUp = 3, 1.5 }); again.CatchUpLimited != held.CatchUpLimited || again.worst != held.worst {
		t.Errorf("the same seed held %d back, then %d", held.CatchUpLimited, again.CatchUpLimited)
	}
}

func TestAClientsOwnRefusalsLeaveThePool(t *testing.T) {
	r := standstill(t, func(l *seatrial.Load) {
		l.InFlight, l.Client.Timeout, l.Client.Breaker = 2, time.Second, seatrial.Breaker{Failures: 1, Of: 1, Open: time.Second}
	})
	if r.Rejected == 0 || r.Sent != r.Planned {
		t.Errorf("%d rejected, %d of %d sent", r.Rejected, r.Sent, r.Planned)
	}
}

func TestWhatIsAtTheGateAtTheEndIsDropped(t *testing.T) {
	b := newBench(t, 1, 1)
	r := b.load(func(l *seatrial.Load) { l.InFlight, l.Client.Timeout = 2, 30*time.Second }, func() {
		b.sleep(5 * time.Second)
		b.victim().Freeze(false)
	})
	if r.Dropped < 1400 || r.Failed != 2 {
		t.Errorf("%d were dropped, %d failed; want 15 s at 100/s and the pool's two", r.Dropped, r.Failed)
	}
}

func TestAShapedLoadIsSentAsPlanned(t *testing.T) {
	b := newBench(t, 1, 3)
	r := b.load(func(l *seatrial.Load) {
		l.Shape.Steps = []seatrial.Step{{Rate: 50, For: 5 * time.Second}, {Rate: 300, For: 5 * time.Second}, {Rate: 20}}
	}, nothing)
	if r.Planned != 250+1500+200 || r.Succeeded != r.Planned {
		t.Errorf("%d planned, %d succeeded; want 1950", r.Planned, r.Succeeded)
	}
}

// Package plan says which request of a load is due when, and which user sends
// it. It is pure arithmetic: the load generator sends by it, the simulator
// moves its virtual clock by it, and a report knows from it what should have
// been sent.
//
// Request i (from zero) is due when the rate has added up to i since the attack's
// start, which is after i/rate where it is constant, and belongs to user i mod
// users, so that the n-th request of user u is request n·users+u. With 200 requests
// a second and 50 users, requests are 5 ms apart and each user has one every 250 ms:
//
//	p := plan.New(seatrial.Load{Rate: 200, Users: 50})
//	p.Due(400)   // 2s
//	p.User(61)   // 11
//	p.Nth(11, 1) // 61
package plan

import (
	"cmp"
	"math"
	"time"

	"github.com/seatrial/seatrial"
)

// Plan deals the requests of one load to its users. The zero Plan has no
// requests; make one with [New].
type Plan struct {
	curve curve
	users int64
}

// New is the plan of a load that [Check] has nothing against. A load without
// users has [DefaultUsers].
func New(l seatrial.Load) Plan {
	return Plan{curve: curveOf(l), users: int64(cmp.Or(l.Users, DefaultUsers))}
}

// never is when a request is due that a replay does not come to.
const never = time.Duration(1 << 62)

// Due is when request i is due, since the attack's start, to the nanosecond.
func (p Plan) Due(i int64) time.Duration {
	return p.when(float64(i))
}

// at is how many requests the plan has up to d, whole or not.
func (p Plan) at(d time.Duration) float64 { return p.curve.at(max(0, d.Seconds())) }

// when is the inverse of at.
func (p Plan) when(n float64) time.Duration {
	at := math.Round(p.curve.when(n) * float64(time.Second))
	if !(at < float64(never)) {
		return never
	}
	return time.Duration(at)
}

// User is whose turn request i is, from 0 to users−1.
func (p Plan) User(i int64) int { return int(i % p.users) }

// Nth is the number of the n-th request (from zero) of user u.
func (p Plan) Nth(u int, n int64) int64 { return n*p.users + int64(u) }

// Count is how many requests are due before d: the planned requests of an
// attack that ends then. Between two times it is a difference of counts.
func (p Plan) Count(d time.Duration) int64 {
	if d <= 0 || p.curve == nil {
		return 0
	}
	// The integral is right to within a rounding error; Due decides.
	n := int64(math.Ceil(p.at(d)))
	for n > 0 && p.Due(n-1) >= d {
		n--
	}
	for p.Due(n) < d {
		n++
	}
	return n
}

// CountOf is how many of the requests that are due before d are user u's.
func (p Plan) CountOf(u int, d time.Duration) int64 {
	return max(0, (p.Count(d)-int64(u)+p.users-1)/p.users)
}

// Share lists the users that agent index of so many agents takes: those whose
// id leaves the rest index. A single agent takes all of them.
func (p Plan) Share(index, agents int) []int {
	var share []int
	for u := index; u < int(p.users); u += agents {
		share = append(share, u)
	}
	return share
}

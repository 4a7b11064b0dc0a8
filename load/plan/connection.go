package plan

import (
	"time"

	"github.com/seatrial/seatrial"
)

// CheckConnection lists what is wrong with how a filled load connects.
func CheckConnection(l seatrial.Load) []Problem {
	var problems []Problem
	bad := func(ok bool, hint, text string, field ...string) {
		if !ok {
			problems = append(problems, Problem{Field: field, Text: text, Hint: hint})
		}
	}
	bad(l.Connection.Age >= 0 && l.UserTimeout >= 0 && (l.DNS.Cache >= 0 || l.DNS.Cache == seatrial.Forever || l.DNS.Cache == seatrial.HonourTTL), "", "is below zero", "connectionAge")
	bad(l.Connection.Age == 0 || l.Connections != seatrial.PerRequest, "leave one of the two out", "means nothing where every request has a connection of its own", "connectionAge")
	bad(l.UserTimeout == 0 || l.UserTimeout >= time.Millisecond, "such as tcpUserTimeout: 5s", "is below the kernel's unit, a millisecond", "tcpUserTimeout")
	if h := l.HTTP2; h != nil {
		bad(h.Ping >= 0 && h.PingTimeout >= 0 && (h.Ping > 0 || h.PingTimeout == 0), "such as http2: {ping: 5s, pingTimeout: 2s}", "asks for no ping, yet says how long its answer may take", "http2", "pingTimeout")
		bad(l.Connection.Age == 0 || l.Connections == 1, "one or the other", "means nothing where HTTP/2 sends the requests of several over one connection", "connectionAge")
	}
	return problems
}

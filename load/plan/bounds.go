package plan

import "github.com/seatrial/seatrial"

// CheckPool lists what is wrong with the bounds that a load sets itself.
func CheckPool(l seatrial.Load) []Problem {
	var problems []Problem
	if l.InFlight < 0 {
		problems = append(problems, Problem{Field: []string{"inFlight"}, Text: "is below zero",
			Hint: "write how many requests may be under way at once; without it, users and connections decide"})
	}
	if l.CatchUp != 0 && !(l.CatchUp >= seatrial.LeastCatchUp) {
		problems = append(problems, Problem{Field: []string{"catchUp"}, Text: l.CatchUp.String() + " is too slow to ever catch up",
			Hint: "write at least " + seatrial.LeastCatchUp.String() + ", or unlimited"})
	}
	return problems
}

// CheckAgents says why so many agents cannot share a load.
func CheckAgents(l seatrial.Load, agents int) error {
	return unless(l.InFlight == 0 || l.InFlight >= agents, "load %q: its inFlight %d leaves nothing for some of %d agents: raise it, or use fewer agents",
		l.Name, l.InFlight, agents)
}

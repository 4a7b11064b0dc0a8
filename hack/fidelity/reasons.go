package main

// reason says why a figure of the simulator is knowingly off.
type reason struct {
	scenario, variant, figure string // "*" stands for any
	why                       string
}

// reasons are looked through in order; the first that fits counts. A figure
// that is off and has none is a defect of the model, or an open question.
var reasons = []reason{
	{"pod-delete", "abrupt", "fault_p99", "it lies either near 0.4 s or near the 10 s of the timeout, as a little less or more than one request in a hundred meets an address that is gone: both medians are draws between two values"},
}

// reasonFor is empty where nobody knows one.
func reasonFor(known []reason, r row) string {
	fits := func(pattern, name string) bool { return pattern == "*" || pattern == name }
	for _, k := range known {
		if fits(k.scenario, r.scenario) && fits(k.variant, r.variant) && fits(k.figure, r.figure.Name) {
			return k.why
		}
	}
	return ""
}

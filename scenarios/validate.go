package scenarios

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/seatrial/seatrial"
	"github.com/seatrial/seatrial/load/plan"
)

const (
	maxUsers = 100_000
	// maxOutstanding is what one generator can have under way: it has 28,000
	// local ports for one destination, and some must be left.
	maxOutstanding = 25_000
	maxRate        = 1e6
)

// label is a name as Kubernetes has them (RFC 1123).
const label = `[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?`

var (
	dnsLabel   = regexp.MustCompile(`^` + label + `$`)
	faultName  = regexp.MustCompile(`^[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?$`)
	httpMethod = regexp.MustCompile(`^[A-Z]+$`)
)

// lasting is a fault that takes longer than its `for`, because something goes
// before or after it.
type lasting interface {
	// Lasts is the time from `at` to the end of everything it does.
	Lasts(span time.Duration) time.Duration
}

// validate looks at a decoded spec as a whole; n is where it was written.
func (p *parser) validate(n *yaml.Node, s *seatrial.Spec) {
	p.clusters(n, s)
	p.timeline(n, s)
	p.loads(n, s)
	p.front(n, s)
	p.honoured(n, s)
	p.faults(n, s)
	p.objectives(n, s)
}

func (p *parser) timeline(n *yaml.Node, s *seatrial.Spec) {
	if s.Timeline.Trial == 0 {
		p.badHint(find(n, "timeline", "trial"), "such as timeline: {trial: 60s}", "is required")
	}
}

func (p *parser) loads(n *yaml.Node, s *seatrial.Spec) {
	if len(s.Loads) == 0 {
		p.badHint(find(n, "loads"), "without requests nobody can say what users felt", "at least one load is required")
		return
	}
	for i := range s.Loads {
		p.load(find(n, "loads", i).node, &s.Loads[i], s)
	}
	p.unique(find(n, "loads").node, "loads")
}

func (p *parser) load(n *yaml.Node, l *seatrial.Load, s *seatrial.Spec) {
	p.label(find(n, "name"), l.Name)
	p.target(n, l)
	if _, rate := field(n, "rate"); rate == nil {
		p.badHint(find(n, "rate"), "such as rate: 200/s", "is required")
	} else if problems := plan.CheckRate(*l); len(problems) > 0 {
		p.problems(n, problems)
	} else if !(l.Rate > 0 && l.Rate <= maxRate) { // also when it is not a number
		p.bad(where{node: rate}, "must be above 0 and at most %.0f/s", maxRate)
	} else {
		p.shape(n, l.Shape, s.Timeline.Trial)
	}
	if l.Users < 1 || l.Users > maxUsers {
		p.bad(find(n, "users"), "%d is not between 1 and %d", l.Users, maxUsers)
	}
	if !httpMethod.MatchString(l.Method) {
		p.badHint(find(n, "method"), "such as GET or POST", "%q is not an HTTP method", l.Method)
	}
	p.problems(n, slices.Concat(plan.CheckTargets(*l), plan.CheckConnection(*l), plan.CheckPool(*l), plan.CheckClient(*l)))
	p.outstanding(n, l)
	if longest := l.Client.Longest(); longest <= s.Hurt {
		p.warn(find(n, "client", "timeout"), "a request takes at most %s, which is not above hurt (%s): only failed requests can be hurt", short(longest), short(s.Hurt))
	}
}

func (p *parser) target(n *yaml.Node, l *seatrial.Load) {
	if w := find(n, "target"); w.missing != "" && len(l.Targets) == 0 {
		p.badHint(w, "such as target: http://shop.default.svc.cluster.local/", "is required")
	}
}

// problems reports what the plan says is impossible in a load: the load generator
// and the simulator refuse the same.
func (p *parser) problems(n *yaml.Node, list []plan.Problem) {
	for _, problem := range list {
		path := make([]any, len(problem.Field))
		for i, name := range problem.Field {
			path[i] = name
			if number, err := strconv.Atoi(name); err == nil {
				path[i] = number
			}
		}
		p.badHint(find(n, path...), problem.Hint, "%s", problem.Text)
	}
}

// outstanding warns when a system that hangs would use up the generator.
func (p *parser) outstanding(n *yaml.Node, l *seatrial.Load) {
	most := float64(l.Rate) * l.Client.Longest().Seconds()
	if l.Connections > 0 {
		most = min(most, float64(l.Users)*float64(l.Connections))
	}
	if most >= maxOutstanding && !math.IsNaN(most) {
		p.warn(find(n, "rate"), "%s with a timeout of %s can have %.0f requests under way; beyond %d the generator runs out of ports",
			l.Rate, short(l.Client.Longest()), most, maxOutstanding)
	}
}

func (p *parser) faults(n *yaml.Node, s *seatrial.Spec) {
	for i := range s.Faults {
		if item := find(n, "faults", i); item.missing == "" && s.Faults[i].Fault != nil {
			p.oneFault(item.node, &s.Faults[i], s)
		}
	}
	p.unique(find(n, "faults").node, "faults")
	p.atOnce(n, s)
	p.occurs(n, s)
}

// occurs demands a frequency that can be counted with: what a trial cost can be
// laid on one fault only, and a fault that is always there has no frequency.
func (p *parser) occurs(n *yaml.Node, s *seatrial.Spec) {
	said := ""
	for i, f := range s.Faults {
		w := find(n, "faults", i, "occurs")
		if w.missing != "" {
			continue
		}
		switch {
		case f.Occurs.Every <= 0:
			p.badHint(find(n, "faults", i, "occurs", "every"), "such as 336h, for once in two weeks", "how often it occurs is missing")
		case f.Occurs.Every <= max(f.For, time.Minute):
			p.badHint(find(n, "faults", i, "occurs", "every"), "such as 336h, for once in two weeks", "a fault that occurs every %s is always there", short(f.Occurs.Every))
		case said != "":
			p.badHint(w, "leave it out here, or make a variant or a scenario of each", "%s says how often it occurs, too; what the trial costs cannot be told apart", said)
		case s.SLO.Availability == 0:
			p.warn(w, "without slo.availability there is no budget to count the fault's cost against")
		}
		said = f.Name
	}
}

func (p *parser) oneFault(n *yaml.Node, f *seatrial.FaultSpec, s *seatrial.Spec) {
	if !faultName.MatchString(f.Name) {
		p.badHint(find(n, "name"), "letters, digits and -, at most 63", "%q is not a name", f.Name)
	}
	if !hasCluster(s, f.Cluster) {
		p.badHint(find(n, "cluster"), suggest(f.Cluster, clusterNames(s)), "there is no cluster %q", f.Cluster)
	}
	if checker, ok := f.Fault.(seatrial.Checker); ok {
		if err := checker.Check(f.For); err != nil {
			key, _ := field(n, f.Kind)
			p.badHint(where{node: key}, hintOf(err), "%v", err)
		}
	}
	p.within(n, f, s.Timeline.Trial)
	p.inWindow(n, f, s)
}

// within demands that a fault ends before the trial does.
func (p *parser) within(n *yaml.Node, f *seatrial.FaultSpec, trial time.Duration) {
	length := f.For
	if long, ok := f.Fault.(lasting); ok {
		length = long.Lasts(f.For)
	}
	switch {
	case trial == 0: // reported already
	case f.At >= trial:
		p.badHint(find(n, "at"), "at counts from the trial's start, after the warm-up", "%s lies beyond the trial, which takes %s", short(f.At), short(trial))
	case length > trial-f.At:
		p.badHint(latest(find(n, "at"), find(n, "for")), "shorten it, begin earlier, or lengthen timeline.trial",
			"the fault begins at %s and takes %s, but the trial ends at %s", short(f.At), short(length), short(trial))
	}
}

// latest is the place that was written last: where a variant changes one of two
// fields that do not go together, the one that it changed.
func latest(a, b where) where {
	if a.missing == "" && a.node.Line > b.node.Line {
		return a
	}
	return b
}

// short writes 1m instead of 1m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func (p *parser) objectives(n *yaml.Node, s *seatrial.Spec) {
	if s.SteadyState == (seatrial.Objective{}) {
		p.warn(find(n, "steadyState"), "nothing is asked of the time before the faults: a workload that was broken all along would not be noticed")
	}
	if s.SLO == (seatrial.Objective{}) {
		p.warn(find(n, "slo"), "nothing is asked for: the trial passes whatever users feel, as long as the steady state comes back")
	}
}

// label demands a DNS label: names become parts of paths and object names.
func (p *parser) label(w where, name string) {
	switch {
	case w.missing != "" && name == "":
		p.bad(w, "is required")
	case !dnsLabel.MatchString(name):
		p.badHint(w, "lower-case letters, digits and -, at most 63", "%q is not a name", name)
	}
}

// unique reports every element of a list that has the name of an earlier one.
func (p *parser) unique(list *yaml.Node, what string) {
	if list == nil || list.Kind != yaml.SequenceNode {
		return
	}
	first := byName(list)
	for _, item := range list.Content {
		if name := nameOf(item); name != "" && first[name] != item {
			p.badHint(find(item, "name"), "give each a name of its own", "two %s are named %q", what, name)
		}
	}
}

func hasCluster(s *seatrial.Spec, name string) bool {
	for _, c := range s.Clusters {
		if c.Name == name {
			return true
		}
	}
	return false
}

func clusterNames(s *seatrial.Spec) []string {
	out := make([]string, len(s.Clusters))
	for i, c := range s.Clusters {
		out[i] = c.Name
	}
	return out
}
